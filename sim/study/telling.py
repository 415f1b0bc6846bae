"""A trace in words: the lines of a member's day, each decision with its draw, its threshold and its named parts."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from sim.accounting import posting
from sim.accounting.metrics import LOSS_WORDS
from sim.behaviour.day import NEVER
from sim.study.recording import Call, Draw, Entry, plain
from sim.touch import FORMATS, KINDS, NEEDS, NO_OFFER, OFFER_KINDS, PATHS, TIERS

DETAIL, OF_THE_DAY, OF_THE_LIFE = range(3)
"""How much a line matters: a detail, a thing of the day, a turn of his life."""
MESSAGES = {"useful": "useful message", "fun": "amusing message", "benefit": "promotion", "care": "personal word"}
PERMISSION = ("reachable", "muted", "blocked", "gone")
WAYS = {1: "mutes the operator", 2: "blocks the operator", 3: "leaves the membership"}
OFFERS = ("is given", "uses", "lets expire")

DECISIONS: dict[tuple[str, int], tuple[tuple[str, str], ...]] = {
    ("OPENING", 0): (("opens the {message}", "leaves the {message} unopened"),),
    ("OPENING", 1): (("visits after it", "does not visit after it"),),
    ("PULL", 0): (("orders on impulse", "does not order on impulse"),),
    ("PULL", 1): (("answers it", "does not answer it"),),
    ("COUPON", 1): (("comes back for it", "does not come back for it"),),
    ("EARNED", 1): (("comes back for the earned coupon", "does not come back for the earned coupon"),),
    ("PATIENCE", 1): (("leaves altogether", "does not leave altogether"), ("mutes", "does not mute, but blocks")),
    ("EXPERIENCE", 0): (
        ("is disappointed by the goods", "is not disappointed by the goods"),
        ("is disappointed by the service", "is not disappointed by the service"),
        ("is disappointed by the delivery", "is not disappointed by the delivery"),
    ),
    ("EXPERIENCE", 1): (("looks through his unread coupons", "does not look through his unread coupons"),),
    ("ORDER_VALUE", 1): (("gets the order for nothing", "pays for the order"),),
    ("SIGN_IN", 0): (("signs in", "does not sign in"),),
    ("GROUP_ASKED", 0): (("comes into the group", "does not come into the group"),),
    ("GROUP_DAY", 0): (("speaks in his group", "says nothing in his group"),),
    ("GROUP_DAY", 1): (("leaves his group", "stays in his group"),),
    ("GROUP_HAWK", 0): (("advertises something of his own", "advertises nothing of his own"),),
    ("GROUP_DEAL", 0): (("gathers friends for the group deal", "gathers nobody for the group deal"),),
    ("MEMBER_DAY", 0): (("thinks of the member day", "does not think of the member day"),),
    ("PUT_OFF", 0): (("puts the order off until the member day", "does not wait for the member day"),),
    ("SOLD_OUT", 0): (("comes too late: the goods have run out", "finds goods left"),),
    ("SOLD_OUT", 1): (("takes other goods", "takes no other goods"), ("comes again tomorrow", "buys elsewhere")),
    ("SHOWING", 0): (("shows the order to others", "does not show the order"),),
    ("GATE", 0): (("takes the trouble at the gate", "turns away at the gate"),),
    ("JOINING", 0): (("is persuaded to join", "is not yet persuaded to join"),),
    ("NEED_CHANGE", 0): (
        ("comes to want knowledge", "does not come to want knowledge"),
        ("comes to want a good price", "does not come to want a good price"),
        ("comes to want status", "comes to want convenience"),
    ),
    ("SURVEY", 0): (("says how often and when he wants to hear", "does not answer the question"),),
    ("TAGGING", 0): (("is misread by the operator", "is read rightly by the operator"),),
    ("GOODS", 0): (
        ("takes goods of the clearance", "takes none of the clearance"),
        ("takes exclusive goods", "takes ordinary goods"),
    ),
}
"""What a draw below its threshold means, and one that is not, by decision and number; comparison by comparison."""
MATTERS = {
    ("OPENING", 0): (OF_THE_DAY, OF_THE_DAY), ("OPENING", 1): (OF_THE_DAY, DETAIL), ("JOINING", 0): (1, 1),
    ("PULL", 0): (OF_THE_DAY, DETAIL), ("GATE", 0): (DETAIL, OF_THE_DAY), ("PUT_OFF", 0): (OF_THE_DAY, DETAIL),
    ("SIGN_IN", 0): (OF_THE_DAY, DETAIL), ("MEMBER_DAY", 0): (OF_THE_DAY, DETAIL),
    ("SOLD_OUT", 0): (OF_THE_DAY, DETAIL), ("SOLD_OUT", 1): (OF_THE_DAY, OF_THE_DAY),
}  # fmt: skip
"""How much a decision matters to the story of the day, where it falls so and where it does not; else a detail."""
DRAWS = {
    "PURCHASE_GAP": "his clock is set: {value:.2f} mean gaps between two orders",
    "VISIT_GAP": "his next visit is set: {value:.2f} mean gaps between two visits",
    "DRIFT_TIME": "how long he stays is set: {value:.2f} of his mean stay",
    "PATIENCE": "how much he bears before he opts out is set: {value:.2f} of hazard",
    "URGE": "how much he bears before he invites is set: {value:.2f} of hazard",
}
CLOCKS = {
    "order_at": "his clock reaches his next order",
    "drift_at": "the moment comes when he drifts away",
    "visit_at": "the moment of his next visit comes",
    "patience": "he has borne enough",
    "urge": "he has had it on his mind for long enough to tell others",
}
RESPONSES = {
    "own_visits": (DETAIL, "looks in of his own accord"),
    "returned": (OF_THE_LIFE, "comes back"),
    "signins": (DETAIL, "signs in"),
    "posts": (OF_THE_DAY, "posts in his group"),
    "shares": (OF_THE_DAY, "shows his order to others"),
    "points_earned": (DETAIL, "earns {amount} points"),
    "points_redeemed": (OF_THE_DAY, "redeems {amount} points"),
    "points_expired": (OF_THE_DAY, "loses {amount} points"),
    "coupon_orders": (DETAIL, "orders with an offer"),
    "discount_cents": (DETAIL, "saves {money}"),
}
"""Events of `posting.RESPONSES` that are told; the others are money and counts of the operator."""
BOOKKEEPING = {
    "seen", "sent_upto", "sent_days", "mass_days", "sent_month", "sent_in", "messages", "sold", "tag_day",
    "marked", "mark_count", "own_row", "segment", "key", "last_month", "cohort",
}  # fmt: skip
"""Fields whose change is no news of its own."""
SHOWN = {
    "trust": "trust", "fatigue": "fatigue", "habit": "habit of opening", "satisfaction": "satisfaction",
    "reference_price": "reference price", "pace": "pace of buying", "drift_pace": "pace of drifting away",
    "points": "points", "urge_rate": "hazard of inviting",
    "visit_pace": "pace of visits",
}  # fmt: skip
DIGITS = {"points": 0, "urge_rate": 4}
BEGINNINGS = {"meet", "join", "enrol", "enter", "join_rows"}
"""Verbs that fill a new row: that its fields change says nothing."""
ASIDE = {"next_day", "order_day", "next_operated_day"}
"""Rules that look ahead and decide nothing."""


class Line(NamedTuple):
    """One line of a life, without whose it is.

    moment: morning, an hour, day or evening; step: the verb of the day; kind: message, refusal (a message was meant
    for him and held back), decision (a draw met its threshold), clock (a clock did), draw, event or change; rank: how
    much it matters; decision, at, part: which draw, `at` being its index; outcome: whether the draw was below the
    threshold, or the event's name; parts: `name=value`, what the threshold was made of.
    """

    day: int
    moment: str
    step: str
    kind: str
    rank: int
    decision: str
    at: int
    part: int
    draw: float
    threshold: float
    outcome: str
    parts: str
    words: str


NONE = float("nan")


def line(
    day: int, moment: str, step: str, kind: str, words: str, rank: int = DETAIL, outcome: str = "", parts: str = ""
) -> Line:
    """A line that has no draw."""
    return Line(day, moment, step, kind, rank, "", -1, -1, NONE, NONE, outcome, parts, words)


def figure(value: Any) -> str:
    """A number in a list of parts."""
    value = plain(value)
    return f"{int(value)}" if float(value) == int(value) and abs(value) < 1e15 else f"{float(value):.6g}"


def clock(hour: float) -> str:
    """An hour of the day as 20:00."""
    minutes = round(60 * hour)
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def money(cents: Any, unit: str = "CNY") -> str:
    """An amount."""
    return f"{int(cents) / 100:,.2f} {unit}"


def in_parts(calls: Iterable[Call], prefix: str = "") -> Iterator[str]:
    """The parts that rules were made of, `name=value` each: results, arguments, what was read of his rows."""
    for call in calls:
        if isinstance(call.value, int | float | np.integer) and not prefix:
            yield f"{call.name}={figure(call.value)}"
        told: set[str] = set()
        for name, value in call.arguments():
            told.add(name)
            yield f"{prefix}{name}={figure(value)}"
            inner = getattr(value, "calls", ())
            if inner and not prefix:
                yield from in_parts(inner, f"{name}.")
        for name, value in call.reads.items():
            if name not in told and isinstance(value, int | float) and name != "key":
                yield f"{prefix}{name}={figure(value)}"


def joined(parts: Iterable[str]) -> str:
    """Parts as one text, each once."""
    return " ".join(dict.fromkeys(parts))


def message_words(send: Any, hour: float) -> str:
    """What a message is, in short: `promotion at 20:00`."""
    return f"{MESSAGES[KINDS[int(send.kind)]]} at {clock(hour)}"


def message_parts(send: Any, hour: float, offers: Any) -> str:
    """What it is made of."""
    topic = NEEDS[int(send.topic)] if send.topic >= 0 else "general"
    out = [f"kind={KINDS[int(send.kind)]}", f"topic={'his' if send.personal == 1 else topic}", f"hour={hour:g}",
           f"path={PATHS[int(send.path)]}", f"form={FORMATS[int(send.form)]}"]  # fmt: skip
    if send.pull > 0.0:
        out.append(f"pull={send.pull:g}")
    if send.offer != NO_OFFER:
        out.append(f"offer={OFFER_KINDS[int(offers[int(send.offer)].kind)]}")
    return " ".join(out)


def change_words(changes: dict[str, tuple[Any, Any]]) -> tuple[int, str]:
    """How much changes matter, and the words for those that matter most."""
    told: list[tuple[int, str]] = []
    for name, (old, new) in changes.items():
        if name in SHOWN:
            old, new = (f"{value:.{DIGITS.get(name, 2)}f}" for value in (old, new))
            told += [(DETAIL, f"{SHOWN[name]} {old} → {new}")] if old != new else []
        elif name == "need":
            told.append((OF_THE_DAY, f"what he wants changes from {NEEDS[old]} to {NEEDS[new]}"))
        elif name == "tag" and new >= 0:
            told.append((DETAIL, f"the operator takes it that he wants {NEEDS[new]}"))
        elif name == "guarded" and new == 0:
            told.append((OF_THE_LIFE, "the member who brought him has gone: nobody holds him any more"))
        elif name == "koc":
            told.append((OF_THE_LIFE, f"{'becomes' if new else 'is no longer'} one of the operator's advocates"))
        elif name == "brought":
            who = "a member whom he brought" if new - old == 1 else f"{new - old} members whom he brought"
            told.append((OF_THE_LIFE, f"is credited with {who}"))
        elif name == "group":
            said = f"comes into community group {new}" if new >= 0 else "is in no community group any more"
            told.append((OF_THE_DAY, "declines to come into a group") if old == -1 > new else (OF_THE_LIFE, said))
        elif name == "tier_until" and old == 0:
            told.append((DETAIL, "is entered into the ladder of tiers"))
        elif name == "diagnosed" and new >= 0:
            told.append((DETAIL, f"the operator finds by a diagnosis that he wants {NEEDS[new]}"))
        elif name == "listed" and new == 0:
            told.append((OF_THE_LIFE, "is struck off by the operator"))
    rank = max((rank for rank, _ in told), default=DETAIL)
    return rank, ", ".join(words for matters, words in told if matters == rank)


def change_line(day: int, moment: str, step: str, changes: dict[str, tuple[Any, Any]]) -> Line | None:
    """A line of fields that changed; None where none of them is news."""
    kept = {
        name: pair for name, pair in changes.items() if name.split(".")[0] not in BOOKKEEPING and pair[0] != pair[1]
    }
    if not kept:
        return None
    rank, words = (DETAIL, "") if step in BEGINNINGS else change_words(kept)
    parts = " ".join(f"{name}={figure(old)}→{figure(new)}" for name, (old, new) in kept.items())
    return line(day, moment, step, "change", words, rank, parts=parts)


@dataclass
class Teller:
    """Turns the trace of one member's day into lines.

    sends: today's messages as rules saw them; hours: at which each reaches him; offers: the run's offers; unit: of
    money.
    """

    day: int
    unit: str = "CNY"
    sends: Sequence[Any] = ()
    hours: dict[int, float] = field(default_factory=dict)
    offers: Sequence[Any] = ()

    def lines(self, entries: Sequence[Entry], moment: str = "day") -> list[Line]:
        """The lines of a trace, in the order in which things happened."""
        out: list[Line] = []
        changes: dict[str, tuple[Any, Any]] = {}
        verb, seen = None, {}
        for entry in entries:
            steps = [call for call in entry.call.above() if call.name]
            if any(call.name in ASIDE for call in steps):
                continue
            current = steps[-2] if len(steps) > 1 else steps[-1] if steps else entry.call
            if current is not verb:
                self._close(out, changes, verb, moment)
                verb = current
            if entry.kind == "set":
                old = changes[entry.what][0] if entry.what in changes else entry.value
                changes[entry.what] = (old, entry.bound)
            elif entry.kind == "draw":
                told = self._draw(entry, self._moment(verb, moment), current.name)
                out += [told] if told else []
            elif entry.kind == "compared":
                told = self._compared(entry, self._moment(verb, moment), current, seen)
                if told and (not out or told != out[-1]):
                    out.append(told)
            else:
                told = self._event(entry, self._moment(verb, moment), current.name)
                out += [told] if told else []
        self._close(out, changes, verb, moment)
        return out

    def _close(self, out: list[Line], changes: dict[str, tuple[Any, Any]], verb: Call | None, moment: str) -> None:
        told = change_line(self.day, self._moment(verb, moment), verb.name, changes) if verb and changes else None
        out += [told] if told else []
        changes.clear()

    def _send(self, verb: Call | None) -> int:
        """Which of today's messages a call of `receive` is about; -1 for other calls."""
        if verb is None or verb.name != "receive":
            return -1
        send = verb.args[verb.names.index("send")]
        return next(n for n, known in enumerate(self.sends) if known is send)

    def _moment(self, verb: Call | None, otherwise: str) -> str:
        at = self._send(verb)
        if at >= 0:
            return clock(self.hours[at])
        return "morning" if verb is not None and verb.name in MORNING else otherwise

    def _draw(self, entry: Entry, moment: str, step: str) -> Line | None:
        draw: Draw = entry.what
        single = draw.kind in ("exponential", "normal", "gamma")
        if draw.compared or not (single or draw.used):
            return None
        said = DRAWS.get(draw.decision, "")
        words = said.format(value=draw.value) if said and (single) else f"drawn: {draw.decision.lower()}"
        return Line(
            self.day,
            moment,
            step,
            "draw",
            DETAIL,
            draw.decision,
            draw.index,
            draw.part,
            draw.value,
            NONE,
            "",
            "",
            words,
        )

    def _compared(self, entry: Entry, moment: str, verb: Call, seen: dict[int, int]) -> Line | None:
        if isinstance(entry.what, str):
            if entry.value >= NEVER or entry.bound >= NEVER:
                return None
            drawn = any(call.name == "offer_push" for call in entry.calls)
            if not (entry.below or drawn):
                return None
            words, rank = CLOCKS[entry.what], DETAIL
            if drawn:
                words = "the offer draws his next order forward" if entry.below else (
                    "the offer is too weak to draw his next order forward")  # fmt: skip
                rank = OF_THE_DAY if entry.below else DETAIL
            parts = joined(in_parts(call for call in entry.calls if call.name != "clock_tonight"))
            yes = "yes" if entry.below else "no"
            return Line(self.day, moment, verb.name, "clock", rank, entry.what, -1, -1, entry.value, entry.bound,
                        yes, parts, words)  # fmt: skip
        draw: Draw = entry.what
        nth = seen[id(draw)] = seen.get(id(draw), -1) + 1
        calls = entry.calls or ((entry.call,) if entry.call.room not in ("day", "recruiting") else ())
        key = (draw.decision, draw.part)
        said = DECISIONS.get(key, ())
        if nth < len(said) and not (key == ("PATIENCE", 1) and draw.index):
            at = self._send(verb)
            message = message_words(self.sends[at], self.hours[at]) if at >= 0 else "message"
            words = said[nth][0 if entry.below else 1].format(message=message)
        else:
            words = f"{entry.call.name.replace('_', ' ')}: {'below' if entry.below else 'not below'}"
        rank = MATTERS.get(key, (DETAIL, DETAIL))[0 if entry.below else 1]
        outcome = "yes" if entry.below else "no"
        return Line(self.day, moment, verb.name, "decision", rank, draw.decision, draw.index, draw.part, draw.value,
                    entry.bound, outcome, joined(in_parts(calls)), words)  # fmt: skip

    def _event(self, entry: Entry, moment: str, step: str) -> Line | None:
        call: Call = entry.what
        args = dict(zip(call.names, map(plain, call.args), strict=True))
        args |= {"nth": call.reads.get("orders", 0), "old": call.reads.get("tier", 0)}
        found = self._said(call.name, args)
        if found is None:
            return None
        rank, outcome, parts, words = found
        return line(self.day, moment, step, "event", words, rank, outcome, parts)

    def _said(self, name: str, args: dict[str, Any]) -> tuple[int, str, str, str] | None:
        """How much an event matters, its name, its parts and words; None for one that is not told."""
        match name:
            case "post_order":
                nth, paid = args["nth"] + 1, money(args["value"], self.unit)
                return OF_THE_LIFE, "orders", f"cents={args['value']} number={nth}", f"orders for {paid} (no. {nth})"
            case "post_drift":
                return OF_THE_LIFE, "drifts away", "", "drifts away, silently"
            case "post_joining":
                return OF_THE_LIFE, "joins", "", "becomes a member"
            case "post_removal":
                return OF_THE_LIFE, "struck off", "", "is struck off by the operator"
            case "post_opt_out":
                return OF_THE_LIFE, WAYS[args["way"]].split()[0], "", WAYS[args["way"]]
            case "post_loss":
                cause = posting.CAUSES[args["cause"]]
                return OF_THE_DAY, "cause", f"cause={cause}", f"what makes him go: {LOSS_WORDS[cause]}"
            case "post_ladder":
                old, new = TIERS[args["old"]], TIERS[args["tier"]]
                verb = "rises" if args["tier"] > args["old"] else "falls"
                return OF_THE_LIFE, "tier", f"tier={new}", f"{verb} from tier {old} to {new}"
            case "post_group_joined":
                return OF_THE_LIFE, "group", f"group={args['group']}", f"comes into community group {args['group']}"
            case "post_group_left":
                return OF_THE_LIFE, "group left", "", "leaves his community group"
            case "post_news" if args["channel"] == posting.DEPARTED:
                return DETAIL, "departs", "", "those whom he brought are without him"
            case "post_news":
                channel, count = posting.CHANNELS[args["channel"]], args["count"]
                people = "one person" if count == 1 else f"{count} persons"
                return (
                    OF_THE_LIFE,
                    "tells",
                    f"channel={channel} persons={count}",
                    (f"tells {people} of the membership ({channel.replace('_', ' ')})"),
                )
            case "post_offer":
                offer = OFFER_KINDS[int(self.offers[args["place"]].kind)].replace("_", " ")
                parts = f"offer={offer.replace(' ', '_')} at_most_cents={args['cents']}"
                rank = DETAIL if args["event"] == 2 else OF_THE_DAY
                return rank, f"offer {OFFERS[args['event']]}", parts, f"{OFFERS[args['event']]} an offer ({offer})"
            case "post_response":
                event, amount = posting.RESPONSES[args["event"]], int(args["amount"])
                if event not in RESPONSES or amount == 0:
                    return None
                rank, words = RESPONSES[event]
                return rank, event, f"amount={amount}", words.format(amount=amount, money=money(amount, self.unit))
            case _:
                return None


MORNING = {"recover", "think_of_leaving", "keep_account", "recall"}
"""Verbs of the day that come before its first message."""
