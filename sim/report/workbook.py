"""All tables of a run in one workbook, tables.xlsx: a sheet each, numbers as numbers, and one that says what is what.

Written with XlsxWriter, which needs nothing else, is quick, and gives the same bytes for the same cells.
"""

import datetime as dt
import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import yaml

from sim.report.cited import WORDS
from sim.report.material import read_words

NAME = "tables.xlsx"
MOST_ROWS = 20_000
"""Rows beyond which a table is cut: nobody reads them, and few programs scroll them."""
WIDEST = 60
"""Letters beyond which a column grows no wider."""
CREATED = dt.datetime(2000, 1, 1)
"""The workbook's date, so that the same run gives the same bytes."""


@functools.cache
def described() -> dict[str, Any]:
    """What tables and columns are, as tables.yaml says."""
    return yaml.safe_load((Path(__file__).parent / "tables.yaml").read_text(encoding="utf-8"))


def meaning(file: str, column: str = "what") -> str:
    """What a table is, or a column of it; empty where that is not said."""
    known = described()
    return known["tables"].get(file, {}).get(column) or known["everywhere"].get(column, "")


@dataclass(frozen=True)
class Page:
    """A table that becomes a sheet; note: what was left out of it."""

    file: str
    table: pd.DataFrame
    note: str = ""

    @property
    def sheet(self) -> str:
        """The sheet's name: at most 31 letters."""
        return self.file.removesuffix(".csv")[:31]


def pages(folder: Path) -> list[Page]:
    """The tables of a folder that become sheets, in the order of tables.yaml, then those that it does not know."""
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    known = [*described()["tables"]]
    out = [Page("headlines", pd.DataFrame(summary["headlines"]))]
    out += [Page("call", pd.DataFrame(summary["call"]["pairs"]))] if "call" in summary else []
    for file in sorted(folder.glob("*.csv")):
        table = read_words(file, WORDS)
        assert table is not None
        if len(table) <= MOST_ROWS:
            out.append(Page(file.name, table))
        elif "day" in table:
            last = table[table["day"] == table["day"].max()]
            out.append(Page(file.name, last, f"here the last day alone, of {len(table):,} rows"))
        else:
            out.append(Page(file.name, table.head(MOST_ROWS), f"here the first of {len(table):,} rows"))
    return sorted(out, key=lambda page: known.index(page.file) if page.file in known else len(known))


def write_workbook(folder: Path) -> None:
    """Write tables.xlsx from the folder's own files; the same files give the same bytes."""
    import xlsxwriter

    target = folder / NAME
    unfinished = target.with_name(f".{NAME}.tmp")
    found = pages(folder)
    with xlsxwriter.Workbook(unfinished) as book:
        book.set_properties({"created": CREATED, "title": "Tables of a membersim run"})
        head = book.add_format({"bold": True, "bottom": 1})
        fill(book.add_worksheet("about"), contents(found, folder), head)
        for page in found:
            fill(book.add_worksheet(page.sheet), page.table, head)
    unfinished.replace(target)


def contents(found: list[Page], folder: Path) -> pd.DataFrame:
    """The first sheet: what each table and column is, and which tables are not here."""
    rows: list[tuple[str, str, str, float]] = []
    for page in found:
        what = "; ".join(text for text in (meaning(page.file), page.note) if text)
        rows.append((page.sheet, "", what, len(page.table)))
        rows += [(page.sheet, str(name), meaning(page.file, str(name)), np.nan) for name in page.table.columns]
    for file in sorted({*folder.glob("*.parquet")} - {folder / "timing.parquet"}):
        what = described()["left out"].get(file.name, "a large table")
        rows.append((file.name, "", f"not in this workbook: {what}", pq.read_metadata(file).num_rows))
    return pd.DataFrame(rows, columns=["sheet", "column", "meaning", "rows"])


def fill(sheet: Any, table: pd.DataFrame, head: Any) -> None:
    """A table on a sheet: a frozen header, columns as wide as what stands in them, numbers as numbers."""
    sheet.freeze_panes(1, 0)
    for place, name in enumerate(map(str, table.columns)):
        values = table[name].tolist()
        sheet.write_string(0, place, name, head)
        longest = max([len(name), *(len(f"{v:.6g}" if isinstance(v, float) else str(v)) for v in values[:500])])
        sheet.set_column(place, place, min(max(longest + 2, 8), WIDEST if name != "meaning" else 2 * WIDEST))
        for row, value in enumerate(values, 1):
            put(sheet, row, place, value)
    sheet.autofilter(0, 0, max(len(table), 1), len(table.columns) - 1)


def put(sheet: Any, row: int, place: int, value: Any) -> None:
    """A value in its cell, words to the letter; nothing where there is no value."""
    if isinstance(value, bool):
        sheet.write_boolean(row, place, value)
    elif isinstance(value, int | float):
        if np.isfinite(value):
            sheet.write_number(row, place, value)
    elif value:
        sheet.write_string(row, place, str(value))


__all__ = ["write_workbook"]
