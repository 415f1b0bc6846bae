"""The festivals of a market: when they fall, and how a pulse of demand borrows from the weeks that follow.

A festival reaches members through the shared purchase clock alone, which runs faster while it lasts. Most of that
demand is not new: a share of it is taken back from the days after, so a pulse is a peak, a dip and a smaller net.
It is an operator-free pulse; what an operator does at a festival belongs to his strategy.
"""

import datetime as dt
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np

from sim.errors import InputError
from sim.numbers import exp
from sim.units import STRICT, About, Share, between

FIRST_YEAR, LAST_YEAR = 2000, 2049
"""The years whose festivals are known; the table holds one more at either end, for run-ups and dips."""

SLOWEST = 0.1
"""Dips that meet never slow the clock below this share of its usual speed; what they would still take is forgiven."""

FADES = 3.0
"""A dip fades by exp(-FADES) over its length."""

# The lunar New Year's Day, Qingming, Dragon Boat (5th of the 5th month), Qixi (7th of the 7th) and Mid-Autumn (15th
# of the 8th), as month and day. Computed from new moons and the sun's longitude (ephem 4.2.1) by the rules of
# GB/T 33661-2017, UTC+8; all 260 dates agree with lunar_python 1.4.8, those of lunar months with lunardate 0.3.0 and
# LunarCalendar 0.0.9 too, and 186 that are public holidays in Hong Kong with holidays 0.109.
COLUMNS = ("spring", "qingming", "dragon_boat", "qixi", "mid_autumn")
LUNISOLAR = {
    1999: "0216 0405 0618 0817 0924",
    2000: "0205 0404 0606 0806 0912",
    2001: "0124 0405 0625 0825 1001",
    2002: "0212 0405 0615 0815 0921",
    2003: "0201 0405 0604 0804 0911",
    2004: "0122 0404 0622 0822 0928",
    2005: "0209 0405 0611 0811 0918",
    2006: "0129 0405 0531 0731 1006",
    2007: "0218 0405 0619 0819 0925",
    2008: "0207 0404 0608 0807 0914",
    2009: "0126 0404 0528 0826 1003",
    2010: "0214 0405 0616 0816 0922",
    2011: "0203 0405 0606 0806 0912",
    2012: "0123 0404 0623 0823 0930",
    2013: "0210 0404 0612 0813 0919",
    2014: "0131 0405 0602 0802 0908",
    2015: "0219 0405 0620 0820 0927",
    2016: "0208 0404 0609 0809 0915",
    2017: "0128 0404 0530 0828 1004",
    2018: "0216 0405 0618 0817 0924",
    2019: "0205 0405 0607 0807 0913",
    2020: "0125 0404 0625 0825 1001",
    2021: "0212 0404 0614 0814 0921",
    2022: "0201 0405 0603 0804 0910",
    2023: "0122 0405 0622 0822 0929",
    2024: "0210 0404 0610 0810 0917",
    2025: "0129 0404 0531 0829 1006",
    2026: "0217 0405 0619 0819 0925",
    2027: "0206 0405 0609 0808 0915",
    2028: "0126 0404 0528 0826 1003",
    2029: "0213 0404 0616 0816 0922",
    2030: "0203 0405 0605 0805 0912",
    2031: "0123 0405 0624 0824 1001",
    2032: "0211 0404 0612 0812 0919",
    2033: "0131 0404 0601 0801 0908",
    2034: "0219 0405 0620 0820 0927",
    2035: "0208 0405 0610 0810 0916",
    2036: "0128 0404 0530 0828 1004",
    2037: "0215 0404 0618 0817 0924",
    2038: "0204 0405 0607 0807 0913",
    2039: "0124 0405 0527 0826 1002",
    2040: "0212 0404 0614 0814 0920",
    2041: "0201 0404 0603 0803 0910",
    2042: "0122 0404 0622 0822 0928",
    2043: "0210 0405 0611 0811 0917",
    2044: "0130 0404 0531 0731 1005",
    2045: "0217 0404 0619 0819 0925",
    2046: "0206 0404 0608 0808 0915",
    2047: "0126 0405 0529 0827 1004",
    2048: "0214 0404 0615 0816 0922",
    2049: "0202 0404 0604 0805 0911",
    2050: "0123 0404 0623 0823 0930",
}


def lunisolar(name: str, year: int) -> dt.date:
    """The date of one of COLUMNS in a year of the table."""
    said = LUNISOLAR[year].split()[COLUMNS.index(name)]
    return dt.date(year, int(said[:2]), int(said[2:]))


@dataclass(frozen=True)
class Festival:
    """A festival: `rule` gives its first day in a year; it lasts `days`, after `run_up` days that climb to it."""

    name: str
    rule: Callable[[int], dt.date]
    days: int
    run_up: int = 0


def _on(month: int, day: int) -> Callable[[int], dt.date]:
    return lambda year: dt.date(year, month, day)


def _moon(name: str, later: int = 0) -> Callable[[int], dt.date]:
    return lambda year: lunisolar(name, year) + dt.timedelta(later)


CHINA = (
    Festival("new_year", _on(1, 1), days=3),
    Festival("spring_goods", _moon("spring", -17), days=14),
    Festival("spring_festival", _moon("spring", -1), days=8),
    Festival("lantern", _moon("spring", 14), days=1),
    Festival("valentines", _on(2, 14), days=1, run_up=6),
    Festival("womens_day", _on(3, 6), days=3, run_up=5),
    Festival("qingming", _moon("qingming"), days=3),
    Festival("labour_day", _on(5, 1), days=5),
    Festival("childrens_day", _on(6, 1), days=1, run_up=6),
    Festival("mid_year_618", _on(6, 16), days=3, run_up=15),
    Festival("dragon_boat", _moon("dragon_boat"), days=3),
    Festival("qixi", _moon("qixi"), days=1, run_up=6),
    Festival("back_to_school", _on(8, 25), days=10, run_up=7),
    Festival("mid_autumn", _moon("mid_autumn"), days=1, run_up=7),
    Festival("national_day", _on(10, 1), days=7),
    Festival("double_11", _on(11, 9), days=3, run_up=8),
    Festival("double_12", _on(12, 11), days=2, run_up=3),
    Festival("christmas", _on(12, 24), days=2, run_up=5),
)
"""China's festivals; public holidays last as they officially do (the Spring Festival eight days since 2025)."""


def _felt(when: str) -> About:
    return About("of the usual speed", f"extra demand {when}", "0: not felt, unless a market says so", "choice")


_PEAK = between(-0.9, 10)


@dataclass(frozen=True)
class Peaks:
    """How strongly a market feels each festival: 0.5 means a clock half as fast again, below 0 one that is slower."""

    __pydantic_config__ = STRICT

    new_year: Annotated[float, _PEAK, _felt("at New Year, January 1 to 3")] = 0.0
    spring_goods: Annotated[
        float, _PEAK, _felt("while goods are bought for the Spring Festival, 17 to 4 days before it")
    ] = 0.0
    spring_festival: Annotated[float, _PEAK, _felt("at the Spring Festival, 8 days from its eve")] = 0.0
    lantern: Annotated[float, _PEAK, _felt("on the day of the Lantern Festival")] = 0.0
    valentines: Annotated[float, _PEAK, _felt("on Valentine's Day, with a run-up from February 8")] = 0.0
    womens_day: Annotated[float, _PEAK, _felt("at Women's Day, March 6 to 8, with a run-up from March 1")] = 0.0
    qingming: Annotated[float, _PEAK, _felt("at Qingming, 3 days")] = 0.0
    labour_day: Annotated[float, _PEAK, _felt("at Labour Day, May 1 to 5")] = 0.0
    childrens_day: Annotated[float, _PEAK, _felt("on Children's Day, June 1, with a run-up from May 26")] = 0.0
    mid_year_618: Annotated[float, _PEAK, _felt("at 618, June 16 to 18, with a run-up from June 1")] = 0.0
    dragon_boat: Annotated[float, _PEAK, _felt("at the Dragon Boat Festival, 3 days")] = 0.0
    qixi: Annotated[float, _PEAK, _felt("on Qixi, with a run-up of 6 days")] = 0.0
    back_to_school: Annotated[
        float, _PEAK, _felt("around September 1, August 25 to September 3, with a run-up from August 18")
    ] = 0.0
    mid_autumn: Annotated[float, _PEAK, _felt("on the day of Mid-Autumn, with a run-up of 7 days")] = 0.0
    national_day: Annotated[float, _PEAK, _felt("at National Day, October 1 to 7")] = 0.0
    double_11: Annotated[float, _PEAK, _felt("at Double 11, November 9 to 11, with a run-up from November 1")] = 0.0
    double_12: Annotated[float, _PEAK, _felt("at Double 12, December 11 and 12, with a run-up from December 8")] = 0.0
    christmas: Annotated[float, _PEAK, _felt("at Christmas, December 24 and 25, with a run-up from December 19")] = (
        0.0
    )


@dataclass(frozen=True)
class Calendar:
    """Which festivals a market keeps, and how much of a festival's demand is borrowed from the days after it."""

    __pydantic_config__ = STRICT

    festivals: Annotated[
        Literal["none", "china"],
        About("", "which set of festivals there is; `none` switches all of them off", "", "choice"),
    ] = "none"
    strength: Annotated[
        float,
        between(0, 2),
        About("times the peaks", "how strong all festivals are", "1: the peaks as declared", "choice"),
    ] = 1.0
    borrowed: Annotated[
        float,
        Share,
        About(
            "share of the extra demand",
            "how much of a festival's extra demand is missing in the days after it",
            "a trial of festival pull with debt, in which 21-27 % of the peak's extra was left as net",
            "assumption",
        ),
    ] = 0.75
    dip_days: Annotated[
        int,
        between(1, 90),
        About("days", "over how many days it is missing: most of it at once, then fading", "one month", "assumption"),
    ] = 30
    peaks: Peaks = field(default_factory=Peaks)


def festival_speed(calendar: Calendar, first: dt.date, days: int) -> np.ndarray:
    """The clock's speed on each of `days` days from `first` (float64), 1 being its speed without festivals.

    A day's speed does not depend on `first`: dips of festivals before it are counted. Errors: as `check_dates`.
    """
    check_dates(calendar, first, days)
    speed = np.ones(days)
    if calendar.festivals == "none":
        return speed
    for festival in CHINA:
        peak = calendar.strength * float(getattr(calendar.peaks, festival.name))
        if peak == 0.0:
            continue
        pulse = festival_pulse(calendar, festival, peak)
        for start in occurrences(festival, first, days):
            begin = (start - first).days - festival.run_up
            low, high = max(begin, 0), min(begin + len(pulse), days)
            if low < high:
                speed[low:high] += pulse[low - begin : high - begin]
    return np.maximum(speed, SLOWEST)


def festival_pulse(calendar: Calendar, festival: Festival, peak: float) -> np.ndarray:
    """What a festival adds to the clock's speed on each day from its run-up to the end of its dip (float64).

    The run-up climbs evenly to the peak. The dip takes back `borrowed` of the whole in `dip_days`; demand that is
    lost because shops are closed (a peak below 0) does not come back.
    """
    steps = festival.run_up + 1
    extra = [peak * (n + 1) / steps for n in range(festival.run_up)] + [peak] * festival.days
    if peak < 0.0:
        return np.array(extra)
    fading = [exp(-FADES * n / calendar.dip_days) for n in range(calendar.dip_days)]
    debt = calendar.borrowed * math.fsum(extra) / math.fsum(fading)
    return np.array(extra + [-debt * weight for weight in fading])


def occurrences(festival: Festival, first: dt.date, days: int) -> Iterator[dt.date]:
    """The first days of a festival in the years of a run and in the year before and after it, in order."""
    last = first + dt.timedelta(max(days - 1, 0))
    for year in range(first.year - 1, last.year + 2):
        yield festival.rule(year)


def check_dates(calendar: Calendar, first: dt.date, days: int) -> None:
    """Errors: `InputError` where a run with festivals needs a day of a year whose festivals are not known."""
    last = first + dt.timedelta(max(days - 1, 0))
    if calendar.festivals != "none" and (first.year < FIRST_YEAR or last.year > LAST_YEAR):
        raise InputError(
            f"market.calendar.festivals={calendar.festivals}: festivals are known from {FIRST_YEAR} to {LAST_YEAR}, "
            f"and this run, with its past, goes from {first} to {last}; set market.calendar.festivals=none"
        )
