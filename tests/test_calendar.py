"""The calendar: dates that are right in every year, and pulses that borrow from the weeks that follow."""

import datetime as dt
import math
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.behaviour.buying import Buying
from sim.behaviour.drifting import Drifting
from sim.behaviour.spending import Spending
from sim.engine import Behaviour, EmbeddedFounders, Plan, World
from sim.errors import InputError
from sim.units import checked
from sim.world.calendar import (
    CHINA,
    COLUMNS,
    LUNISOLAR,
    SLOWEST,
    Calendar,
    Peaks,
    festival_pulse,
    festival_speed,
    lunisolar,
    occurrences,
)
from sim.world.market import Disturbance, Joining, Market
from sim.world.season import Season

NAMES = [festival.name for festival in CHINA]
YEARS = range(2000, 2050)


def only(name: str, peak: float, **how: float) -> Calendar:
    """A calendar that feels one festival."""
    return checked(Calendar, {"festivals": "china", "peaks": {name: peak}, **how})


def rule(name: str, year: int) -> dt.date:
    """The first day of a festival in a year."""
    return CHINA[NAMES.index(name)].rule(year)


# -- dates ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "day"),
    [
        (
            "spring",
            "2000-02-05 2008-02-07 2014-01-31 2020-01-25 2023-01-22 2024-02-10 2025-01-29 2026-02-17 2033-01-31",
        ),
        ("dragon_boat", "2001-06-25 2009-05-28 2014-06-02 2020-06-25 2023-06-22 2024-06-10 2025-05-31 2026-06-19"),
        ("qixi", "2006-07-31 2014-08-02 2020-08-25 2023-08-22 2024-08-10 2025-08-29 2026-08-19"),
        ("mid_autumn", "2006-10-06 2017-10-04 2020-10-01 2023-09-29 2024-09-17 2025-10-06 2026-09-25 2033-09-08"),
        ("qingming", "2007-04-05 2008-04-04 2020-04-04 2023-04-05 2024-04-04 2025-04-04 2026-04-05"),
    ],
)
def test_days_that_people_remember(name: str, day: str) -> None:
    """Dates of public holidays, with years after a leap month (2001, 2006, 2014, 2017, 2020, 2023, 2025, 2033)."""
    for text in day.split():
        date = dt.date.fromisoformat(text)
        assert lunisolar(name, date.year) == date


def new_moon(number: int) -> float:
    """The instant of a new moon in days UTC+8 since 2000-01-01 0h: Meeus, Astronomical Algorithms, chapter 49.

    The largest terms alone, good to about ten minutes; `number` 0 is that of 6 January 2000.
    """
    t = number / 1236.85
    day = 2451550.09766 + 29.530588861 * number + 0.00015437 * t * t
    e = 1 - 0.002516 * t
    sun = math.radians(2.5534 + 29.1053567 * number)
    moon = math.radians(201.5643 + 385.81693528 * number + 0.0107582 * t * t)
    node = math.radians(160.7108 + 390.67050284 * number - 0.0016118 * t * t)
    day += -0.4072 * math.sin(moon) + 0.17241 * e * math.sin(sun) + 0.01608 * math.sin(2 * moon)
    day += 0.01039 * math.sin(2 * node) + 0.00739 * e * math.sin(moon - sun) - 0.00514 * e * math.sin(moon + sun)
    day += 0.00208 * e * e * math.sin(2 * sun) - 0.00111 * math.sin(moon - 2 * node)
    dynamical = 69.0 / 86400  # seconds by which the sky's clock is ahead of ours, about
    return day - 2451544.5 - dynamical + 8 / 24


def test_lunar_days_stand_where_the_moon_says() -> None:
    """A lunar month begins on the day of a new moon in China: a check that needs none of the other sources."""
    zero = dt.date(2000, 1, 1)
    moons = [new_moon(number) for number in range(-15, 640)]
    near = 0
    for year in LUNISOLAR:
        for name, later in (("spring", 0), ("dragon_boat", 4), ("qixi", 6), ("mid_autumn", 14)):
            first = (lunisolar(name, year) - zero).days - later
            moon = min(moons, key=lambda at: abs(at - (first + 0.5)))
            assert first - 0.01 <= moon <= first + 1.01, (year, name)
            near += not first + 0.01 <= moon <= first + 0.99
    assert near <= 12, "so few are too near midnight for the short series to be sure"


def test_lunar_months_follow_each_other() -> None:
    """Four lunar months lie before Dragon Boat, two before Qixi, one before Mid-Autumn; or one more."""
    for year in LUNISOLAR:
        spring, qingming, boat, qixi, autumn = (lunisolar(name, year) for name in COLUMNS)
        assert dt.date(year, 1, 21) <= spring <= dt.date(year, 2, 20)
        assert qingming in (dt.date(year, 4, 4), dt.date(year, 4, 5))
        assert (boat - spring).days in (*range(121, 124), *range(150, 153)), year
        assert (qixi - boat).days in (60, 61, 62, 90, 91), year
        assert (autumn - qixi).days in (37, 38, 66, 67, 68), year
        if year + 1 in LUNISOLAR:
            assert (lunisolar("spring", year + 1) - spring).days in (353, 354, 355, 383, 384, 385)


def test_fixed_days() -> None:
    for year in (2000, 2026, 2049):
        assert rule("new_year", year) == dt.date(year, 1, 1)
        assert rule("double_11", year) + dt.timedelta(2) == dt.date(year, 11, 11)
        assert rule("mid_year_618", year) + dt.timedelta(2) == dt.date(year, 6, 18)
        assert rule("womens_day", year) + dt.timedelta(2) == dt.date(year, 3, 8)
        assert rule("childrens_day", year) == dt.date(year, 6, 1)
    assert rule("lantern", 2026) == dt.date(2026, 3, 3)
    assert rule("spring_festival", 2026) == dt.date(2026, 2, 16)


def test_every_festival_has_a_peak_and_every_peak_a_festival() -> None:
    assert [field.name for field in fields(Peaks)] == NAMES
    assert set(vars(Peaks()).values()) == {0.0}


@pytest.mark.parametrize("name", NAMES)
def test_a_festival_comes_once_a_year(name: str) -> None:
    festival = CHINA[NAMES.index(name)]
    days = list(occurrences(festival, dt.date(2000, 1, 1), 18263))
    assert [day.year for day in days] == list(range(1999, 2051))
    assert all(festival.days >= 1 and festival.run_up >= 0 for festival in CHINA)


# -- pulses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("calendar", [Calendar(), replace(Calendar(), peaks=Peaks(double_11=2.0))])
def test_without_festivals_the_clock_is_not_touched(calendar: Calendar) -> None:
    speed = festival_speed(calendar, dt.date(1950, 1, 1), 400)
    assert speed.dtype == np.float64
    assert (speed == 1.0).all()


def test_a_pulse_is_a_peak_a_dip_and_a_smaller_net() -> None:
    new_year = dt.date(2026, 1, 1)
    speed = festival_speed(only("double_11", 0.9), new_year, 365)

    def on(month: int, day: int) -> float:
        return speed[(dt.date(2026, month, day) - new_year).days]

    assert on(10, 31) == on(12, 12) == 1.0
    assert on(11, 1) == pytest.approx(1.1)
    assert on(11, 8) == pytest.approx(1.8)
    assert on(11, 9) == on(11, 11) == pytest.approx(1.9)
    assert on(11, 12) < on(12, 11) < 1.0
    extra = 0.9 * (3 + 4)
    assert (speed[speed > 1] - 1).sum() == pytest.approx(extra)
    assert (speed - 1).sum() == pytest.approx(0.25 * extra), "a quarter of the extra remains"
    assert (np.diff(speed[315:345]) > 0).all(), "the dip fades"


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(NAMES),
    peak=st.floats(0.01, 2),
    strength=st.floats(0, 2),
    borrowed=st.floats(0, 1),
    dip_days=st.integers(1, 90),
)
def test_what_is_borrowed_is_exact(name: str, peak: float, strength: float, borrowed: float, dip_days: int) -> None:
    """Sum of a pulse = (1 - borrowed) of its extra demand; strength scales it."""
    festival = CHINA[NAMES.index(name)]
    calendar = only(name, peak, strength=strength, borrowed=borrowed, dip_days=dip_days)
    pulse = festival_pulse(calendar, festival, strength * peak)
    assert len(pulse) == festival.run_up + festival.days + dip_days
    extra = strength * peak * (festival.days + festival.run_up / 2)
    assert pulse.sum() == pytest.approx((1 - borrowed) * extra, abs=1e-9)


def test_a_closed_shop_does_not_borrow() -> None:
    speed = festival_speed(only("spring_festival", -0.6), dt.date(2026, 1, 1), 365)
    assert np.flatnonzero(speed != 1).tolist() == list(range(46, 54)), "16 to 23 February"
    assert speed[46:54] == pytest.approx(0.4)


def test_strength_scales_and_the_clock_never_stops() -> None:
    weak, strong = (festival_speed(only("qixi", 0.4, strength=s), dt.date(2026, 1, 1), 365) for s in (0.5, 1.0))
    assert (weak - 1) * 2 == pytest.approx(strong - 1)
    assert festival_speed(only("double_11", 10), dt.date(2026, 1, 1), 365).min() == SLOWEST
    assert festival_speed(only("spring_festival", -0.9, strength=2), dt.date(2026, 1, 1), 365).min() == SLOWEST
    assert (festival_speed(only("qixi", 0.4, strength=0), dt.date(2026, 1, 1), 365) == 1).all()


@settings(max_examples=40, deadline=None)
@given(first=st.dates(dt.date(2000, 1, 1), dt.date(2048, 1, 1)), days=st.integers(0, 500))
def test_a_day_does_not_depend_on_where_the_run_begins(first: dt.date, days: int) -> None:
    """Dips from before the first day and run-ups of next year's festivals are there, to the bit."""
    calendar = checked(Calendar, {"festivals": "china", "dip_days": 90, "peaks": dict.fromkeys(NAMES, 0.3)})
    zero = dt.date(2000, 1, 1)
    whole = festival_speed(calendar, zero, 18263)
    at = (first - zero).days
    assert (festival_speed(calendar, first, days) == whole[at : at + days]).all()


# -- wrong values, and the run -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"festivals": "chna"}, ["market.calendar.festivals='chna'", "'none' or 'china'", "did you mean 'china'?"]),
        ({"strength": 3}, ["market.calendar.strength=3", "[0, 2]"]),
        ({"borrowed": 1.5}, ["market.calendar.borrowed=1.5", "[0, 1]"]),
        ({"dip_days": 0}, ["market.calendar.dip_days=0", "[1, 90]"]),
        ({"peaks": {"double_11": -1}}, ["market.calendar.peaks.double_11=-1", "[-0.9, 10]"]),
        ({"peaks": {"double11": 1}}, ["market.calendar.peaks.double11", "did you mean 'peaks.double_11'?"]),
        ({"peaks": {"double_11": True}}, ["market.calendar.peaks.double_11=true", "not a truth value"]),
    ],
)
def test_wrong_values_are_answered(values: dict[str, object], said: list[str]) -> None:
    with pytest.raises(InputError) as wrong:
        checked(Calendar, values, prefix="market.calendar.")
    for words in said:
        assert words in str(wrong.value)


@pytest.mark.parametrize(("first", "days"), [(dt.date(1999, 12, 31), 10), (dt.date(2049, 12, 1), 32)])
def test_years_without_a_table_are_refused(first: dt.date, days: int) -> None:
    with pytest.raises(InputError, match=r"market.calendar.festivals=china: .*2000 to 2049.*festivals=none"):
        festival_speed(only("double_11", 1), first, days)


def orders_a_day(market: Market, days: int) -> np.ndarray:
    """Orders of 4,000 alike members who never drift away, on each day from 1 October 2026."""
    behaviour = Behaviour(Buying(100.0, 1000.0), Drifting(100.0, 1e6), Spending())
    world = World(Plan(dt.date(2026, 10, 1), days, EmbeddedFounders(4000, behaviour, 30), market), seed=3)
    totals = []
    for day in range(days + 1):
        totals.append(sum(int(rows["orders"][low:high].sum()) for rows, _, low, high in world.population.ranges()))
        if day < days:
            world.step()
    return np.diff(totals)


@pytest.mark.statistical
def test_members_buy_more_at_a_festival_and_less_after_it() -> None:
    """Orders follow the pulse: five stretches, each within 4.5 standard deviations (false alarm below 1e-4)."""
    even = Market(season=Season("none"), disturbance=Disturbance(0.0, 0.0), joining=Joining(0.0))
    calendar = only("double_11", 0.9)
    without, pulse = orders_a_day(even, 90), orders_a_day(replace(even, calendar=calendar), 90)
    speed = festival_speed(calendar, dt.date(2026, 10, 1), 90)
    assert (without[:31] == pulse[:31]).all(), "the days before are the same to the bit"
    for low, high in ((31, 39), (39, 42), (42, 52), (52, 72), (72, 90)):
        expected = without.mean() * speed[low:high].sum()
        assert abs(pulse[low:high].sum() - expected) < 4.5 * math.sqrt(expected), (low, high)
