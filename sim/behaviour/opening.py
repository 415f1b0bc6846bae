"""Opening: whether he reads a message, visits after it, and says something.

Match, hour, trust, fatigue, novelty, habit.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from sim.behaviour.shapes import ORDINARY_TRUST, SET, TRIAL, hour_distance, logistic
from sim.jit import rule
from sim.numbers import exp, log
from sim.touch import ANY_NEED, BENEFIT, CARE, FUN
from sim.units import STRICT, About, NonNegative, Positive, Share, between


@dataclass(frozen=True)
class Opening:
    """When messages are opened and followed."""

    __pydantic_config__ = STRICT

    ordinary: Annotated[
        float,
        between(-10, 10),
        About("logits", "of opening an ordinary general message at ordinary trust", SET, "assumption"),
    ] = -0.6
    match: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About(
            "logits",
            "from a message astray to one that suits",
            "between a modeller's trial (2.2) and what an e-mail about the wrong goods showed (3.9, Hillstrom)",
            "assumption",
        ),
    ] = 3.0
    general_match: Annotated[
        float, Share, About("", "the match of a message about nothing in particular", TRIAL, "assumption")
    ] = 0.45
    hour: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About("logits", "from the wrong hour to his own", "20:00 beats 10:00 by a quarter in claims", "assumption"),
    ] = 2.0
    hour_width: Annotated[
        float, Positive, between(0.1, 12), About("hours", "how wide his hour is", TRIAL, "assumption")
    ] = 3.0
    trust: Annotated[
        float, NonNegative, between(0, 20), About("logits per unit of trust", "trust opens", TRIAL, "assumption")
    ] = 2.5
    tired: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About(
            "logits per log of 1 + load",
            "fatigue closes; must exceed 1, or more messages are always more opens",
            SET,
            "assumption",
        ),
    ] = 2.1
    novelty: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About("logits", "from a worn-out format to a fresh one", SET, "assumption"),
    ] = 0.8
    selling: Annotated[
        float, NonNegative, between(0, 10), About("logits", "less for a promotion", SET, "assumption")
    ] = 1.8
    fun: Annotated[float, between(-5, 5), About("logits", "more for an amusing message", "assumed", "assumption")] = (
        0.3
    )
    care: Annotated[float, between(-5, 5), About("logits", "more for a personal word", "assumed", "assumption")] = 0.5
    path: Annotated[
        float,
        NonNegative,
        between(0, 5),
        About("logits", "more where it arrives on the path he likes", "assumed", "assumption"),
    ] = 0.3
    habit: Annotated[
        float,
        NonNegative,
        between(0, 5),
        About("logits", "more for one in the habit of opening", "assumed", "assumption"),
    ] = 0.5
    habit_gain: Annotated[
        float, Share, About("share", "of the way to full habit at each opening", "assumed", "assumption")
    ] = 0.05
    habit_memory: Annotated[
        float, Positive, between(1, 365), About("days", "how fast the habit fades", "assumed", "assumption")
    ] = 30.0
    expected: Annotated[
        float,
        NonNegative,
        between(0, 5),
        About(
            "logits",
            "more on a day on which members expect a message",
            "a content calendar creates expectation: claim",
            "assumption",
        ),
    ] = 0.15
    drifted: Annotated[
        float, NonNegative, between(0, 10), About("logits", "less for one who has drifted away", SET, "assumption")
    ] = 1.3
    hunter: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About("logits", "less for a hunter where there is no offer", TRIAL, "assumption"),
    ] = 1.5
    visit: Annotated[
        float,
        between(-10, 10),
        About(
            "logits",
            "of visiting after a general message was opened",
            "click-to-open of e-mail 13 % to 50 % by kind",
            "assumption",
        ),
    ] = -0.4
    visit_match: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About("logits", "of visiting, from a message astray to one that suits", "assumed", "assumption"),
    ] = 1.0
    interact: Annotated[
        float,
        between(-10, 10),
        About("logits", "of answering, liking or posting after opening", TRIAL, "assumption"),
    ] = -0.9

    interact_trust: Annotated[
        float, NonNegative, between(0, 20), About("logits per unit of trust", "trust speaks up", TRIAL, "assumption")
    ] = 1.5
    interact_match: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About("logits", "of answering, from a message astray to one that suits", TRIAL, "assumption"),
    ] = 1.0
    interact_selling: Annotated[
        float, NonNegative, between(0, 10), About("logits", "less answering to a promotion", TRIAL, "assumption")
    ] = 1.2
    interact_fun: Annotated[
        float, between(-5, 5), About("logits", "more answering to an amusing message", "assumed", "assumption")
    ] = 0.4


@rule
def matched(topic: int, need: int, o: Any) -> float:
    """How well a message about `topic` suits one with this need:
    a property of the message and the member together.
    """
    if topic == ANY_NEED:
        return o.general_match
    return 1.0 if topic == need else 0.0


@rule
def sent_at(r: Any, send: Any) -> float:
    """The hour at which a message reaches him: his own where it is meant to and is known, otherwise the message's."""
    return r.known_hour if send.own_hour == 1 and r.known_hour >= 0.0 else send.hour


@rule
def hour_matched(hour: float, own: float, o: Any) -> float:
    """How well an hour suits him: 1 at his own, falling off over a few hours."""
    apart = hour_distance(hour, own) / o.hour_width
    return exp(-0.5 * apart * apart)


@rule
def open_probability(r: Any, send: Any, match: float, hour_match: float, load: float, attached: int, o: Any) -> float:
    """The chance that he opens a message."""
    logit = o.ordinary + r.eagerness + o.match * (match - o.general_match) + o.hour * (hour_match - 0.5)
    logit += o.trust * (r.trust - ORDINARY_TRUST) - o.tired * log(1.0 + load) - o.novelty * r.staleness[send.form]
    logit += o.habit * r.habit
    if send.kind == BENEFIT:
        logit -= o.selling
    elif send.kind == FUN:
        logit += o.fun
    elif send.kind == CARE:
        logit += o.care
    if send.path == r.path:
        logit += o.path
    if send.expected == 1:
        logit += o.expected
    if attached == 0:
        logit -= o.drifted
    if r.hunter == 1 and send.offer < 0:
        logit -= o.hunter
    return logistic(logit)


@rule
def visit_probability(match: float, o: Any) -> float:
    """The chance that he visits after opening."""
    return logistic(o.visit + o.visit_match * (match - o.general_match))


@rule
def interact_probability(r: Any, kind: int, match: float, o: Any) -> float:
    """The chance that he answers, likes or posts after opening."""
    logit = o.interact + o.interact_trust * (r.trust - ORDINARY_TRUST) + o.interact_match * (match - o.general_match)
    if kind == BENEFIT:
        logit -= o.interact_selling
    elif kind == FUN:
        logit += o.interact_fun
    return logistic(logit)
