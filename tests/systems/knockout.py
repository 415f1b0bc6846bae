"""The marker `shows`: what it must say, and the settings that switch a test's mechanism off."""

import copy
import os
import re
from collections.abc import Collection, Mapping
from typing import Any

import pytest

from sim.errors import nearest
from tests.systems import table

SWITCH = "MEMBERSIM_KNOCKOUT"
"""The environment variable that, set to 1, runs every marked test with its mechanism off."""

ROOTS = ("response", "strategy", "market", "population", "guard")
"""Where a path of a knockout begins: how people respond, an operator's lever, the market, the base life, a guard."""

PATH = re.compile(rf"(?:{'|'.join(ROOTS)})(?:\.\w+)+")


def active(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The settings that the fixture `lab` must change for this test: none in a normal run.

    A dotted path and its value each, all of them together. Errors: `RuntimeError` from a fixture wider than one test,
    `ValueError` where the marker is wrong.
    """
    if request.scope != "function":
        raise RuntimeError(f"{request.fixturename}: knockouts belong to one test, so its scope must be 'function'")
    marker = request.node.get_closest_marker("shows")
    if marker is None:
        return {}
    if wrong := problems(request.node, request.fixturenames):
        raise ValueError("\n".join(wrong))
    return copy.deepcopy(dict(marker.kwargs["knockout"])) if os.environ.get(SWITCH) == "1" else {}


def problems(test: pytest.Item, fixtures: Collection[str]) -> list[str]:
    """What is wrong with the marker `shows` of a test that takes these fixtures; nothing for a test without one."""
    markers = list(test.iter_markers("shows"))
    if not markers:
        return []
    if len(markers) > 1:
        return [f"{test.name}: has more than one marker `shows`"]
    marker, found = markers[0], []
    if not marker.args:
        found.append("names no id")
    found += [f"{one!r} is not in the table; {near(one)}" for one in marker.args if one not in table()]
    found += [f"{key!r} is unknown; allowed: knockout" for key in marker.kwargs if key != "knockout"]
    knockout = marker.kwargs.get("knockout")
    if not isinstance(knockout, Mapping) or not knockout:
        found.append("needs knockout={path: value, ...} with at least one path")
    else:
        begins = ", ".join(f"{root}." for root in ROOTS)
        strange = [path for path in knockout if not (isinstance(path, str) and PATH.fullmatch(path))]
        found += [f"{path!r} is no path of a knockout; one begins with {begins}" for path in strange]
    if "lab" not in fixtures:
        found.append("the test must take the fixture `lab`, which applies the knockout")
    return [f"{test.name}: shows: {problem}" for problem in found]


def near(name: object) -> str:
    """The nearest id of the table, or how ids look."""
    hint = nearest(str(name), table())
    return hint if hint.startswith("did you mean") else "ids look like A017 and story-3"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Check the marker `shows` of each test. Errors: a collection error with one line per problem."""
    if wrong := problems(metafunc.definition, metafunc.fixturenames):
        raise pytest.Collector.CollectError("\n".join(wrong))
