"""Reading a purchase log: one test per rule, then properties on generated logs."""

import csv
import datetime
import importlib.metadata
import io
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sim import data
from sim.data import read_cdnow, read_log
from sim.errors import InputError

START = datetime.date(2024, 1, 1)
WEEK = "A,2024-01-01,10.00\nB,2024-01-03,20.50\nA,2024-01-07,5\n"  # lines 2 to 4
HEADER = "member_id,date,amount\n"


def on(day):
    return START + datetime.timedelta(days=day)


def codes(log):
    return {note.code: note.count for note in log.notes}


def lines(log):
    """The log as (id, day, cents), in order."""
    return [
        (log.ids[m], d, c) for m, d, c in zip(log.member.tolist(), log.day.tolist(), log.amount.tolist(), strict=True)
    ]


@pytest.fixture
def write(tmp_path):
    def write(content, name="log.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def read(write):
    return lambda content, **options: read_log(write(content), **options)


@pytest.fixture
def refused(write):
    """The message of a refused file; short, naming the file, without a cause from another library."""

    def refused(content, **options):
        with pytest.raises(InputError) as caught:
            read_log(write(content), **options)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
        message = str(caught.value)
        assert message.count("\n") <= 1
        assert len(message) < 700
        return message

    return refused


# -- the form ------------------------------------------------------------------------------------------------


def test_a_plain_log(write):
    log = read_log(write(HEADER + WEEK))
    assert (log.source, log.origin, log.days, log.ids) == ("log.csv", START, 7, ("A", "B"))
    assert lines(log) == [("A", 0, 1000), ("A", 6, 500), ("B", 2, 2050)]
    assert log.notes == ()
    assert len(log.sha256) == 64
    for array in (log.member, log.day, log.amount):
        assert array.dtype == np.int64
        assert not array.flags.writeable
    assert log == read_log(write(HEADER + WEEK))
    assert hash(log) == hash(read_log(write(HEADER + WEEK)))
    assert log != read_log(write(HEADER + WEEK + "\n"))  # other bytes
    assert log != 1


def test_another_name(write):
    assert read_log(write(HEADER + WEEK), name="shop").source == "shop"
    with pytest.raises(InputError, match=r"^shop: line 5"):
        read_log(write(HEADER + WEEK + "A,2024-01-02,x\n"), name="shop")


def test_keys_depend_on_the_id_alone(read):
    log = read(HEADER + WEEK)
    keys = log.keys()
    assert keys.dtype == np.uint64
    assert (keys >> np.uint64(63) == 1).all()
    assert [f"{k:016x}" for k in keys.tolist()] == log.hashed_ids()
    assert log.hashed_ids() == ["9a89a399ca7c5046", "ffb4c28ad84bda72"]  # printf A | b2sum -l 64
    assert read(HEADER + WEEK.replace("A", "0")).hashed_ids()[1] == log.hashed_ids()[1]


def test_a_collision_of_keys_is_an_error(read, monkeypatch):
    log = read(HEADER + WEEK)

    class Same:
        def digest(self):
            return b"12345678"

    monkeypatch.setattr(data.hashlib, "blake2b", lambda *_, **__: Same())
    with pytest.raises(InputError, match="'A' and 'B' have the same key"):
        log.keys()


def test_histories(read):
    log = read(HEADER + WEEK)
    assert [a.tolist() for a in log.histories(-1)] == [[], [], [], []]
    assert [a.tolist() for a in log.histories(0)] == [[0], [0], [0], [0]]
    assert [a.tolist() for a in log.histories(5)] == [[0, 1], [0, 2], [0, 0], [0, 2]]
    assert [a.tolist() for a in log.histories(6)] == [[0, 1], [0, 2], [1, 0], [6, 2]]
    assert all(a.dtype == np.int64 for until in (-1, 6) for a in log.histories(until))
    with pytest.raises(InputError, match="day 7 is not observed; the last day is 6"):
        log.histories(7)


# -- CDNOW ---------------------------------------------------------------------------------------------------


def test_cdnow_full():
    log = read_cdnow()
    assert (log.source, log.origin, log.days) == ("cdnow", datetime.date(1997, 1, 1), 546)
    assert len(log.ids) == 23_570
    assert codes(log) == {
        "exact_duplicates": 255,
        "zero_amounts": 80,
        "merged_rows": 69_659 - log.member.size,
    }
    assert log.member.size == 67_591
    assert log.amount.sum() == 250_031_563
    assert np.unique(log.keys()).size == 23_570
    raw = Path(str(importlib.metadata.distribution("lifetimes").locate_file("lifetimes/datasets/CDNOW_master.txt")))
    rows = [line.split() for line in raw.read_text().splitlines()[1:]]
    assert len(rows) == 69_659
    assert len(rows) - len(set(map(tuple, rows))) == 255
    dates = [r[1] for r in rows]
    assert dates != sorted(dates)  # the file goes by customer, not by date
    assert log.amount.sum() == sum(int(r[3].replace(".", "")) for r in rows)


def test_cdnow_sample():
    full, log = read_cdnow("full"), read_cdnow("sample")
    assert len(log.ids) == 2357
    assert log.member.size == 6696
    assert codes(log)["merged_rows"] == 6919 - 6696
    assert log.days == 546
    kept = set(log.ids)
    assert [line for line in lines(full) if line[0] in kept] == lines(log)


def test_cdnow_absent(monkeypatch):
    def absent(_):
        raise importlib.metadata.PackageNotFoundError("lifetimes")

    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    with pytest.raises(InputError, match=r"pip install 'membersim\[cdnow\]'"):
        read_cdnow()


def test_cdnow_other_part():
    with pytest.raises(InputError, match=r"no part 'fulll'.*did you mean 'full'"):
        read_cdnow("fulll")


# -- header, encoding, separator -----------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_separators_and_line_ends(read, encoding, delimiter, end):
    text = (HEADER + WEEK).replace("A", "会员").replace(",", delimiter).replace("\n", end)
    log = read(text.encode(encoding))
    assert lines(log) == [("B", 2, 2050), ("会员", 0, 1000), ("会员", 6, 500)]
    assert set(codes(log)) == ({"gb18030"} if encoding == "gb18030" else set())


@pytest.mark.parametrize(
    "header", ["Member_ID, DATE ,Amount", " member id ,date,amount", '\ufeff"member_id","date","amount"']
)
def test_header_is_tolerant(read, header):
    assert len(read(f"{header}\n{WEEK}").ids) == 2
    assert len(read(f"\n\n{header}\n{WEEK}".replace("\ufeff", "")).ids) == 2


def test_column_order_and_extra_columns(read):
    log = read("shop,amount,date,,member_id\n1,10,2024-01-01,,A\n2,5,2024-01-07,,B\n")
    assert lines(log) == [("A", 0, 1000), ("B", 6, 500)]
    assert codes(log) == {"extra_columns": 2}
    assert log.notes[0].text == "2 columns were ignored: 'shop', ''"


def test_own_column_names(read, refused):
    own = {"member_id": "客户", "amount": "金额"}
    log = read("日期,客户,金额,date\nx,A,1,2024-01-01\nx,B,2,2024-01-07\n", columns=own)
    assert lines(log) == [("A", 0, 100), ("B", 6, 200)]
    assert "no column '客户' (data.columns.member_id)" in refused(HEADER + WEEK, columns=own)
    assert "data.columns has no 'memberid'; did you mean 'member_id'" in refused(
        HEADER + WEEK, columns={"memberid": "x"}
    )
    assert "cannot be both date and amount" in refused(HEADER + WEEK, columns={"date": "Amount"})
    assert "is not a column name" in refused(HEADER + WEEK, columns={"date": " "})


def test_missing_column_names_the_nearest_and_what_exists(refused):
    message = refused("member_id,date,ammount\n" + WEEK)
    assert "log.csv: line 1: there is no column 'amount'; did you mean 'ammount'?" in message
    assert "columns: 'member_id', 'date', 'ammount'" in message


def test_a_column_twice(refused):
    assert "column 'date' is there 2 times" in refused("member_id,date,amount,Date\nA,2024-01-01,1,\n")


# -- dates ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d"])
@pytest.mark.parametrize("clock", ["", " 09:30", " 9:30:15", "T23:59:59.123Z", " 11:59 PM", "T00:00:00+08:00"])
def test_date_formats(read, form, clock):
    rows = [f"{m},{on(d).strftime(form)}{clock},1\n" for m, d in (("A", 0), ("B", 6))]
    assert lines(read(HEADER + "".join(rows))) == [("A", 0, 100), ("B", 6, 100)]


@pytest.mark.parametrize(
    ("first", "value", "says"),
    [
        ("2024-01-01", "2024/01/02", "date '2024/01/02' is not YYYY-MM-DD as in the first row"),
        ("20240101", "2024-01-02", "date '2024-01-02' is not YYYYMMDD as in the first row"),
        ("2024-01-01", "2024-02-30", "date '2024-02-30' does not exist"),
        ("2024-01-01", "2023-13-01", "date '2023-13-01' does not exist"),
        ("2024-01-01", "0000-01-01", "date '0000-01-01' does not exist"),
        ("2024-01-01", "1969-12-31", "date '1969-12-31' is before 1970-01-01"),
        ("2024-01-01", "9999-12-31", "date '9999-12-31' is in the future"),
        ("2024-01-01", "", "the date is empty"),
        ("2024-01-01", "2024-01-02x", "date '2024-01-02x' is not YYYY-MM-DD"),
        ("2024-01-01", "２０２４-01-02", "is not YYYY-MM-DD"),
        ("2024-01-01", "y" * 99, "date '" + "y" * 37 + "...' is not"),
        ("2024-01-01", "\x1b[31m", r"date '\x1b[31m' is not"),
    ],
)
def test_bad_dates(refused, first, value, says):
    message = refused(f"{HEADER}A,{first},1\nB,{first},1\n\nC,{value},1\n")
    assert message.startswith("log.csv: line 5: ")
    assert says in message


@pytest.mark.parametrize("value", ["1.1.2024", "01/02/2024", "24-1-5", "x"])
def test_the_first_date_decides(refused, value):
    message = refused(f"{HEADER}A,{value},1\nB,2024-01-02,1\n")
    assert f"line 2: date '{value}' has no known format; allowed: YYYY-MM-DD, YYYY/MM/DD, YYYYMMDD" in message


def test_tomorrow_is_not_the_future(read, refused, monkeypatch):
    monkeypatch.setattr(data, "_today", lambda: on(5))
    assert read(HEADER + WEEK).days == 7
    monkeypatch.setattr(data, "_today", lambda: on(4))
    assert "line 4: date '2024-01-07' is in the future" in refused(HEADER + WEEK)


# -- amounts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "cents"),
    [
        ("0", 0), ("7", 700), (" 7.5 ", 750), (".5", 50), ("5.", 500), ("007.10", 710), ("+3", 300),
        ('"1,234.50"', 123450), ('"¥12,345,678"', 1234567800), ("￥9.99", 999), ("$ 1", 100), ("€0.01", 1),
        ("0.005", 0), ("0.015", 2), ("0.025", 2), ("0.0250", 2), ("0.02501", 3), ("1.999", 200),
        ("1000000000", 10**11), ("0" * 5000 + "1", 100), ("1." + "3" * 5000, 133), ("-0.00", 0),
    ],
)  # fmt: skip
def test_amounts(read, written, cents):
    assert lines(read(f"{HEADER}A,2024-01-01,{written}\nB,2024-01-07,1\n"))[0] == ("A", 0, cents)


def test_fractions_of_a_cent_are_counted(read):
    log = read(HEADER + WEEK + "A,2024-01-02,1.005\nB,2024-01-02,1.0150\nB,2024-01-04,1.2300\n")
    assert codes(log) == {"rounded": 2}  # 1.2300 loses nothing


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("", "the amount is empty"),
        ("  ", "the amount is empty"),
        ("nan", "amount 'nan' is not a number"),
        ("inf", "amount 'inf' is not a number"),
        ("-", "amount '-' is not a number"),
        (".", "amount '.' is not a number"),
        ("-$-1", "amount '-$-1' is not a number"),
        ("1e3", "amount '1e3' is not a number"),
        ("0x10", "amount '0x10' is not a number"),
        ("(5.00)", "amount '(5.00)' is not a number"),
        ('"12,50"', "amount '12,50' is not a number"),
        ('"1,23,456"', "amount '1,23,456' is not a number"),
        ("１２", "is not a number"),
        ("1000000000.01", "absurd"),
        ("1000000000.001", "absurd"),
        ("-1000000001", "absurd"),
        ("9" * 20_000, "amount '" + "9" * 37 + "...' is absurd"),
        ("free\nof\tcharge".replace("\n", " "), r"amount 'free of\tcharge' is not a number"),
    ],
)
def test_bad_amounts(refused, value, says):
    message = refused(f"{HEADER}{WEEK}A,2024-01-02,{value}\n")
    assert message.startswith("log.csv: line 5: ")
    assert says in message


def test_one_currency(read, refused):
    assert len(read(HEADER + "A,2024-01-01,¥1\nB,2024-01-07,￥2\nB,2024-01-03,2\n").ids) == 2
    message = refused(HEADER + "A,2024-01-01,¥1\nB,2024-01-07,$2\n")
    assert "line 3: amount '$2' is not in ¥ like the rows before" in message


def test_zero_amounts_are_orders(read):
    log = read(HEADER + WEEK + "B,2024-01-05,0\n")
    assert ("B", 4, 0) in lines(log)
    assert codes(log) == {"zero_amounts": 1}


# -- refunds -------------------------------------------------------------------------------------------------

REFUNDS = (
    HEADER
    + "A,2024-01-01,10\nA,2024-01-03,20\nB,2024-01-05,7\nC,2024-01-07,1\n"
    + "A,2024-01-03,-5\n"  # line 6: same day
    + "A,2024-01-02,-4\n"  # the order two days earlier
    + "B,2024-01-06,-9\n"  # more than the order
    + "C,2024-01-04,-1\n"  # nothing before it, though B has an order
    + "A,2024-01-06,-1\n"
)


def test_refunds_stop(refused):
    message = refused(REFUNDS)
    assert message.startswith("log.csv: line 6: amount -5.00 is negative (5 such rows in all)")
    assert "data.refunds=net" in message
    assert "data.refunds=drop" in message
    assert "line 5: amount -0.50 is negative (1 such row in all)" in refused(HEADER + WEEK + "A,2024-01-02,¥-.5\n")


def test_refunds_net(read):
    log = read(REFUNDS, refunds="net")
    assert lines(log) == [("A", 0, 600), ("A", 2, 1400), ("B", 4, 0), ("C", 6, 100)]
    assert codes(log) == {"refunds_netted": 4, "refunds_unmatched": 1}
    assert "1 order refunded by more than its amount set to 0" in log.notes[0].text


def test_refunds_drop(read):
    log = read(REFUNDS, refunds="drop")
    assert lines(log) == [("A", 0, 1000), ("A", 2, 2000), ("B", 4, 700), ("C", 6, 100)]
    assert codes(log) == {"refunds_dropped": 5}


def test_members_with_refunds_only_are_not_members(read, refused):
    assert read(HEADER + WEEK + "C,2024-01-02,-1\n", refunds="net").ids == ("A", "B")
    only = HEADER + "A,2024-01-01,-1\nB,2024-01-07,-1\n"
    assert "0 members have an order" in refused(only, refunds="drop")
    assert "0 members have an order" in refused(only, refunds="net")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"refunds": "nett"}, "data.refunds='nett': did you mean 'net'?"),
        ({"duplicates": "remove"}, "data.duplicates='remove': allowed: drop, keep"),
    ],
)
def test_options(refused, options, says):
    assert says in refused(HEADER + WEEK, **options)


# -- duplicates and merging ----------------------------------------------------------------------------------


def test_rows_of_a_day_are_merged(read):
    log = read(HEADER + WEEK + "A,2024-01-01,1.25\nA,2024-01-01,0.25\n")
    assert lines(log)[0] == ("A", 0, 1150)
    assert codes(log) == {"merged_rows": 2}


def test_exact_duplicates(read):
    text = HEADER + WEEK + "B,2024-01-03,20.50\n" * 2
    keep, drop = read(text), read(text, duplicates="drop")
    assert ("B", 2, 6150) in lines(keep)
    assert codes(keep) == {"exact_duplicates": 2, "merged_rows": 2}
    assert keep.notes[0].text == "2 exact duplicate rows were kept as lines of the day's order"
    assert ("B", 2, 2050) in lines(drop)
    assert codes(drop) == {"exact_duplicates": 2}


def test_duplicates_are_the_same_in_every_column(read):
    text = "no,member_id,date,amount\n1,A,2024-01-01,1\n2,A,2024-01-01,1\n2,A,2024-01-01,1\n3,B,2024-01-07,1\n"
    assert codes(read(text, duplicates="drop")) == {
        "extra_columns": 1,
        "exact_duplicates": 1,
        "merged_rows": 1,
    }
    text = HEADER + "A,2024-01-01 09:00,1\nA,2024-01-01 10:00,1\nB,2024-01-07 09:00,1\n"
    assert codes(read(text, duplicates="drop")) == {"merged_rows": 1}


def test_spaces_around_ids_do_not_matter(read):
    assert read(HEADER + WEEK + " A ,2024-01-02,1\n").ids == ("A", "B")


# -- weeks ---------------------------------------------------------------------------------------------------


def test_incomplete_week(read):
    log = read(HEADER + WEEK + "B,2024-01-08,1\nC,2024-01-10,1\n")
    assert log.days == 7
    assert log.ids == ("A", "B")  # C was only seen in the days left out
    text = "the last 3 days (2024-01-08..2024-01-10, 2 rows) are an incomplete week and left out"
    assert log.notes == (data.Note("incomplete_week", 3, text),)
    log = read(HEADER + WEEK + "B,2024-01-08,1\n")
    assert log.notes[0].text == "the last day (2024-01-08, 1 row) is an incomplete week and left out"


def test_a_complete_week_is_kept(read):
    log = read(HEADER + WEEK + "B,2024-01-14,1\n")
    assert (log.days, log.notes) == (14, ())


def test_less_than_a_week(refused):
    assert "log.csv covers 6 days from 2024-01-01; at least 7 are needed" in refused(
        HEADER + "A,2024-01-01,1\nB,2024-01-06,1\n"
    )


def daily(counts):
    """A log with a given number of members ordering on each day."""
    rows = [f"m{i},{on(d)},1\n" for d, count in enumerate(counts) for i in range(count)]
    return HEADER + "".join(rows)


@pytest.mark.parametrize(
    ("counts", "weeks", "cut"),
    [
        ([25] * 42, 6, 0),
        ([25] * 41 + [1], 5, 1),  # the export stopped just after midnight
        ([25] * 41 + [3], 6, 0),  # few, but not clearly cut
        ([25] * 38 + [0, 0, 0, 2], 5, 1),
        ([25] * 37 + [0] * 20 + [1], 5, 3),  # a stray row three weeks later
        ([25] * 37 + [0] * 365 + [1], 5, 52),  # and a year later
        ([19] * 41 + [1], 6, 0),  # too few orders a day to tell
        ([25] * 27 + [1], 4, 0),  # too few weeks to tell
        (([25] * 6 + [1]) * 6, 6, 0),  # closed on that weekday
        ([25] * 37 + [0, 0, 0, 25, 25], 6, 0),  # a gap that ended
        ([25] * 40 + [0, 0, 1], 5, 1),  # the whole week before the incomplete one ends in nothing
    ],
)
def test_unfinished_week(read, counts, weeks, cut):
    log = read(daily(counts))
    assert log.days == 7 * weeks
    assert codes(log).get("unfinished_week", 0) == cut
    assert codes(log).get("incomplete_week", 0) == len(counts) % 7
    assert int(log.amount.sum()) == 100 * sum(counts[: 7 * weeks])


def test_complete_until(read, refused):
    text = daily([25] * 41 + [1])
    assert read(text, complete_until=on(41)).days == 42  # the user knows better
    log = read(text, complete_until="2024-02-13")  # two days without orders
    assert (log.days, codes(log)) == (42, {"incomplete_week": 2})
    log = read(text, complete_until=on(29))
    assert (log.days, codes(log)) == (28, {"after_complete_until": 276, "incomplete_week": 2})
    assert "(2024-01-31..2024-02-11, 276 rows)" in log.notes[0].text
    for value in ("soon", "9999-01-01", datetime.date(9999, 1, 1), 5):
        assert "data.complete_until=" in refused(text, complete_until=value)
    assert "at least one whole week" in refused(text, complete_until=on(5))
    assert read(text, complete_until=datetime.datetime(2024, 2, 11, 23, 59)).days == 42


# -- files that cannot be read -------------------------------------------------------------------------------


def test_missing_file_names_the_nearest(write, tmp_path):
    write("", "orders_2024.csv")
    with pytest.raises(InputError, match=r"there is no such file; did you mean 'orders_2024.csv'\?"):
        read_log(tmp_path / "order_2024.csv")
    with pytest.raises(InputError, match=r"there is no such file$"):
        read_log(str(tmp_path / "zzz"))
    with pytest.raises(InputError, match="there is no such file, nor such a folder"):
        read_log(tmp_path / "no" / "log.csv")
    with pytest.raises(InputError, match="there is no such file"):
        read_log(tmp_path / "orders_2024.csv" / "log.csv")


def test_folder_pipe_and_impossible_names(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        read_log(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is not a regular file"):
        read_log(tmp_path / "pipe")
    with pytest.raises(InputError, match="cannot be read"):
        read_log("a\0b")
    with pytest.raises(InputError, match="cannot be read"):
        read_log("x" * 5000)


def test_permission_denied(write, monkeypatch):
    path = write(HEADER + WEEK)

    def denied(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(InputError, match=r"log.csv: no permission to read this file"):
        read_log(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "log.csv is empty"),
        (b"\xef\xbb\xbf\r\n \n", "log.csv is empty"),
        (HEADER, "log.csv has a header but no rows"),
        (HEADER.strip(), "log.csv has a header but no rows"),
        (HEADER + "\n \n,,\n", "log.csv has a header but no rows"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "is not a text file (it has NUL bytes)"),
        ((HEADER + WEEK).encode("utf-16"), "is not a text file (it has NUL bytes)"),
        (b"PK\x03\x04abc", "is a workbook or archive"),
        (
            (HEADER + WEEK).encode() + b"\xff\xff\xff,2024-01-02,1\n",
            "not a text file in UTF-8 or GB18030 (line 5)",
        ),
        ('{"member_id": "A", "date": 1}', "line 1: there is no column 'member_id'"),
        ("x" * 300_000, "line 1: a field is longer than 100,000 characters"),
        ("x," * 150_000, "line 1: the header is longer than 200,000 characters"),
        ('"member_id,date,amount\nA,2024-01-01,1\n', "line 1: a quote is opened and never closed"),
        (HEADER + "A,2024-01-01,1\nA,2024-01-07,1\n", "there is only one member, 'A'; at least 2"),
        (HEADER + "A,2024-01-01,1\nA,2024-01-07,1\nB,2024-01-08,1\n", "1 member has an order in the 7 days"),
        (HEADER + WEEK + " ,2024-01-02,1\n", "line 5: member_id is blank"),
        (HEADER + WEEK + "A,2024-01-02\n", "line 5 has 2 fields, the header has 3"),
        (
            HEADER + WEEK + "A,2024-01-02,1,234.50\n",
            "line 5 has 4 fields, the header has 3; a value with ','",
        ),
        (HEADER + WEEK + "A\n", "line 5 has 1 field, the header has 3"),
        (HEADER + WEEK + '"A"x,2024-01-02,1\n', "line 5: text after a closing quote"),
        (HEADER + WEEK + '"A,2024-01-02,1\n' + WEEK, "line 5: a quote is opened and never closed"),
        (HEADER + WEEK + '"A,2024-01-02,1\n' + WEEK * 9999, "line 5: a field is longer than 100,000"),
        (HEADER + WEEK + "A" * 120_000 + ",2024-01-02,1\n", "line 5: a field is longer than 100,000"),
    ],
)
def test_unusable_content(refused, content, says):
    assert says in refused(content)


def test_a_field_of_5_mb_is_refused_quickly(refused):
    begin = time.perf_counter()
    message = refused("member_id,date,amount,note\nA,2024-01-01,1,\nB,2024-01-02,2," + "y" * 5_000_000 + "\n")
    assert "line 3: a field is longer than 100,000 characters" in message
    assert time.perf_counter() - begin < 5


def test_lines_are_counted_through_quoted_line_ends(refused):
    text = 'member_id,date,amount,note\nA,2024-01-01,1,"two\nlines"\n\nB,2024-01-02,x,\n'
    assert "log.csv: line 5: amount 'x'" in refused(text)
    assert "log.csv: line 6: amount 'x'" in refused("\n" + text)
    text = 'member_id,date,"amount\n"\nA,2024-01-01,1\nB,2024-01-02,x\n'
    assert "log.csv: line 4: amount 'x'" in refused(text)


def test_blank_lines_and_empty_rows_are_skipped(read):
    log = read(HEADER + "\n" + WEEK.replace("\n", "\n\n") + "  \n,,\n , ,\n")
    assert len(lines(log)) == 3
    assert codes(log) == {"empty_rows": 2}


def test_a_file_name_with_control_characters(tmp_path):
    path = tmp_path / "a\nb.csv"
    path.write_text(HEADER)
    with pytest.raises(InputError, match=r"^'a\\nb.csv' has a header but no rows$"):
        read_log(path)


# -- the two ways through a file -----------------------------------------------------------------------------


def by(way, path, **options):
    return data._read(path, ways=(way,), **options)


@pytest.mark.parametrize("quoted", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_plain_files_take_the_fast_way(write, quoted):
    out = io.StringIO()
    rows = [
        ["member_id", "date", "amount"],
        ["A", "2024-01-01 10:00", "1,234.50"],
        ["B", "2024-01-07", "¥1.005"],
    ]
    csv.writer(out, quoting=quoted).writerows(rows)
    path = write(out.getvalue())
    assert by(data._fast, path) == by(data._exact, path) == read_log(path)


identifiers = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\r"), min_size=1, max_size=8)
amounts = st.one_of(
    st.integers(0, 10**6).map(lambda c: f"{c / 100:.2f}"),
    st.integers(0, 10**9).map(lambda c: f"¥{c / 1000:,.3f}"),
    st.sampled_from(["0", ".5", "7.", " 1 "]),
)
refund_amounts = st.one_of(amounts, st.integers(1, 10**5).map(lambda c: f"-{c / 100:.2f}"))


@st.composite
def logs(draw, values=amounts):
    """(the text of a log, the order of its columns, its rows as (id, day, amount as written))."""
    members = draw(st.lists(identifiers.filter(str.strip), min_size=2, max_size=6, unique_by=str.strip))
    rows = draw(st.lists(st.tuples(st.sampled_from(members), st.integers(0, 30), values), max_size=30))
    rows += [(members[0], 0, "1"), (members[1], 0, "2"), (members[0], 27, "3")]
    rows = draw(st.permutations(rows + rows[:2]))
    form = draw(st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d"]))
    clocks = st.sampled_from(["", " 08:15", "T23:59:59"])
    notes = draw(
        st.sampled_from(
            [
                st.just("n"),
                st.lists(st.sampled_from(["n", ",", '"', " ", "\n", "\r\n"]), max_size=4).map("".join),
            ]
        )
    )
    header = draw(st.permutations(["member_id", "date", "amount", "note"]))
    out = io.StringIO()
    writer = csv.DictWriter(
        out,
        header,
        delimiter=draw(st.sampled_from(",;\t")),
        lineterminator=draw(st.sampled_from(["\n", "\r\n"])),
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
    )
    writer.writeheader()
    for member, day, amount in rows:
        date = on(day).strftime(form) + draw(clocks)
        writer.writerow({"member_id": member, "date": date, "amount": amount, "note": draw(notes)})
    return out.getvalue(), rows


def stored(text):
    """A file with this text, for as long as it is open."""
    file = tempfile.NamedTemporaryFile(suffix=".csv")  # noqa: SIM115
    file.write(text.encode())
    file.flush()
    return file


class FastWayRefusedError(Exception):
    pass


def fast(path, **options):
    """The log by the fast way, or None when that way gave the file up."""

    def give_up(*_):
        raise FastWayRefusedError

    try:
        return data._read(path, ways=(data._fast, give_up), **options)
    except FastWayRefusedError:
        return None


@settings(max_examples=150, deadline=None)
@given(logs(refund_amounts), st.sampled_from(["keep", "drop"]), st.sampled_from(["net", "drop"]))
def test_both_ways_agree(log, duplicates, refunds):
    options = {"duplicates": duplicates, "refunds": refunds, "name": "log"}
    with stored(log[0]) as file:
        exact = by(data._exact, file.name, **options)
        assert read_log(file.name, **options) == exact
        quick = fast(file.name, **options)
        assert quick == exact or quick is None
        assert quick is not None or '"' in log[0] or "\r" in log[0] or not log[0].isascii()


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [" ", "\n", "\r\n", "\r", ",", '"', '""', ",,\n", "\t", "\u2028", "\x0b", "\x85", "￥", "-"]
            ),
            st.sampled_from(["A,2024-01-05,1\n", '"B","2024-01-06","1,000.5"\n', "C,2024-01-0", "5,3.14\n", "9"]),
        ),
        max_size=12,
    ).map("".join)
)
def test_the_fast_way_accepts_nothing_that_the_exact_way_refuses(tail):
    with stored(HEADER + WEEK + tail) as file:
        quick = fast(file.name, name="log")
        if quick is not None:
            assert quick == by(data._exact, file.name, name="log")


def outcome(path):
    """The log or the message."""
    try:
        return read_log(path)
    except InputError as problem:
        return str(problem)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_give_a_log_or_an_input_error(tail, headed):
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write((HEADER + WEEK).encode() * headed + tail)
        file.flush()
        found = outcome(file.name)
    assert isinstance(found, data.PurchaseLog) or found.count("\n") <= 1


# -- properties ----------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(logs(refund_amounts), st.randoms(use_true_random=False), st.sampled_from(["net", "drop"]))
def test_row_order_does_not_matter(log, random, refunds):
    rows = [(member, str(on(day)), amount) for member, day, amount in log[1]]
    shuffled = list(rows)
    random.shuffle(shuffled)
    found = []
    for some in (rows, shuffled):
        out = io.StringIO()
        csv.writer(out).writerows([["member_id", "date", "amount"], *some])
        with stored(out.getvalue()) as file:
            read = read_log(file.name, refunds=refunds, name="log")
        found.append((read.origin, read.days, read.ids, lines(read), read.notes))
    assert found[0] == found[1]


@settings(max_examples=100, deadline=None)
@given(logs())
def test_money_is_conserved_and_member_days_are_unique(log):
    text, rows = log
    with stored(text) as file:
        read = read_log(file.name)
    expected = {}
    for member, day, amount in rows:
        if day < read.days:
            place = (member.strip(), day)
            expected[place] = expected.get(place, 0) + data._money(amount).cents
    assert lines(read) == [(m, d, c) for (m, d), c in sorted(expected.items())]
    assert int(read.amount.sum()) == sum(expected.values())
    place = list(zip(read.member.tolist(), read.day.tolist(), strict=True))
    assert place == sorted(set(place))
    assert read.ids == tuple(sorted(read.ids))
    assert set(read.member.tolist()) == set(range(len(read.ids)))
    assert read.days % 7 == 0


@settings(max_examples=60, deadline=None)
@given(logs(), st.integers(0, 27))
def test_histories_are_what_a_loop_finds(log, until):
    with stored(log[0]) as file:
        read = read_log(file.name)
    assume(until < read.days)
    expected = []
    for member in range(len(read.ids)):
        days = [d for m, d in zip(read.member.tolist(), read.day.tolist(), strict=True) if m == member and d <= until]
        if days:
            expected.append((member, days[0], len(days) - 1, days[-1]))
    assert list(zip(*(a.tolist() for a in read.histories(until)), strict=True)) == expected


def test_a_large_log_is_read_in_seconds(write):
    random = np.random.default_rng(1)
    n = 200_000
    dates = [str(on(d)) for d in range(364)]
    rows = zip(random.integers(0, 20_000, n), random.integers(0, 364, n), random.gamma(2, 30, n), strict=True)
    path = write(HEADER + "".join(f"M{m:06d},{dates[d]},{a:.2f}\n" for m, d, a in rows))
    begin = time.perf_counter()
    log = read_log(path)
    assert time.perf_counter() - begin < 5  # about 0.3 s
    assert log.days == 364


def test_months_and_days_may_be_written_without_a_leading_zero(tmp_path):
    """Spreadsheets write 2024/1/5; it is the same day as 2024/01/05."""
    rows = [("a", "2024/1/5", "2"), ("b", "2024/1/12", "3"), ("a", "2024/1/18", "4")]
    padded = [(who, "/".join(part.zfill(2) for part in day.split("/")), paid) for who, day, paid in rows]
    logs = []
    for name, lines in (("short.csv", rows), ("padded.csv", padded)):
        path = tmp_path / name
        path.write_text("member_id,date,amount\n" + "".join(",".join(line) + "\n" for line in lines))
        logs.append(read_log(path))
    assert logs[0].origin == logs[1].origin
    assert (logs[0].day == logs[1].day).all()
    assert (logs[0].amount == logs[1].amount).all()
