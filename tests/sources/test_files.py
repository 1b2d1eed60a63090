"""Files as they really come: half, packed, with other headers, written again while they are read."""

from __future__ import annotations

import gzip
import os
import time

import pytest

from streams.sources.rows import SourceFault
from tests.sources.mappings import CAMARA, RECHARGE_ROWS, RECHARGES, read, source, tmf, written


def test_a_last_row_without_its_line_end_is_half(tmp_path):
    half = written(tmp_path, RECHARGE_ROWS + "0244000003,1.00,10")
    records, bad, _ = read(source(tmp_path, RECHARGES), half)
    assert len(records) == 2
    assert [(one.line, one.wanted) for one in bad] == [(4, "a whole row with its line end")]
    assert 'last_line = "whole"' in bad[0].got
    whole = source(tmp_path, RECHARGES.replace("zone =", 'last_line = "whole"\nzone ='))
    records, bad, _ = read(whole, written(tmp_path, RECHARGE_ROWS.rstrip("\n")))
    assert [r["record_id"] for r in records] == ["R1", "R2"]
    assert not bad


def test_half_a_row_is_seen_behind_full_chunks_too(tmp_path, monkeypatch):
    monkeypatch.setattr("streams.sources.csv.ROWS", 2)
    records, bad, _ = read(source(tmp_path, RECHARGES), written(tmp_path, (RECHARGE_ROWS + "0244000003,1,10,01/05/2026 09:32,R3\n0244000004,1,1,01/05/2026 09:33,R4").encode()))
    assert [r["record_id"] for r in records] == ["R1", "R2", "R3"]
    assert [one.line for one in bad] == [5]


def test_an_object_at_the_end_needs_no_line_end_but_a_brace(tmp_path):
    whole, half = tmf(1, 2).rstrip("\n"), tmf(2, 2)[:-10]
    records, bad, _ = read(source(tmp_path, CAMARA), written(tmp_path, whole))
    assert len(records) == 1
    records, bad, _ = read(source(tmp_path, CAMARA), written(tmp_path, whole + "\n" + half))
    assert len(records) == 1
    assert [(one.line, one.got) for one in bad] == [(2, "half an object: the file ends before it does")]


def test_gzip_whole_cut_off_and_damaged(tmp_path):
    packed = gzip.compress(RECHARGE_ROWS.encode() * 200)
    own = source(tmp_path, RECHARGES)
    records, bad, _ = read(own, written(tmp_path, packed, "r.csv.gz"))
    assert len(records) == 400
    assert not bad
    with pytest.raises(SourceFault, match=r"half.gz: wanted a whole gzip file, got one whose end is missing, after [0-9,]+ unpacked bytes: have it delivered again"):
        read(own, written(tmp_path, packed[:-20], "half.gz"))
    damaged = packed[:40] + bytes([packed[40] ^ 0xFF]) + packed[41:]
    with pytest.raises(SourceFault, match="bad.gz: wanted a gzip file, got a damaged one"):
        read(own, written(tmp_path, damaged, "bad.gz"))


def test_columns_are_found_by_name_and_missing_ones_named(tmp_path):
    own = source(tmp_path, RECHARGES)
    moved = "receipt,extra,time,new balance,amount,msisdn\nR1,x,01/05/2026 09:30,13.07,12.50,0244000001\n"
    assert read(own, written(tmp_path, moved))[0][0]["delta"] == 1250
    with pytest.raises(SourceFault) as caught:
        read(own, written(tmp_path, RECHARGE_ROWS.replace("new balance", "balance"), "may.csv"))
    assert str(caught.value) == (
        f"{tmp_path}/may.csv:1: wanted the columns that sources.recharges names, got a header without new balance: msisdn, amount, balance, time, receipt: "
        f"has the format changed? change the mapping in {tmp_path}/own.toml"
    )
    with pytest.raises(SourceFault, match="a header with receipt twice"):
        read(own, written(tmp_path, RECHARGE_ROWS.replace("msisdn,", "receipt,", 1).replace("time", "msisdn,time", 1)))
    with pytest.raises(SourceFault, match="an empty file"):
        read(own, written(tmp_path, ""))


def test_joined_files_repeat_their_header(tmp_path):
    records, bad, reading = read(source(tmp_path, RECHARGES), written(tmp_path, RECHARGE_ROWS + RECHARGE_ROWS.replace("R1", "R3").replace("R2", "R4")))
    assert [r["record_id"] for r in records] == ["R1", "R2", "R3", "R4"]
    assert not bad
    assert reading.counts == {"rows": 4, "records": 4, "bad": 0, "skipped": 0}


def test_rows_with_other_cells_and_cells_with_line_ends_keep_their_line_numbers(tmp_path):
    rows = 'msisdn,amount,new balance,time,receipt\n0244,1,1,01/05/2026 09:30,"R\n1"\n\n0244,1,1,01/05/2026 09:30\n0244,x,1,01/05/2026 09:30,R3\n'
    records, bad, _ = read(source(tmp_path, RECHARGES), written(tmp_path, rows))
    assert [(one.line, one.field, one.got) for one in bad] == [(5, "row", "4"), (6, "delta", "x")]
    assert len(records) == 1
    assert len(records[0]["record_id"]) == 32  # an id with a control character is hashed


def test_a_quote_that_is_never_closed_is_named(tmp_path):
    rows = RECHARGE_ROWS + '"0244' + RECHARGE_ROWS * 2000
    with pytest.raises(SourceFault, match=r"in.csv:4: wanted cells of at most 131,072 characters, got field larger .* a quote that is not closed\?"):
        read(source(tmp_path, RECHARGES), written(tmp_path, rows))


def test_bytes_that_are_no_utf8_cost_their_own_row(tmp_path):
    rows = RECHARGE_ROWS.encode() + b"0244\xff,1,1,01/05/2026 09:30,R3\n" + "0244000009,1,1,01/05/2026 09:30,Réf\n".encode()
    records, bad, _ = read(source(tmp_path, RECHARGES), written(tmp_path, b"\xef\xbb\xbf" + rows))
    assert [r["record_id"] for r in records] == ["R1", "R2", "Réf"]
    assert [(one.line, one.field) for one in bad] == [(4, "customer_id")]
    assert bad[0].json()
    latin = source(tmp_path, RECHARGES.replace("zone =", 'encoding = "cp1252"\nzone ='))
    assert read(latin, written(tmp_path, "msisdn,amount,new balance,time,receipt\n1,1,1,01/05/2026 09:30,Réf\n".encode("cp1252")))[0][0]["record_id"] == "Réf"


def opened_and(tmp_path, change):
    """What reading says when a file changes behind its first rows."""
    from streams.sources.reading import Reading

    path = written(tmp_path, RECHARGE_ROWS * 20_000)
    batches = Reading(source(tmp_path, RECHARGES)).batches([str(path)])
    first = next(batches)[1]
    change(path)
    return len(first.values) + sum(len(batch.values) for _, batch in batches)


def test_a_file_that_grows_is_read_as_far_as_it_was(tmp_path):
    def grow(path):
        with path.open("a") as file:
            file.write("0244000003,1.00,10")

    assert opened_and(tmp_path, grow) == 40_000


def rewrite(path):
    text = path.read_text()
    path.write_text(text.replace("0244", "0255"))
    os.utime(path, ns=(time.time_ns(), time.time_ns() + 1_000_000))


def rewrite_longer(path):
    path.write_text(path.read_text().replace("0244", "02555"))


def replace(path):
    other = path.with_name("other")
    other.write_text(RECHARGE_ROWS)
    other.replace(path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (rewrite, "got one that was written again"),
        (rewrite_longer, "got one that was written again"),
        (replace, "got one that was replaced"),
        (lambda path: path.write_text(""), "got one that was replaced"),
        (lambda path: path.unlink(), "got one that was removed"),
    ],
)
def test_a_file_that_is_written_again_while_it_is_read_is_refused(tmp_path, change, says):
    with pytest.raises(SourceFault, match=says):
        opened_and(tmp_path, change)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SourceFault, match="none.csv: wanted a file that can be read, got No such file or directory: check its name and rights"):
        read(source(tmp_path, RECHARGES), tmp_path / "none.csv")
