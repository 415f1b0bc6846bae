"""A strategy: levers, each with its period, under one budget.

`read_strategy` finds it by name and varies it in place.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BeforeValidator

from sim.errors import InputError, nearest
from sim.levers.acquisition import Acquisition
from sim.levers.advocates import Advocates
from sim.levers.alliance import Alliance
from sim.levers.assortment import Assortment
from sim.levers.community import Community
from sim.levers.content import Content
from sim.levers.group_buying import GroupBuying
from sim.levers.guard import Guard
from sim.levers.lever import Lever, stage_bits
from sim.levers.member_day import MemberDay
from sim.levers.mending import Mending
from sim.levers.messaging import Messaging
from sim.levers.offers import Offers
from sim.levers.points import Points
from sim.levers.referral import Referral
from sim.levers.sharing import Sharing
from sim.levers.tags import Tags
from sim.levers.tiers import Tiers
from sim.levers.wakeup import Wakeup
from sim.levers.warning import EarlyWarning
from sim.levers.welcome import Welcome
from sim.targets import Ceiling, Target, contradictions, reader
from sim.touch import quiet_at
from sim.units import STRICT, About, NonNegative, between, checked, parameters

_ROOT = Path(__file__).parents[1]
CONFIGS = next((p for p in (_ROOT / "experiments" / "configs", _ROOT / "configs") if p.is_dir()), _ROOT / "configs")
"""Where strategies, levers and markets stand by name."""


@dataclass(frozen=True)
class Budget:
    """What the strategy may spend: messages, content, staff time, samples, and the face value of offers given."""

    __pydantic_config__ = STRICT

    total: Annotated[
        float | None, NonNegative, between(0, 1e12), About("CNY", "over the whole run; empty: no limit")
    ] = None
    monthly: Annotated[
        float | None, NonNegative, between(0, 1e12), About("CNY", "in each calendar month; empty: no limit")
    ] = None
    wage: Annotated[
        float, NonNegative, between(0, 10_000), About("CNY an hour", "of staff time", "assumed", "assumption")
    ] = 60.0


@dataclass(frozen=True)
class Strategy:
    """What the operator does. Where messages compete for a cap or the budget, earlier levers come first."""

    __pydantic_config__ = STRICT

    name: Annotated[str, About("", "the strategy's name")] = "do_nothing"
    targets: Annotated[
        tuple[Target, ...],
        BeforeValidator(reader(Target, "targets")),
        About("", "what is to be reached, in brackets: members>=12000 by 179, the due day; they change nothing else"),
    ] = ()
    ceilings: Annotated[
        tuple[Ceiling, ...],
        BeforeValidator(reader(Ceiling, "ceilings")),
        About(
            "", "guardrails, in brackets: opt_out_share<=10% by 89, on every day until then; they change nothing else"
        ),
    ] = ()
    budget: Budget = field(default_factory=Budget)
    guard: Guard = field(default_factory=Guard)
    welcome: Welcome = field(default_factory=Welcome)
    warning: EarlyWarning = field(default_factory=EarlyWarning)
    wakeup: Wakeup = field(default_factory=Wakeup)
    offers: Offers = field(default_factory=Offers)
    messaging: Messaging = field(default_factory=Messaging)
    content: Content = field(default_factory=Content)
    tags: Tags = field(default_factory=Tags)
    assortment: Assortment = field(default_factory=Assortment)
    mending: Mending = field(default_factory=Mending)
    acquisition: Acquisition = field(default_factory=Acquisition)
    referral: Referral = field(default_factory=Referral)
    advocates: Advocates = field(default_factory=Advocates)
    sharing: Sharing = field(default_factory=Sharing)
    group_buying: GroupBuying = field(default_factory=GroupBuying)
    alliance: Alliance = field(default_factory=Alliance)
    tiers: Tiers = field(default_factory=Tiers)
    member_day: MemberDay = field(default_factory=MemberDay)
    points: Points = field(default_factory=Points)
    community: Community = field(default_factory=Community)

    def levers(self) -> Iterator[tuple[str, Lever]]:
        """The levers that are on, in order of precedence."""
        for f in fields(self):
            lever = getattr(self, f.name)
            if getattr(lever, "on", False):
                yield f.name, lever

    @property
    def operated(self) -> bool:
        """Whether an operator does anything at all."""
        return any(True for _ in self.levers())

    def cross_check(self, prefix: str = "strategy") -> None:
        """What no single key can tell: raises `InputError`."""
        contradictions(self.targets, self.ceilings, f"{prefix}.")
        for name in ("messaging", "offers"):
            lever = getattr(self, name)
            try:
                stage_bits(lever.stages)
            except InputError as wrong:
                raise InputError(f"{prefix}.{name}.{wrong}") from None
        self.content.cross_check(f"{prefix}.content")
        tiers = self.warning.tiers.replace(" ", "").split("+")
        for tier in tiers:
            if tier not in ("mild", "medium", "severe"):
                raise InputError(f"{prefix}.warning.tiers={self.warning.tiers!r}: any of mild+medium+severe")
        if self.warning.on and not self.warning.mild < self.warning.medium < self.warning.severe:
            raise InputError(f"{prefix}.warning: mild, medium and severe must rise")
        if self.assortment.exclusive + self.assortment.clearance > 1.0:
            raise InputError(
                f"{prefix}.assortment: exclusive and clearance are shares and must not exceed 1 together"
            )
        if self.content.on and self.content.topics == "own" and not self.tags.on:
            raise InputError(f"{prefix}.content.topics=own: needs tags; set {prefix}.tags.on=true")
        if self.welcome.on and self.welcome.own_topics and not self.tags.on:
            raise InputError(f"{prefix}.welcome.own_topics=true: needs tags; set {prefix}.tags.on=true")
        if self.referral.on and self.referral.points > 0 and not self.points.on:
            raise InputError(f"{prefix}.referral.points={self.referral.points}: needs {prefix}.points.on=true")
        if self.messaging.on and not self.content.on:
            raise InputError(f"{prefix}.messaging.on: messages need content; set {prefix}.content.on=true")
        if self.offers.on and self.offers.kind in ("percent", "flash", "gift") and self.offers.value > 1.0:
            raise InputError(
                f"{prefix}.offers.value={self.offers.value:g}: is a share where kind={self.offers.kind}, "
                "and must not exceed 1"
            )
        if self.tiers.on and not self.tiers.silver <= self.tiers.gold <= self.tiers.diamond:
            raise InputError(f"{prefix}.tiers: silver, gold and diamond must not fall")
        guard = self.guard
        for name, lever in (("messaging", self.messaging), ("offers", self.offers)):
            alone = name == "offers" or (self.messaging.per_week <= 7.0 and not self.messaging.own_hour)
            if lever.on and alone and quiet_at(lever.hour, guard.quiet_from, guard.quiet_to):
                raise InputError(
                    f"{prefix}.{name}.hour={lever.hour:g}: lies in the guard's quiet hours, "
                    f"{guard.quiet_from:g} to {guard.quiet_to:g}; nothing would be sent"
                )
        groups = self.community
        if groups.on and groups.groups + groups.high_groups + groups.vip_groups == 0:
            raise InputError(f"{prefix}.community: there are no groups; set {prefix}.community.groups to 1 or more")
        if groups.high_share + groups.vip_share > 1.0:
            raise InputError(
                f"{prefix}.community: high_share and vip_share are shares of members and must not exceed 1 together"
            )
        if groups.strike_off and groups.clean_after == 0:
            raise InputError(
                f"{prefix}.community.strike_off=true: nobody is put out; set {prefix}.community.clean_after=30"
            )
        for name, lever in self.levers():
            if lever.stop <= lever.start:
                raise InputError(f"{prefix}.{name}: stop={lever.stop} must come after start={lever.start}")


def known_strategies() -> list[str]:
    """The names of the strategies that come with the package."""
    return sorted(file.stem for file in (CONFIGS / "strategy").glob("*.yaml"))


def read_strategy(spec: str, key: str = "strategies") -> Strategy:
    """The strategy that a text names: `name`, a YAML file's path,
    or either with variations, `name:lever.key=value:…`.

    Errors: `InputError` where there is no such strategy, or a variation does not fit.
    """
    base, *variations = _parts(spec)
    if base.endswith((".yaml", ".yml")):
        file = Path(base)
        if not file.is_file():
            raise InputError(f"{key}: {base}: there is no such file")
        values = _read(file)
        values.setdefault("name", file.stem)
    else:
        file = CONFIGS / "strategy" / f"{base}.yaml"
        if not file.is_file():
            raise InputError(f"{key}: there is no strategy {base!r}; {nearest(base, known_strategies())}")
        values = _read(file)
    paths = {parameter.path for parameter in parameters(Strategy)}
    for text in variations:
        path, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"{key}: {spec}: {text!r} must read lever.key=value")
        if path not in paths:
            raise InputError(f"{key}: {spec}: there is no setting {path!r}; {nearest(path, paths)}")
        place: dict[str, Any] = values
        *groups, last = path.split(".")
        for group in groups:
            if not isinstance(place.setdefault(group, {}), dict):
                raise InputError(f"{base}:{group}={place[group]!r}: must be a group of keys")
            place = place[group]
        try:
            place[last] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise InputError(f"{key}: {spec}: {value!r} is not a value for {path}") from None
    strategy = checked(Strategy, values, prefix=f"{base}:")
    strategy.cross_check(base)
    return strategy


def _parts(spec: str) -> list[str]:
    """A specification cut at its colons, but for one that belongs to a drive's letter."""
    parts = spec.strip().split(":")
    if len(parts) > 1 and len(parts[0]) == 1 and parts[1][:1] in "/\\":
        parts = [f"{parts[0]}:{parts[1]}", *parts[2:]]
    return parts


def _read(file: Path) -> dict[str, Any]:
    """A strategy's YAML as plain values; `/lever/x@x: y` in its defaults brings in the file of a lever."""
    values = _mapping(file)
    merged: dict[str, Any] = {}
    defaults = values.pop("defaults", None) or []
    if not isinstance(defaults, list):
        raise InputError(f"{file}: defaults must be a list, such as - /lever/content@content: usual")
    for entry in defaults:
        if not isinstance(entry, dict):
            continue  # _self_ comes last
        for group, choice in entry.items():
            path, _, place = str(group).partition("@")
            lever = CONFIGS / path.strip("/") / f"{choice}.yaml"
            if not lever.is_file():
                known = [f"/{f.parent.relative_to(CONFIGS).as_posix()}: {f.stem}" for f in _lever_files()]
                near = nearest(f"{path}: {choice}", known)
                raise InputError(f"{file}: {group}: {choice}: there is no such file; {near}")
            merged[place or path.rsplit("/", 1)[-1]] = _mapping(lever)
    for name, value in values.items():
        if isinstance(value, dict) and isinstance(merged.get(name), dict):
            merged[name] |= value
        else:
            merged[name] = value
    return merged


def _lever_files() -> list[Path]:
    return sorted((CONFIGS / "lever").glob("*/*.yaml"))


def _mapping(file: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as problem:
        raise InputError(f"{file}: cannot be read as YAML ({str(problem).splitlines()[0]})") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InputError(f"{file}: must hold keys and values")
    return _words(found)


def _words(values: dict[Any, Any]) -> dict[str, Any]:
    """Keys as words: YAML reads a bare `on` as a truth value."""
    bare = {True: "on", False: "off"}
    return {
        bare[key] if isinstance(key, bool) else str(key): _words(value) if isinstance(value, dict) else value
        for key, value in values.items()
    }
