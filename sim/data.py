"""A purchase log, read from a CSV file into what fitting and simulation need.

Every error is one `InputError` that names the file, the line and what is allowed; every oddity of a real log
that does not stop the reading is a counted `Note`. Days are integers counted from the log's first date, money
is integer cents, members are numbers in the order of their sorted ids.

There are two ways through a file. The fast one (pyarrow) is taken when the file is plain, and gives up at the
first thing it does not like; then the csv module reads the file again, line by line, and either reads what
was merely unusual or says exactly which line is wrong. Both use the same rules for single values.
"""

import csv
import datetime
import hashlib
import importlib.metadata
import io
import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from sim.errors import InputError, nearest

type Ints = np.ndarray[tuple[int], np.dtype[np.int64]]
type Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
type Keys = np.ndarray[tuple[int], np.dtype[np.uint64]]

COLUMNS = ("member_id", "date", "amount")
"""The columns that a log must have, in any order."""

LONGEST_FIELD = 100_000
"""Characters that one field may have."""

LARGEST_AMOUNT = 1_000_000_000
"""The largest amount of one row, either sign, in units of the currency."""

USUAL_ORDERS = 20
"""A day must usually have this many orders before nearly none is taken for a cut export."""

NEARLY_NONE = 0.1
"""The share of the usual orders below which a last day looks cut."""

_HEADER_LIMIT = 200_000
_WEEKS_COMPARED = 8
_WEEKS_NEEDED = 4

type _Notes = Callable[[str, int, str], None]

_DAY_0 = datetime.date(1970, 1, 1)


@dataclass(frozen=True)
class Note:
    """An oddity of the log that was dealt with: a stable code, how often it occurred, and a sentence."""

    code: str
    count: int
    text: str


@dataclass(frozen=True, eq=False)
class PurchaseLog:
    """A cleaned purchase log: one line per member and day on which he ordered.

    source: the file's name without its folder, or "cdnow".
    sha256: of the file's bytes, hexadecimal.
    origin: the date of day 0, which is the first date in the log.
    days: days 0 .. days-1 are fully observed; a multiple of 7.
    ids: the user's member ids, sorted; the position is the member number. Every member has a line.
    member, day, amount: int64 arrays sorted by (member, day), one line per member and day; the amount is the
        sum of that day's rows in cents, >= 0. They are read-only.
    notes: what was odd, counted.

    Two logs are equal when all of these are.
    """

    source: str
    sha256: str
    origin: datetime.date
    days: int
    ids: tuple[str, ...]
    member: Ints
    day: Ints
    amount: Ints
    notes: tuple[Note, ...]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PurchaseLog):
            return NotImplemented
        return all(
            np.array_equal(mine, theirs) if isinstance(mine, np.ndarray) else mine == theirs
            for mine, theirs in ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        )

    def __hash__(self) -> int:
        return hash((self.source, self.sha256, self.origin, self.days, len(self.ids), self.notes))

    def keys(self) -> Keys:
        """The persons' keys, one uint64 per member: blake2b-64 of the id in UTF-8, with the top bit set.

        A key depends on the id alone, so a member has the same luck in every log. Two ids with the same key
        are an InputError; with a million members the chance is below one in ten million.
        """
        digests = b"".join(hashlib.blake2b(name.encode(), digest_size=8).digest() for name in self.ids)
        keys = np.frombuffer(digests, dtype=">u8").astype(np.uint64) | np.uint64(1 << 63)
        order = np.argsort(keys, kind="stable")
        same = np.flatnonzero(keys[order[1:]] == keys[order[:-1]])
        if same.size:
            first, second = (self.ids[int(order[same[0] + i])] for i in (0, 1))
            raise InputError(
                f"{self.source}: members {_shown(first)} and {_shown(second)} have the same key; rename one of them"
            )
        return keys

    def hashed_ids(self) -> list[str]:
        """The keys as 16 hexadecimal digits: what is written to disk unless the user asks for the ids.

        Raises InputError as `keys` does.
        """
        return [f"{key:016x}" for key in self.keys().tolist()]

    def histories(self, until: int) -> tuple[Ints, Ints, Ints, Ints]:
        """What is known of each member at the end of day `until` (counted from the origin).

        Returns four int64 arrays with one entry per member whose first order is on or before that day,
        ascending: the member number, the day of the first order, the number of repeat order days (the first
        one not counted), and the day of the last order. All are empty for a negative `until`.

        Raises InputError when `until` is not an observed day, that is when it is `days` or more.
        """
        if until >= self.days:
            raise InputError(f"{self.source}: day {until} is not observed; the last day is {self.days - 1}")
        known = self.day <= until
        member, day = self.member[known], self.day[known]
        begin = np.flatnonzero(_new(member)).astype(np.int64)
        end = np.append(begin[1:], member.size)[: begin.size]
        return member[begin], day[begin], end - begin - 1, day[end - 1]


def read_log(
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    duplicates: str = "keep",
    refunds: str = "stop",
    columns: Mapping[str, str] | None = None,
    complete_until: datetime.date | str | None = None,
) -> PurchaseLog:
    """Read a CSV file of purchases.

    path: a CSV file with a header and the columns member_id, date and amount, in any order; capitals, spaces
        and a byte order mark in the header do not matter, other columns are ignored. UTF-8 or GB18030;
        separated by comma, semicolon or tab. Dates are YYYY-MM-DD, YYYY/MM/DD or YYYYMMDD, the same in every
        row, and may be followed by a time, which is ignored. Amounts are in units of the currency (1234.50,
        "1,234.50", ¥12) and are kept as cents, rounded half to even. Rows may come in any order; blank lines
        are skipped. Rows of a member on one day are one order.
    name: what to call the file in messages and in `source`, instead of its file name.
    duplicates: what to do with rows that are the same, character by character, in all columns of the file:
        "keep" them as lines of the day's order, or "drop" all but one.
    refunds: what to do with negative amounts: "stop" with an error; "net" them against the member's order of
        the same day or else his latest earlier one, never below zero; or "drop" them.
    columns: the user's own names of the needed columns, such as {"member_id": "customer"}.
    complete_until: the last date on which every purchase is in the log (a date or "YYYY-MM-DD"). Later rows
        are left out. Without it the log is taken to be complete to its last date, refunds included.

    Weeks are blocks of 7 days from the log's first date, and only whole weeks are kept: rows in an incomplete
    last week are left out. A whole last week is left out too when the export was visibly cut. That is so when
    its last day has fewer than 10 % of the orders usual on that weekday, and 20 or more are usual. Usual is
    the median of that weekday in the 8 weeks before that have any orders, of which there must be at least 4.
    The rule is applied again to the week before, until it does not hold; it is not applied when
    `complete_until` says how far the log is complete. An order here is a member's day, not a row.

    Raises InputError, in one or two lines with the file and the line number (the header is line 1; a record
    of several lines has the number of its last one), for a file or a value that cannot be used, an amount
    over 10^9, two currencies, a date before 1970 or more than one day ahead, fewer than 2 members, or less
    than one whole week.
    """
    return _read(
        path,
        name=name,
        duplicates=duplicates,
        refunds=refunds,
        columns=columns,
        complete_until=complete_until,
        ways=(_fast, _exact),
    )


def read_cdnow(part: str = "full") -> PurchaseLog:
    """The public CDNOW log (music CDs bought online, 1997-01-01 to 1998-06-30), amounts in US dollars.

    part: "full" (23,570 customers) or "sample" (the usual tenth: 2,357 of the same customers). In both, the
    members are called by the number they have in the full log.

    The files are those of the package `lifetimes`, which is not imported. Raises InputError when it is not
    installed, or for any other part.
    """
    layouts = {"full": ("CDNOW_master.txt", 4, 0, 1), "sample": ("CDNOW_sample.txt", 5, 0, 2)}
    if part not in layouts:
        raise InputError(f"no part {_shown(part)} of the CDNOW log; {nearest(str(part), layouts)}")
    file, width, id_column, date_column = layouts[part]
    try:
        found = importlib.metadata.distribution("lifetimes").locate_file(f"lifetimes/datasets/{file}")
        content = Path(str(found)).read_bytes()
    except (importlib.metadata.PackageNotFoundError, OSError):
        raise InputError(
            "the CDNOW log comes with the package lifetimes, which is not installed; pip install 'membersim[cdnow]'"
        ) from None
    rows, lines = [], []
    for number, line in enumerate(content.decode("ascii", "replace").splitlines(), start=1):
        row = line.split()
        if not row or row[0] == "customer_id":
            continue
        if len(row) != width:
            raise InputError(f"{file}: line {number} has {len(row)} fields, not {width}")
        rows.append(row)
        lines.append(number)
    table = _Table(width, (id_column, date_column, width - 1), file)
    for row, number in zip(rows, lines, strict=True):
        table.add(row, number)
    return _clean(
        table.rows(),
        label=file,
        source="cdnow",
        sha256=hashlib.sha256(content).hexdigest(),
        duplicates="keep",
        refunds="stop",
        complete_until=None,
        notes=[],
    )


# -- single values -------------------------------------------------------------------------------------------


class _BadValueError(Exception):
    """A value that cannot be used; the message lacks only the file and the line."""


def _shown(value: object) -> str:
    """A value as it appears in a message: at most 40 characters of it, escaped."""
    text = str(value)
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _listed(names: Sequence[str]) -> str:
    """The first few of some names."""
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return ", ".join(_shown(name) for name in names[:12]) + more


def _many(count: int, thing: str, things: str) -> str:
    return f"{count} {thing if count == 1 else things}"


_CLOCK = r"[0-9]{1,2}(?::?[0-9]{2}){0,2}(?:[.,][0-9]+)?"
_ZONE = r"(?: ?[A-Za-z]{1,4})?(?: ?[+-][0-9]{2}:?[0-9]{2})?"
_TIME = f"(?:[T ] ?{_CLOCK}{_ZONE})?"
_DATES = {
    "YYYY-MM-DD": re.compile(r"([0-9]{4}-[0-9]{1,2}-[0-9]{1,2})" + _TIME),
    "YYYY/MM/DD": re.compile(r"([0-9]{4}/[0-9]{1,2}/[0-9]{1,2})" + _TIME),
    "YYYYMMDD": re.compile(r"([0-9]{8})" + _TIME),
}


_PARTS = re.compile(r"^[0-9]{4}|[0-9]{1,2}")
"""Year, month and day of a date in any of the formats; 2024-1-5 is read as 2024-01-05."""


def _date_format(text: str) -> str:
    """The format of a date, which then holds for the whole file."""
    value = text.strip()
    for name, pattern in _DATES.items():
        if pattern.fullmatch(value):
            return name
    if not value:
        raise _BadValueError("the date is empty")
    raise _BadValueError(f"date {_shown(text)} has no known format; allowed: {', '.join(_DATES)}")


class _Days:
    """Dates as days since 1970-01-01, all in one format."""

    def __init__(self, form: str) -> None:
        self.form = form
        self._pattern = _DATES[form]
        self._known: dict[str, int] = {}
        self._latest = (_today() - _DAY_0).days + 1

    def __call__(self, text: str) -> int:
        match = self._pattern.fullmatch(text.strip())
        if match is None:
            if not text.strip():
                raise _BadValueError("the date is empty")
            raise _BadValueError(f"date {_shown(text)} is not {self.form} as in the first row")
        written = match[1]
        day = self._known.get(written)
        if day is None:
            year, month, day_of_month = _PARTS.findall(written)
            try:
                date = datetime.date(int(year), int(month), int(day_of_month))
            except ValueError:
                raise _BadValueError(f"date {_shown(text)} does not exist") from None
            day = (date - _DAY_0).days
            if day < 0:
                raise _BadValueError(f"date {_shown(text)} is before 1970-01-01")
            if day > self._latest:
                raise _BadValueError(f"date {_shown(text)} is in the future")
            self._known[written] = day
        return day


def _today() -> datetime.date:
    return datetime.date.today()


_AMOUNT = re.compile(r"([+-]?) ?([¥￥$€]?) ?([+-]?)([0-9]{1,3}(?:,[0-9]{3})+|[0-9]*)(?:\.([0-9]*))?")


class _Money(NamedTuple):
    cents: int
    rounded: bool  # a digit other than 0 was lost
    sign: str  # of the currency, or ""


def _money(text: str) -> _Money:
    """An amount in cents, rounded half to even."""
    match = _AMOUNT.fullmatch(text.strip())
    before, currency, after, whole, part = match.groups("") if match else ("",) * 5
    if (before and after) or not (whole or part):
        if not text.strip():
            raise _BadValueError("the amount is empty")
        raise _BadValueError(f"amount {_shown(text)} is not a number such as 1234.50")
    digits = whole.replace(",", "").lstrip("0")
    rest = part[2:].rstrip("0")
    if len(digits) <= 10:
        cents = int(digits or "0") * 100 + int(part[:2].ljust(2, "0"))
        if cents < LARGEST_AMOUNT * 100 or (cents == LARGEST_AMOUNT * 100 and not rest):
            if rest > "5" or (rest == "5" and cents % 2 == 1):
                cents += 1
            negative = before == "-" or after == "-"
            return _Money(-cents if negative else cents, bool(rest), "¥" if currency == "￥" else currency)
    raise _BadValueError(f"amount {_shown(text)} is absurd; the largest allowed is 10^9 either way")


def _member(text: str) -> str:
    name = text.strip()
    if not name:
        raise _BadValueError("member_id is blank")
    return name


# -- tables --------------------------------------------------------------------------------------------------


class _Rows(NamedTuple):
    """The rows of a log, parsed but not yet cleaned; one entry per row in every array."""

    names: list[str]  # member ids; may repeat, when only spaces around them differed
    name: Ints  # position in names
    day: Ints  # since 1970-01-01
    cents: Ints
    rounded: Flags  # the amount had more than two decimals
    repeat: Flags  # an earlier row is the same in every column
    line: Ints | None  # in the file; None when only the fast way was taken
    empty: int  # rows without any value, skipped


def _rows(
    names: list[str], days: list[int], money: list[_Money], used: tuple[int, int, int], codes: list[Ints],
    line: Ints | None, empty: int,
) -> _Rows:  # fmt: skip
    """Rows from the distinct values of the needed columns and the codes (int64) of all columns."""
    name, date, amount = (codes[column] for column in used)
    return _Rows(
        names=names,
        name=name,
        day=np.array(days, dtype=np.int64)[date],
        cents=np.array([m.cents for m in money], dtype=np.int64)[amount],
        rounded=np.array([m.rounded for m in money], dtype=np.bool_)[amount],
        repeat=pd.DataFrame(dict(enumerate(codes))).duplicated().to_numpy(dtype=np.bool_),
        line=line,
        empty=empty,
    )


class _Table:
    """Rows of strings, taken in one by one, with exact messages."""

    def __init__(self, width: int, used: tuple[int, int, int], label: str) -> None:
        self._used = used
        self._label = label
        self._seen: list[dict[str, int]] = [{} for _ in range(width)]
        self._codes: list[list[int]] = [[] for _ in range(width)]
        self._names: list[str] = []
        self._days: list[int] = []
        self._money: list[_Money] = []
        self._line: list[int] = []
        self._read_day: _Days | None = None
        self._currency = ""
        self.empty = 0

    def add(self, row: list[str], line: int) -> None:
        """One row, which has the right number of fields; an InputError for one that cannot be used."""
        i, j, k = self._used
        try:
            if row[i] not in self._seen[i]:
                self._names.append(_member(row[i]))
            if row[j] not in self._seen[j]:
                if self._read_day is None:
                    self._read_day = _Days(_date_format(row[j]))
                self._days.append(self._read_day(row[j]))
            if row[k] not in self._seen[k]:
                money = _money(row[k])
                if money.sign and money.sign != self._currency:
                    if self._currency:
                        raise _BadValueError(
                            f"amount {_shown(row[k])} is not in {self._currency} like the rows before; "
                            "a log has one currency"
                        )
                    self._currency = money.sign
                self._money.append(money)
        except _BadValueError as problem:
            raise InputError(f"{self._label}: line {line}: {problem}") from None
        for value, seen, codes in zip(row, self._seen, self._codes, strict=True):
            codes.append(seen.setdefault(value, len(seen)))
        self._line.append(line)

    def rows(self) -> _Rows:
        codes = [np.array(column, dtype=np.int64) for column in self._codes]
        line = np.array(self._line, dtype=np.int64)
        return _rows(self._names, self._days, self._money, self._used, codes, line, self.empty)


# -- CSV -----------------------------------------------------------------------------------------------------


class _Layout(NamedTuple):
    delimiter: str
    names: list[str]  # all columns, as written
    used: tuple[int, int, int]  # the positions of COLUMNS
    start: int  # the character after the header
    lines: int  # that the header (and blank lines before it) take


type _Way = Callable[[str, _Layout, str, bool], _Rows | None]


def _read(
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    duplicates: str = "keep",
    refunds: str = "stop",
    columns: Mapping[str, str] | None = None,
    complete_until: datetime.date | str | None = None,
    ways: Sequence[_Way],
) -> PurchaseLog:
    """`read_log` by the given ways through the file: the first that returns rows."""
    for option, value, allowed in (
        ("duplicates", duplicates, ("keep", "drop")),
        ("refunds", refunds, ("stop", "net", "drop")),
    ):
        if value not in allowed:
            raise InputError(f"data.{option}={_shown(value)}: {nearest(str(value), allowed)}")
    wanted = _wanted(columns)
    until = _date(complete_until)
    file = Path(path)
    source = file.name if name is None else name
    label = source if source.isprintable() else _shown(source)
    content = _content(file)
    text, notes = _text(content, label)
    layout = _layout(text, wanted, label)
    extra = [column for i, column in enumerate(layout.names) if i not in layout.used]
    if extra:
        were = "column was" if len(extra) == 1 else "columns were"
        notes.append(Note("extra_columns", len(extra), f"{len(extra)} {were} ignored: {_listed(extra)}"))
    rows = None
    for way in ways:
        rows = way(text, layout, label, refunds == "stop")
        if rows is not None:
            break
    if rows is None:  # the last way always returns rows or raises, unless a test left it out
        raise InputError(f"{label}: could not be read")
    return _clean(
        rows,
        label=label,
        source=source,
        sha256=hashlib.sha256(content).hexdigest(),
        duplicates=duplicates,
        refunds=refunds,
        complete_until=until,
        notes=notes,
    )


def _wanted(columns: Mapping[str, str] | None) -> dict[str, str]:
    """The user's name of each needed column."""
    wanted = {column: column for column in COLUMNS}
    for column, own in (columns or {}).items():
        if column not in wanted:
            raise InputError(f"data.columns has no {_shown(column)}; {nearest(str(column), COLUMNS)}")
        if not isinstance(own, str) or not own.strip():
            raise InputError(f"data.columns.{column}={_shown(own)} is not a column name")
        wanted[column] = own
    for i, first in enumerate(COLUMNS):
        for second in COLUMNS[i + 1 :]:
            if _plain(wanted[first]) == _plain(wanted[second]):
                raise InputError(
                    f"data.columns: {_shown(wanted[first])} cannot be both {first} and {second}; "
                    "name another column for one of them"
                )
    return wanted


def _plain(name: str) -> str:
    """A column name without what does not matter in it."""
    return "_".join(name.replace("\ufeff", "").casefold().split())


def _date(value: datetime.date | str | None) -> datetime.date | None:
    """The date up to which the user says the log is complete."""
    if value is None:
        return None
    try:
        if isinstance(value, datetime.datetime):
            date = value.date()
        elif isinstance(value, datetime.date):
            date = value
        else:
            date = _DAY_0 + datetime.timedelta(days=_Days("YYYY-MM-DD")(str(value)))
        if date > _today() + datetime.timedelta(days=1):
            raise _BadValueError(f"date {_shown(date)} is in the future")
    except _BadValueError:
        raise InputError(
            f"data.complete_until={_shown(value)} is not a date from 1970-01-01 to tomorrow as YYYY-MM-DD"
        ) from None
    return date


def _content(file: Path) -> bytes:
    """The bytes of a file that exists and is a file."""
    shown = str(file) if str(file).isprintable() else _shown(file)
    try:
        mode = file.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InputError(f"{shown} is a folder; name a CSV file in it")
        if not stat.S_ISREG(mode):
            raise InputError(f"{shown} is not a regular file; name a CSV file")
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{shown}: there is no such file{_neighbour(file)}") from None
    except PermissionError:
        raise InputError(f"{shown}: no permission to read this file") from None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise InputError(f"{_shown(file)} cannot be read: {reason}") from None


def _neighbour(file: Path) -> str:
    """A hint at the file that was perhaps meant."""
    try:
        others = [other.name for other in file.parent.iterdir() if other.is_file()]
    except OSError:
        return "" if file.parent.is_dir() else ", nor such a folder"
    hint = nearest(file.name, others)
    return f"; {hint}" if hint.startswith("did you mean") else ""


def _text(content: bytes, label: str) -> tuple[str, list[Note]]:
    """The text of a file in UTF-8 or GB18030, and a note when it is the latter."""
    if not content.strip(b" \t\r\n\xef\xbb\xbf"):
        raise InputError(f"{label} is empty; a header with {', '.join(COLUMNS)} and rows are needed")
    if content.startswith(b"PK\x03\x04"):
        raise InputError(f"{label} is a workbook or archive, not a text file; save the sheet as CSV UTF-8")
    if b"\0" in content:
        raise InputError(f"{label} is not a text file (it has NUL bytes); save it as CSV UTF-8")
    try:
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
    try:
        text = content.decode("gb18030")
        text.encode()
    except UnicodeError:
        raise InputError(
            f"{label} is not a text file in UTF-8 or GB18030 (line {line}); save it as CSV UTF-8"
        ) from None
    return text, [Note("gb18030", 1, f"the file is not UTF-8 (line {line}) and was read as GB18030")]


def _records(text: str, delimiter: str):
    """The csv module's reader of a text; line ends stay as they are inside quotes."""
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _broken(problem: csv.Error, line: int, label: str) -> InputError:
    """The message for text that the csv module refuses, in the record that begins on a line."""
    reason = str(problem)
    if "field larger" in reason:
        return _too_long(line, label)
    if "unexpected end" in reason:
        return InputError(f"{label}: line {line}: a quote is opened and never closed")
    return InputError(f'{label}: line {line}: text after a closing quote (inside quotes, "" is a quote)')


def _too_long(line: int, label: str) -> InputError:
    return InputError(
        f"{label}: line {line}: a field is longer than {LONGEST_FIELD:,} characters; is a quote not closed?"
    )


def _header(head: str, delimiter: str) -> tuple[list[str], int]:
    """The first record that is not blank, and the number of its last line."""
    reader = _records(head, delimiter)
    for row in reader:
        if len(row) > 1 or "".join(row).replace("\ufeff", "").strip():
            return row, reader.line_num
    return [], reader.line_num


def _layout(text: str, wanted: dict[str, str], label: str) -> _Layout:
    """The separator and the columns, from the header."""
    head = text[:_HEADER_LIMIT]
    names: list[str] = []
    plain: list[str] = []
    delimiter, lines, best = ",", 0, (-1, -1)
    broken: csv.Error | None = None
    for candidate in (",", ";", "\t"):
        try:
            row, line = _header(head, candidate)
        except csv.Error as problem:
            broken = broken or problem
            continue
        found = [_plain(column) for column in row]
        fit = (sum(_plain(own) in found for own in wanted.values()), len(row))
        if fit > best:
            names, plain, delimiter, lines, best = row, found, candidate, line, fit
    if broken is not None and best[0] < 0:
        raise _broken(broken, 1, label)
    if any(len(column) > LONGEST_FIELD for column in names):
        raise _too_long(lines, label)
    consumed = io.StringIO(head, newline="")
    start = sum(len(consumed.readline()) for _ in range(lines))
    if start == _HEADER_LIMIT < len(text):
        raise InputError(f"{label}: line {lines}: the header is longer than {_HEADER_LIMIT:,} characters")
    for column, own in wanted.items():
        count = plain.count(_plain(own))
        if count == 0:
            hint = nearest(_plain(own), [_shown(p)[1:-1] for p in plain])
            near = f"; {hint}" if hint.startswith("did you mean") else ""
            role = "" if own == column else f" (data.columns.{column})"
            raise InputError(
                f"{label}: line {lines}: there is no column {_shown(own)}{role}{near}\n"
                f"columns: {_listed(names)}; data.columns maps your own names"
            )
        if count > 1:
            raise InputError(f"{label}: line {lines}: column {_shown(own)} is there {count} times")
    member, date, amount = (plain.index(_plain(wanted[column])) for column in COLUMNS)
    return _Layout(delimiter, names, (member, date, amount), start, lines)


def _exact(text: str, layout: _Layout, label: str, _stop: bool) -> _Rows:
    """All rows by the csv module, or an InputError that names the line."""
    width = len(layout.names)
    table = _Table(width, layout.used, label)
    reader = _records(text[layout.start :], layout.delimiter)
    before = layout.lines
    line = before
    try:
        for row in reader:
            line = before + reader.line_num
            if len(row) != width:
                if len(row) <= 1 and not "".join(row).strip():
                    continue
                raise InputError(
                    f"{label}: line {line} has {_many(len(row), 'field', 'fields')}, the header has {width}; "
                    f"a value with {_shown(layout.delimiter)} in it needs quotes"
                )
            if max(map(len, row)) > LONGEST_FIELD:
                raise _too_long(line, label)
            if not row[0].strip() and not "".join(row).strip():
                table.empty += 1
                continue
            table.add(row, line)
    except csv.Error as problem:
        raise _broken(problem, line + 1, label) from None
    return table.rows()


def _fast(text: str, layout: _Layout, label: str, stop: bool) -> _Rows | None:
    """All rows by pyarrow; None when anything is odd, or for refunds when they `stop` the reading."""
    data = text[layout.start :].encode()
    if data.count(b"\r") != data.count(b"\r\n") or not _simple_quotes(data, layout.delimiter):
        return None
    width = len(layout.names)
    columns = [str(i) for i in range(width)]
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(data),
            read_options=pa_csv.ReadOptions(column_names=columns),
            parse_options=pa_csv.ParseOptions(delimiter=layout.delimiter),
            convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(columns, pa.large_string())),
        )
    except pa.ArrowException:
        return None
    if not table.num_rows:
        return None
    codes: list[Ints] = []
    values: list[list[str]] = []
    for i in range(width):
        encoded = table.column(i).combine_chunks().dictionary_encode()
        codes.append(encoded.indices.to_numpy().astype(np.int64))
        values.append(encoded.dictionary.to_pylist())
        if max(map(len, values[i])) > LONGEST_FIELD:
            return None
    member, date, amount = layout.used
    try:
        names = [_member(value) for value in values[member]]
        read_day = _Days(_date_format(values[date][int(codes[date][0])]))
        days = [read_day(value) for value in values[date]]
        money = [_money(value) for value in values[amount]]
    except _BadValueError:
        return None
    if len({m.sign for m in money} - {""}) > 1 or (stop and any(m.cents < 0 for m in money)):
        return None
    return _rows(names, days, money, layout.used, codes, None, 0)


def _simple_quotes(data: bytes, delimiter: str) -> bool:
    """Whether all quotes enclose whole fields on one line, so that no two readers of CSV can differ."""
    if b'"' not in data:
        return True
    around = np.frombuffer(b"\n" + data + b"\n", dtype=np.uint8)
    at = np.flatnonzero(around == ord('"'))
    if at.size % 2:
        return False
    first, last = at[::2], at[1::2]
    ends = np.array([ord(delimiter), ord("\n"), ord("\r")], dtype=np.uint8)
    breaks = np.flatnonzero((around == ord("\n")) | (around == ord("\r")))
    return bool(
        np.isin(around[first - 1], ends).all()
        and np.isin(around[last + 1], ends).all()
        and (np.searchsorted(breaks, first) == np.searchsorted(breaks, last)).all()
    )


# -- cleaning ------------------------------------------------------------------------------------------------


def _clean(
    rows: _Rows,
    *,
    label: str,
    source: str,
    sha256: str,
    duplicates: str,
    refunds: str,
    complete_until: datetime.date | None,
    notes: list[Note],
) -> PurchaseLog:
    """A log from its rows: whole weeks, refunds and duplicates dealt with, one line per member and day."""
    notes = list(notes)

    def note(code: str, count: int, text: str) -> None:
        if count:
            notes.append(Note(code, int(count), text))

    if not rows.day.size:
        raise InputError(f"{label} has a header but no rows")
    negative = rows.cents < 0
    if refunds == "stop" and negative.any():
        count = int(negative.sum())
        where = "" if rows.line is None else f"line {int(rows.line[np.argmax(negative)])}: "
        cents = -int(rows.cents[np.argmax(negative)])
        raise InputError(
            f"{label}: {where}amount -{cents // 100}.{cents % 100:02d} is negative "
            f"({_many(count, 'such row', 'such rows')} in all)\n"
            "data.refunds=net subtracts refunds from the order before them, data.refunds=drop ignores them"
        )
    note("empty_rows", rows.empty, f"{_many(rows.empty, 'row', 'rows')} without any value skipped")

    # members in the order of their ids
    ids = sorted(set(rows.names))
    if len(ids) < 2:
        raise InputError(f"{label}: there is only one member, {_shown(ids[0])}; at least 2 are needed")
    number = {name: i for i, name in enumerate(ids)}
    member = np.array([number[name] for name in rows.names], dtype=np.int64)[rows.name]

    # days, of which only whole weeks are kept
    first = int(rows.day.min())
    day = rows.day - first
    origin = _DAY_0 + datetime.timedelta(days=first)
    days = _whole_weeks(member, day, ~negative, origin, complete_until, label, note)
    kept = day < days
    repeated = kept & rows.repeat
    count = int(repeated.sum())
    if duplicates == "drop":
        text = f"{_many(count, 'exact duplicate row was', 'exact duplicate rows were')} dropped"
        kept &= ~rows.repeat
    else:
        were = _many(count, "exact duplicate row was", "exact duplicate rows were")
        text = f"{were} kept as lines of the day's order"
    note("exact_duplicates", count, text)

    count = int((kept & rows.rounded).sum())
    note("rounded", count, f"{_many(count, 'amount', 'amounts')} with fractions of a cent rounded")
    count = int((kept & (rows.cents == 0)).sum())
    note("zero_amounts", count, f"{_many(count, 'row', 'rows')} with amount 0 counted as orders")

    # one line per member and day
    bought = kept & ~negative
    place = member[bought] * days + day[bought]
    order = np.argsort(place, kind="stable")
    place = place[order]
    begin = np.flatnonzero(_new(place))
    amount = np.add.reduceat(rows.cents[bought][order], begin) if begin.size else np.zeros(0, dtype=np.int64)
    line = place[begin]
    merged = place.size - line.size
    note(
        "merged_rows",
        merged,
        f"{_many(merged, 'further row', 'further rows')} of a member on one day added to that day's order",
    )
    returned = kept & negative
    if refunds == "net":
        amount = _net(line, amount, member[returned], day[returned], rows.cents[returned], days, note)
    elif refunds == "drop":
        count = int(returned.sum())
        note("refunds_dropped", count, f"{_many(count, 'refund was', 'refunds were')} ignored")

    whose = line // days
    started = _new(whose)
    present = whose[started]
    if present.size < 2:
        raise InputError(
            f"{label}: {_many(present.size, 'member has', 'members have')} an order in the {days} days from "
            f"{origin} that are kept; at least 2 are needed"
        )
    arrays = [np.cumsum(started) - 1, line % days, amount]
    for array in arrays:
        array.setflags(write=False)
    return PurchaseLog(source, sha256, origin, days, tuple(ids[int(i)] for i in present), *arrays, notes=tuple(notes))


def _new(ordered: Ints) -> Flags:
    """Whether each entry of a sorted array differs from the one before."""
    new = np.ones(ordered.size, dtype=np.bool_)
    new[1:] = ordered[1:] != ordered[:-1]
    return new


def _distinct(values: Ints) -> Ints:
    """The distinct values, sorted; several times faster than np.unique on many values."""
    ordered = np.sort(values)
    return ordered[_new(ordered)]


def _whole_weeks(
    member: Ints,
    day: Ints,
    bought: Flags,
    origin: datetime.date,
    complete_until: datetime.date | None,
    label: str,
    note: _Notes,
) -> int:
    """How many days from the origin are whole weeks that are fully observed; the rule is in `read_log`."""

    def span(begin: int, end: int) -> str:
        dates = [str(origin + datetime.timedelta(days=d)) for d in (begin, end - 1)]
        inside = int(((day >= begin) & (day < end)).sum())
        return f"({'..'.join(dict.fromkeys(dates))}, {_many(inside, 'row', 'rows')})"

    end = int(day.max()) + 1
    if complete_until is not None:
        last, end = end, (complete_until - origin).days + 1
        if end < 7:
            raise InputError(
                f"data.complete_until={complete_until}: the log {label} begins on {origin}; "
                "at least one whole week must be complete"
            )
        late = int((day >= end).sum())
        if late:
            note("after_complete_until", late, f"the days after {complete_until} {span(end, last)} left out")
    if end < 7:
        raise InputError(f"{label} covers {_many(end, 'day', 'days')} from {origin}; at least 7 are needed")
    days = end - end % 7
    if days < end:
        text = "the last day {} is" if end - days == 1 else f"the last {end - days} days {{}} are"
        note("incomplete_week", end - days, text.format(span(days, end)) + " an incomplete week and left out")
    if complete_until is not None:
        return days

    inside = bought & (day < days)
    orders = np.bincount(_distinct(member[inside] * days + day[inside]) % days, minlength=days).reshape(-1, 7)
    weeks = len(orders)
    busy = orders.any(axis=1)
    while True:
        before = np.flatnonzero(busy[: weeks - 1])[-_WEEKS_COMPARED:]
        if before.size < _WEEKS_NEEDED:
            break
        usual = float(np.median(orders[before, 6]))
        if usual < USUAL_ORDERS or orders[weeks - 1, 6] >= NEARLY_NONE * usual:
            break
        weeks -= 1
    cut = days // 7 - weeks
    note(
        "unfinished_week",
        cut,
        f"the last {_many(cut, 'week', 'weeks')} {span(weeks * 7, days)} left out: "
        "hardly an order on the last day, as if the export was cut",
    )
    return weeks * 7


def _net(line: Ints, amount: Ints, member: Ints, day: Ints, cents: Ints, days: int, note: _Notes) -> Ints:
    """The amounts of the lines (sorted member * days + day) less the refunds, which are negative."""
    target = np.searchsorted(line, member * days + day, side="right") - 1
    found = target >= 0
    found[found] = line[target[found]] // days == member[found]
    back = np.zeros_like(amount)
    np.add.at(back, target[found], cents[found])
    over = int((back + amount < 0).sum())
    count, lost = int(found.sum()), int((~found).sum())
    more = f"; {_many(over, 'order', 'orders')} refunded by more than its amount set to 0" if over else ""
    note(
        "refunds_netted",
        count,
        f"{_many(count, 'refund', 'refunds')} subtracted from the member's order before{more}",
    )
    note(
        "refunds_unmatched",
        lost,
        f"{_many(lost, 'refund', 'refunds')} without an earlier order of the member dropped",
    )
    return np.maximum(amount + back, 0)
