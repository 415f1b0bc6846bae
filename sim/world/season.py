"""The season: how much faster the purchase clock runs at one time of the year than at another.

An index is one number per calendar month, the mean over a year being 1. It is an *assumption* carried in from
outside the user's log, with its source, and `strength` switches it off (0) or on (1).
"""

import calendar
import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from sim.units import STRICT, About, between


@dataclass(frozen=True)
class SeasonIndex:
    """A named monthly index: `months` are twelve factors, January first, whose day-weighted mean is 1."""

    months: tuple[float, ...]
    source: str


# Monthly sales of general merchandise, apparel, furniture, electronics, sporting goods, hobby, book, music and
# office supply stores (GAFO), United States, million USD, not adjusted: U.S. Census Bureau, Monthly Retail
# Trade Survey, "Estimates of Monthly Retail and Food Services Sales by Kind of Business", 1992, 1993 and 1995.
_GAFO = {
    1992: (33947, 35290, 38791, 40618, 42295, 41056, 41031, 44713, 41556, 44983, 51304, 78783),
    1993: (36727, 35943, 41250, 43702, 45433, 44487, 44981, 47549, 45279, 47727, 55349, 83363),
    1995: (42124, 41429, 48982, 48933, 51746, 51854, 50233, 54993, 52148, 52667, 63622, 92340),
}


def _monthly_index(sales: dict[int, tuple[int, ...]]) -> tuple[float, ...]:
    """Sales per day of each month, relative to the year and freed of the trend between years; mean 1."""
    first, last = min(sales), max(sales)
    growth = np.log(sum(sales[last]) / sum(sales[first])) / (last - first)
    months = np.arange(12)
    trend = np.exp(growth * (months - 5.5) / 12)
    days = np.array([[calendar.monthrange(year, m + 1)[1] for m in range(12)] for year in sales])
    daily = np.array(list(sales.values())) / days / trend
    index = (daily / daily.mean(axis=1, keepdims=True)).mean(axis=0)
    weights = days.mean(axis=0)
    index = index * weights.sum() / (index * weights).sum()
    return tuple(float(f"{value:.4f}") for value in index)


INDICES: dict[str, SeasonIndex] = {
    "none": SeasonIndex((1.0,) * 12, "no season"),
    "us_general_merchandise": SeasonIndex(
        _monthly_index(_GAFO),
        "U.S. Census Bureau, Monthly Retail Trade Survey, GAFO sales 1992, 1993 and 1995, per day, detrended",
    ),
}


@dataclass(frozen=True)
class Season:
    """The yearly season of the market."""

    __pydantic_config__ = STRICT

    index: Annotated[
        Literal["auto", "log", "us_general_merchandise", "none"],
        About(
            "",
            "which monthly index speeds the purchase clock: `log` estimates it from two years of log or more; "
            "`auto` does so where it can, and takes us_general_merchandise elsewhere",
            "U.S. Census Bureau, Monthly Retail Trade Survey, GAFO sales 1992, 1993, 1995",
            "assumption",
        ),
    ] = "auto"
    strength: Annotated[
        float,
        between(0, 1.5),
        About("", "how much of the index acts: 0 none, 1 all", "the index as published", "assumption"),
    ] = 1.0


def monthly_speed(season: Season, estimated: tuple[float, ...] = ()) -> tuple[float, ...]:
    """The clock's speed in each calendar month (12 numbers, January first), the strength applied.

    estimated: the index that was estimated from a log, where one was.
    """
    name = season.index
    if name in ("auto", "log"):
        name = "us_general_merchandise"
    months = estimated or INDICES[name].months
    return tuple(max(1.0 + season.strength * (month - 1.0), 0.0) for month in months)


def daily_speed(months: tuple[float, ...], first: dt.date, days: int) -> np.ndarray:
    """The clock's speed on each of `days` days from `first` (float64), from its twelve monthly speeds."""
    return np.array(months)[calendar_month(first, np.arange(days)) % 12]


def calendar_month(start: dt.date, days: np.ndarray) -> np.ndarray:
    """The calendar month of each day counted from `start`, in months since January 1970 (int64)."""
    when = np.datetime64(start, "D") + days.astype("timedelta64[D]")
    return when.astype("datetime64[M]").astype(np.int64)
