"""membersim: a laboratory for membership growth."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.model import Member, MembershipModel
    from sim.store import read_results
    from sim.study.compare import compare
    from sim.study.forecast import forecast
    from sim.study.optimize import optimize
    from sim.study.replay import replay
    from sim.study.seek import seek
    from sim.study.sensitivity import sensitivity
    from sim.study.sweep import sweep

__all__ = [
    "Member",
    "MembershipModel",
    "compare",
    "forecast",
    "optimize",
    "read_results",
    "replay",
    "seek",
    "sensitivity",
    "sweep",
]

_HOMES = {
    "Member": "sim.model",
    "MembershipModel": "sim.model",
    "compare": "sim.study.compare",
    "forecast": "sim.study.forecast",
    "optimize": "sim.study.optimize",
    "read_results": "sim.store",
    "replay": "sim.study.replay",
    "seek": "sim.study.seek",
    "sensitivity": "sim.study.sensitivity",
    "sweep": "sim.study.sweep",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for, so that importing a part stays fast."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'sim' has no attribute {name!r}")
