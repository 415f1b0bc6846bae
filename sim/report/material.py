"""What a run's folder says: its files read once, and numbers and dates put into words."""

import datetime as dt
import functools
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
LEVELS = ("mean", "p025", "p10", "p25", "p50", "p75", "p90", "p975")
STAGES = ("active", "new", "at_risk", "dormant_30", "dormant_60", "dormant_90", "lost")


def date_words(day: dt.date) -> str:
    """A date as in `1 October 1997`, whatever the locale."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def month_words(month: str, short: bool = False) -> str:
    """A month as in `October 1997`, from `1997-10`."""
    year, at = month.split("-")
    name = MONTHS[int(at) - 1]
    return f"{name[:3] if short else name} {year}"


def number(value: float) -> str:
    """A number as a reader wants it: whole, thousands separated; one decimal below 10."""
    if not math.isfinite(value):
        return "not known"
    if abs(value) < 9.95 and abs(value - round(value)) > 0.005:
        return f"{value:,.1f}"
    return f"{round(value):,}"


def percent(share: float) -> str:
    """A share as a percentage: whole, one decimal below 10 %."""
    value = 100.0 * share
    return f"{value:.1f} %" if 0.0 < abs(value) < 9.95 else f"{value:.0f} %"


def figures(value: float) -> str:
    """A parameter: four significant digits, without an exponent where it can be avoided."""
    if not math.isfinite(value):
        return "not known"
    if value == 0 or 1e-4 <= abs(value) < 1e7:
        digits = 4 if value == 0 else max(0, 3 - math.floor(math.log10(abs(value))))
        text = f"{value:,.{digits}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.3g}"


def usable(numbers: Mapping[str, Any]) -> bool:
    """Whether a mean and its quantiles can be those of a count or an amount.

    False for a number that is not finite or below zero, and for a mean outside its own 95 % interval, which
    only a few simulated futures that ran away can bring about.
    """
    try:
        values = [float(numbers[key]) for key in LEVELS if key in numbers]
    except (TypeError, ValueError):
        return False
    if not all(math.isfinite(value) and value >= 0.0 for value in values):
        return False
    low, high = numbers.get("p025"), numbers.get("p975")
    if low is None or high is None:
        return True
    slack = 1e-9 * (1.0 + abs(float(high)))
    return float(low) - slack <= float(numbers["mean"]) <= float(high) + slack


def rounding(low: float, high: float) -> float:
    """The step to round to so that the width of an interval keeps two significant digits; at least 1."""
    width = high - low
    return max(1.0, 10.0 ** (math.floor(math.log10(width)) - 1)) if width > 0 else 1.0


def rounded(value: float, step: float) -> str:
    """A number rounded to a step, thousands separated."""
    return f"{round(value / step) * step:,.0f}"


def signed(value: float, width: float) -> str:
    """A difference with its sign, rounded so that an interval of this width keeps two significant digits."""
    digits = min(max(0, 1 - math.floor(math.log10(width))), 3) if width > 0 else 0 if value == round(value) else 2
    step = max(1.0, 10.0 ** (math.floor(math.log10(width)) - 1)) if width > 0 else 1.0
    shown = f"{round(value / step) * step if digits == 0 else value:+,.{digits}f}"
    return shown.lstrip("+-") if not shown.strip("+-0.,") else shown


def unsigned(value: float, width: float) -> str:
    """The same without a plus."""
    return signed(value, width).lstrip("+")


def relative(value: float | None) -> str:
    """A relative effect, given in %, with its sign; empty where there is none."""
    if value is None or not math.isfinite(value):
        return ""
    if value == 0:
        return "0 %"
    return f"{value:+,.1f} %" if abs(value) < 9.95 else f"{value:+,.0f} %"


def read_words(file: Path, words: Sequence[str]) -> pd.DataFrame | None:
    """A CSV whose columns `words` are text as it stands, `none` and `nan` included; None where there is no file."""
    if not file.exists():
        return None
    return pd.read_csv(file, dtype=dict.fromkeys(words, str), keep_default_na=False, na_values=[""])


def minus(text: str) -> str:
    """A printed minus is not a hyphen; hyphens in names stay."""
    return re.sub(r"(?<!\w)-(?=\d)", "−", text)


def effect_words(entry: Mapping[str, Any], money: str = "CNY") -> str:
    """An effect as a sentence: how large, how sure, and, where it is not told apart from 0, that."""
    effect, low, high = (float(entry[key]) for key in ("effect", "low95", "high95"))
    label, baseline, width = entry["label"], entry["baseline"], high - low
    if width == 0.0 and effect == 0.0:
        return f"{label}: the same as {baseline} in every replication"
    unit = f" {money}" if entry.get("unit") == "CNY" else ""
    if width == 0.0:
        return f"{label}: {signed(effect, width)}{unit} in every replication"
    number = f"{signed(effect, width)}{unit} (95 %: {unsigned(low, width)} to {unsigned(high, width)})"
    if low <= 0.0 <= high:
        return f"{label}: not told apart from 0: {number}"
    share = relative(entry.get("relative_pct"))
    return f"{label}: {number}" + (f", {share} on {baseline}" if share else "")


def mean_words(pair: Mapping[str, Any], money: str = "CNY") -> str:
    """Whether the mean difference of a pair is settled: more runs help where it is not."""
    low, high, width = float(pair["low"]), float(pair["high"]), float(pair["high"]) - float(pair["low"])
    one, other = pair["strategy"], pair["baseline"]
    if pair["settled"] == "same":
        return f"{one} and {other}: the same in every replication"
    unit = f" {money}" if pair["unit"] == "CNY" else ""
    size = f"{signed(float(pair['effect']), width)}{unit}"
    size += f" (95 %: {unsigned(low, width)} to {unsigned(high, width)})" if width else " in every replication"
    if pair["settled"] == "apart":
        better = (float(pair["effect"]) > 0) == (pair["wins_by"] == "more")
        return f"on average {one} is {'better' if better else 'worse'} than {other}: {size}"
    largest = unsigned(max(abs(low), abs(high)), width)
    if pair["settled"] == "small":
        least = unsigned(float(pair["smallest"]), width)
        return f"{one} and {other} differ by less than what matters on average ({least}{unit}): {size}"
    return f"{one} against {other}: cannot tell yet, no average difference larger than {largest}{unit}: {size}"


def chance_words(pair: Mapping[str, Any]) -> str:
    """In what share of worlds a strategy wins: more runs do not help."""
    one, other, count = pair["strategy"], pair["baseline"], int(pair["replications"])
    if pair["p_low95"] is None:
        return f"{one} and {other} are the same in every replication"
    low, high = (percent(float(pair[key])).removesuffix(" %") for key in ("p_low95", "p_high95"))
    ties = int(pair["ties"])
    halves = f"; {ties} {'tie counts' if ties == 1 else 'ties count'} half" if ties else ""
    return (
        f"{one} is better than {other}, having {pair['wins_by']}, in {percent(float(pair['p_better']))} of {count} "
        f"worlds (95 %: {low} to {high} %{halves})"
    )


def call_words(call: Mapping[str, Any], money: str = "CNY") -> str:
    """A comparison's call on its number, in a sentence."""
    best, second, label = call["best"], call["runner_up"], call["label"]
    after = f"after {call['replications']} replications"
    lead = next(p for p in call["pairs"] if {p["strategy"], p["baseline"]} == {best, second})
    if not call["settled"]:
        unsure = [pair for pair in call["pairs"] if pair["settled"] == "open"]
        width = min(float(pair["high"]) - float(pair["low"]) for pair in unsure)
        largest = max(abs(float(pair[key])) for pair in unsure for key in ("low", "high"))
        unit = f" {money}" if call["unit"] == "CNY" else ""
        who = "; ".join(f"{pair['strategy']} against {pair['baseline']}" for pair in unsure)
        return (
            f"Cannot tell yet, {after}, by {label}: {who}. No average difference there is larger than "
            f"{unsigned(largest, width)}{unit}"
        )
    if lead["settled"] == "same":
        return f"Called {after}, by {label}: {best} and {second} are the same in every replication"
    if lead["settled"] == "small":
        share = f"{call['smallest_pct']:g} %"
        return (
            f"Called {after}, by {label}: {best} and {second} differ by less than {share} of the baseline's average"
        )
    return f"Called {after}, by {label}: {best} is best on average, {second} next"


class Headline:
    """One headline number of summary.json, with its intervals in words."""

    def __init__(self, entry: dict[str, Any]) -> None:
        self.entry = entry
        self.metric = str(entry["metric"])
        self.usable = usable(entry)
        self.mean = float(entry["mean"])
        self.low80, self.high80 = float(entry["p10"]), float(entry["p90"])
        self.low95, self.high95 = float(entry["p025"]), float(entry["p975"])
        self.error = float(entry["monte_carlo_se"])
        self.fixed = self.high95 == self.low95

    def _round(self, value: float) -> str:
        return rounded(value, rounding(self.low80, self.high80))

    @property
    def about(self) -> str:
        """The mean, rounded to what the band's width justifies."""
        return self._round(self.mean)

    @property
    def between80(self) -> str:
        """`between a and b`, the 80 % interval, rounded."""
        return f"between {self._round(self.low80)} and {self._round(self.high80)}"

    @property
    def between95(self) -> str:
        """`between a and b`, the 95 % interval, rounded."""
        return f"between {self._round(self.low95)} and {self._round(self.high95)}"

    def standing(self, value: float) -> str:
        """Where a number lies: inside the 80 % band, inside the 95 % band only, or outside."""
        return standing(value, self.low80, self.high80, self.low95, self.high95)


def standing(value: float, low80: float, high80: float, low95: float, high95: float) -> str:
    """Where a number lies against two bands, in words."""
    if low80 <= value <= high80:
        return "inside the 80 % band"
    if low95 <= value <= high95:
        return "outside the 80 % band, inside the 95 % band"
    return f"outside the 95 % band ({'above' if value > high95 else 'below'} it)"


class Material:
    """The files of a run's folder, finished or not; nothing else is read and nothing is simulated."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.summary: dict[str, Any] = self._json("summary.json")
        self.parameters: dict[str, Any] = self._json("parameters.json", {})
        self.manifest: dict[str, Any] = self._json("manifest.json", {})
        config = folder / "config.yaml"
        self.config: dict[str, Any] = yaml.safe_load(config.read_text(encoding="utf-8")) if config.exists() else {}
        self.start = dt.date.fromisoformat(self.summary["start"])
        self.end = dt.date.fromisoformat(self.summary["end"])
        self.days = int(self.summary["days"])
        self.replications = int(self.summary["replications"])
        self.title = str(self.summary["title"])
        self.headlines = {entry["metric"]: Headline(entry) for entry in self.summary["headlines"]}

    def _json(self, name: str, missing: Any = None) -> Any:
        file = self.folder / name
        if missing is not None and not file.exists():
            return missing
        return json.loads(file.read_text(encoding="utf-8"))

    @property
    def data_name(self) -> str:
        """The name of the data: `none` for a run without a log, `log` for one's own, which a path alone means."""
        data = self.config.get("data") or {}
        return "log" if data.get("path") else str(data.get("name") or "none")

    @property
    def has_log(self) -> bool:
        """Whether the run starts from a purchase log."""
        return self.data_name != "none"

    @property
    def unit_of_money(self) -> str:
        """The unit of amounts, in short: that of the log where there is one, whatever the tables call it."""
        if not self.has_log:
            return "CNY"
        return "US dollars" if self.data_name.startswith("cdnow") else "log's currency"

    def in_money(self, unit: str) -> str:
        """A unit in words, amounts in that of the log where there is one: `CNY a member`, `US dollars a member`."""
        return re.sub(r"\bCNY\b", self.unit_of_money, unit)

    @functools.cached_property
    def _forecast(self) -> dict[str, pd.DataFrame]:
        frame = pd.read_csv(self.folder / "forecast.csv")
        return {str(name): rows.set_index("day").sort_index() for name, rows in frame.groupby("metric", sort=False)}

    def forecast(self, metric: str) -> pd.DataFrame | None:
        """A metric's rows of forecast.csv by day; None where absent, or where no reader should trust them."""
        rows = self._forecast.get(metric)
        if rows is None or rows.empty:
            return None
        values = rows[list(LEVELS)].to_numpy(dtype=float)
        if not (np.isfinite(values).all() and (values >= 0.0).all()):
            return None
        return rows

    def trusted(self, metric: str) -> bool:
        """Whether the total of a flow up to the end, or a stock at the end, is a number one can print."""
        rows = self._forecast.get(metric)
        return (
            rows is not None
            and len(rows) > 0
            and usable(dict(zip(rows.columns.astype(str), rows.iloc[-1].tolist(), strict=True)))
        )

    @functools.cached_property
    def closed(self) -> bool:
        """Whether nobody joins in any simulated future."""
        rows = self._forecast.get("joined_to_date")
        return rows is None or (float(rows["p975"].max()) == 0.0 and float(rows["mean"].max()) == 0.0)

    def _log(self, name: str) -> dict[str, pd.Series]:
        file = self.folder / name
        if not file.exists():
            return {}
        frame = pd.read_csv(file, usecols=["day", "metric", "value"])
        return {
            str(metric): rows.set_index("day")["value"].sort_index()
            for metric, rows in frame.groupby("metric", sort=False)
        }

    @functools.cached_property
    def history(self) -> dict[str, pd.Series]:
        """What the log says before the jump-off, by metric; days below 0."""
        return self._log("history.csv")

    @functools.cached_property
    def actuals(self) -> dict[str, pd.Series]:
        """What the log says after the jump-off, by metric; days from 0 on."""
        return self._log("actuals.csv")

    def actual_weeks(self, metric: str) -> pd.Series | None:
        """Sums over the whole weeks of the forecast that the log covers, by the week's last day."""
        daily = self.actuals.get(metric)
        if daily is None:
            return None
        known = set(daily.index)
        ends = [end for end in range(6, self.days, 7) if all(end - i in known for i in range(7))]
        if not ends:
            return None
        return pd.Series([float(daily.loc[end - 6 : end].sum()) for end in ends], index=ends)

    def actual_total(self, metric: str) -> float | None:
        """What the log says about the whole forecast period; None where it does not cover all of it."""
        total = self.actual_to_date(metric)
        return float(total.iloc[-1]) if total is not None and len(total) == self.days else None

    def actual_to_date(self, metric: str) -> pd.Series | None:
        """What the log says, added up from day 0 on; None where it begins later or has gaps."""
        daily = self.actuals.get(metric)
        if daily is None:
            return None
        daily = daily[daily.index < self.days]
        if len(daily) == 0 or list(daily.index) != list(range(len(daily))):
            return None
        return daily.cumsum()

    def declared(self, path: str, default: Any) -> Any:
        """The value of a setting: as parameters.json has it, else as the config has it."""
        entry = (self.parameters.get("declared") or {}).get(path)
        if entry is not None:
            return entry.get("value", default)
        value: Any = self.config
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return default if value is None else value

    def history_weeks(self, metric: str, most: int = 39) -> pd.Series | None:
        """Sums over the last whole weeks before the jump-off, by the week's last day (-1, -8 …).

        Where the membership is closed, only weeks after the last joining: before it, first orders tower.
        """
        daily = self.history.get(metric)
        if daily is None:
            return None
        weeks = min(most, (int(-daily.index.min())) // 7)
        joined = self.history.get("joined")
        if self.closed and joined is not None and bool((joined > 0).any()):
            since = -1 - int(joined[joined > 0].index.max())
            weeks = min(weeks, since // 7) if since // 7 >= 4 else weeks
        if weeks == 0:
            return None
        span = daily.reindex(range(-7 * weeks, 0), fill_value=0.0)
        values = span.to_numpy().reshape(weeks, 7).sum(axis=1)
        return pd.Series(values, index=range(-7 * (weeks - 1) - 1, 0, 7))

    def date(self, day: int) -> dt.date:
        """The date of a day of the run."""
        return self.start + dt.timedelta(int(day))

    @functools.cached_property
    def growth(self) -> pd.DataFrame:
        """Means over replications of growth.parquet by month; churned is NaN where it is not known."""
        columns = ["month", "new", "retained", "resurrected", "churned", "active", "whole"]
        frame = pd.read_parquet(self.folder / "growth.parquet", columns=columns)
        frame["month"] = frame["month"].astype(str)
        means = frame.groupby("month", sort=True).mean()
        means["whole"] = means["whole"] > 0.5
        means.loc[means["churned"] < 0, "churned"] = np.nan
        return means

    @functools.cached_property
    def cohorts(self) -> pd.DataFrame:
        """joining_month, age_months, month, share: of a cohort, active in a whole month; observed: by the log."""
        columns = ["joining_month", "age_months", "size", "active"]
        frame = pd.read_parquet(self.folder / "cohorts.parquet", columns=columns)
        sums = frame.groupby(["joining_month", "age_months"], observed=True)[["size", "active"]].sum().reset_index()
        sums["joining_month"] = sums["joining_month"].astype(str)
        base = pd.PeriodIndex(sums["joining_month"], freq="M")
        sums["month"] = [str(period + int(age)) for period, age in zip(base, sums["age_months"], strict=True)]
        whole = self.growth["whole"].to_dict()
        sums = sums[[bool(whole.get(month, False)) for month in sums["month"]]]
        sums["share"] = sums["active"] / sums["size"]
        sums["size"] = sums["size"] / self.replications
        sums["observed"] = False
        if (self.folder / "cohorts_history.csv").exists():
            past = pd.read_csv(self.folder / "cohorts_history.csv")
            past["joining_month"] = past["joining_month"].astype(str)
            base = pd.PeriodIndex(past["joining_month"], freq="M")
            past["month"] = [str(period + int(age)) for period, age in zip(base, past["age_months"], strict=True)]
            past["share"] = past["active"] / past["size"]
            past["observed"] = True
            sums = pd.concat([past[list(sums.columns)], sums], ignore_index=True)
        return sums.reset_index(drop=True)

    @functools.cached_property
    def stage_words(self) -> dict[str, str]:
        """What each lifecycle stage means, with this run's thresholds in days."""
        limits = self.summary["stage_limits_days"]
        risk, d30, d60, d90 = (int(limits[key]) for key in ("at_risk", "dormant_30", "dormant_60", "dormant_90"))

        def span(low: int, high: int) -> str:
            return f"{low} to {high} days" if high > low else f"{low} days"

        return {
            "active": f"Active: two orders or more, the last less than {risk} days ago",
            "new": f"New: one order only, less than {d30} days ago",
            "at_risk": f"At risk: two orders or more, silent {span(risk, d30 - 1)}",
            "dormant_30": f"Dormant: silent {span(d30, d60 - 1)}",
            "dormant_60": f"Deeply dormant: silent {span(d60, d90 - 1)}",
            "dormant_90": f"Long dormant: silent {d90} days or more",
            "lost": "Left: has visibly given up the membership",
        }


def short(name: str, most: int = 34) -> str:
    """A strategy's name cut in the middle: varied plans differ at their ends."""
    return name if len(name) <= most else f"{name[: most // 2 - 1]} … {name[-(most // 2 - 2) :]}"


def capital(text: str) -> str:
    """A sentence's first letter."""
    return text[:1].upper() + text[1:]


def unbroken(value: Any) -> Any:
    """Words with a number and its percent sign kept on one line."""
    if isinstance(value, dict):
        return {key: item if key == "src" else unbroken(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [unbroken(item) for item in value]
    return value.replace(" %", "\u00a0%") if isinstance(value, str) else value
