"""Rows to records: ids, several records of a row, lookups by time, hashes, amounts, order."""

from __future__ import annotations

import csv
import io
import random
from decimal import ROUND_HALF_UP, Decimal

import pytest

from streams.sources.reading import Reading
from tests.sources.mappings import RECHARGE_ROWS, RECHARGES, read, source, written

HEAD = "msisdn,amount,new balance,time,receipt\n"


def recharge(amount="1", after="9", at="01/05/2026 09:30", receipt="R1", who="0244"):
    return f"{who},{amount},{after},{at},{receipt}\n"


def test_a_file_that_is_delivered_twice_has_the_same_ids(tmp_path):
    own = source(tmp_path, RECHARGES.replace('["receipt"]', '["msisdn", "time", "amount"]'))
    one, other = written(tmp_path, RECHARGE_ROWS, "a.csv"), written(tmp_path, RECHARGE_ROWS, "b.csv")
    records = read(own, one, other)[0]
    assert records[:2] == records[2:]
    assert records[0]["record_id"] == "0244000001|01/05/2026 09:30|12.50"


def test_ids_of_different_rows_differ_whatever_the_cells_hold(tmp_path):
    own = source(tmp_path, RECHARGES.replace('["receipt"]', '["msisdn", "receipt"]'))
    pairs = [("a|b", "c"), ("a", "b|c"), ("a", "b"), ("a|", "b"), ("x" * 40, "y" * 40), ("x" * 41, "y" * 39)]
    records, bad, _ = read(own, written(tmp_path, HEAD + "".join(recharge(who=who, receipt=receipt) for who, receipt in pairs)))
    assert not bad
    assert len({r["record_id"] for r in records}) == len(pairs)
    assert all(len(r["record_id"]) <= 64 for r in records)
    records, bad, _ = read(own, written(tmp_path, HEAD + recharge(receipt="")))
    assert [(one.field, one.wanted) for one in bad] == [("id", "a value in receipt")]


@pytest.mark.parametrize("sign", [(".", ""), (",", "."), (",", " ")])
def test_amounts_are_exact(tmp_path, sign):
    comma, thousands = sign
    chance = random.Random(3)
    cents = [chance.randrange(1, 10 ** chance.randrange(1, 13)) for _ in range(500)]
    texts = [f"{cent / Decimal(100):,.2f}".replace(",", "_").replace(".", comma).replace("_", thousands) for cent in cents]
    out = io.StringIO()
    csv.writer(out).writerows([["0244", text, text, "01/05/2026 09:30", f"R{at}"] for at, text in enumerate(texts)])
    own = source(tmp_path, RECHARGES.replace("zone =", f'decimal = "{comma}"\nthousands = "{thousands}"\nzone ='))
    records, bad, _ = read(own, written(tmp_path, HEAD + out.getvalue()))
    assert not bad
    assert [r["delta"] for r in records] == cents


def test_what_is_finer_than_a_minor_unit_is_refused_or_rounded_half_up(tmp_path):
    amounts = ["0.005", "0.015", "1.2349", "29.225047276110267", "1e1", "1.2.3", "NaN", "--1", ""]
    rows = HEAD + "".join(recharge(amount=amount, receipt=f"R{at}") for at, amount in enumerate(amounts))
    records, bad, _ = read(source(tmp_path, RECHARGES), written(tmp_path, rows))
    assert [r["delta"] for r in records] == [1000]
    assert [one.got for one in bad] == [*amounts[:4], *amounts[5:8], "nothing"]
    records, bad, _ = read(source(tmp_path, RECHARGES.replace('"amount", unit = "major"', '"amount", unit = "major", round = true')), written(tmp_path, rows))
    expected = [int((Decimal(amount) * 100).quantize(Decimal(1), ROUND_HALF_UP)) for amount in amounts[:5]]
    assert [r["delta"] for r in records] == expected == [1, 2, 123, 2923, 1000]


MOMO = """
[sources.momo]
zone = "Africa/Lome"
decimals = 2
id = ["ref"]
constants = { bucket_id = "main", bucket_kind = "money", unit = "minor", currency = "XOF" }
[sources.momo.fields]
event_time = { from = "at", time = "iso" }
[[sources.momo.records]]
record = "balance_change"
when = { kind = ["p2p", "pay"], from_before = { differs = "from_after" } }
constants = { operation = "charge", charge_reason = "purchase" }
[sources.momo.records.fields]
customer_id = "from"
account_id = "from"
subscription_id = "from"
balance_after = { from = "from_after", unit = "major", round = true }
_before = { from = "from_before", unit = "major", round = true }
delta = "= balance_after - _before"
[[sources.momo.records]]
record = "balance_change"
when = { to = { given = true }, amount = { above = 0 } }
constants = { operation = "adjust_credit" }
[sources.momo.records.fields]
customer_id = "to"
account_id = "to"
subscription_id = "to"
balance_after = { from = "to_after", unit = "major" }
_before = { from = "to_before", unit = "major" }
delta = "= balance_after - _before"
"""
MOMO_ROWS = (
    "ref,kind,at,from,to,amount,from_before,from_after,to_before,to_after\n"
    "1,p2p,2026-05-01 10:00:00,A,B,3,10,7,1,4\n2,pay,2026-05-01 10:01:00,A,,2,7,5,,\n3,cashin,2026-05-01 10:02:00,C,,5,0,5,,\n4,p2p,2026-05-01 10:03:00,A,B,0,5,5,4,4\n"
)


def test_one_row_becomes_several_records_each_where_its_condition_holds(tmp_path):
    records, bad, reading = read(source(tmp_path, MOMO), written(tmp_path, MOMO_ROWS))
    assert not bad
    assert [(r["record_id"], r["customer_id"], r["delta"], r["balance_after"]) for r in records] == [("1", "A", -300, 700), ("1-2", "B", 300, 400), ("2", "A", -200, 500)]
    assert reading.counts == {"rows": 4, "records": 3, "bad": 0, "skipped": 2}


LOOKUP = RECHARGES.replace("zone =", 'lookups = { numbers = { file = "numbers.csv", key = "msisdn" } }\nzone =', 1).replace(
    'customer_id = "msisdn"', 'customer_id = { from = "msisdn", lookup = "numbers", column = "customer" }'
)


def test_a_number_belongs_to_who_had_it_at_the_time(tmp_path):
    written(tmp_path, "msisdn,customer,valid_from,valid_until\n0244,C1,,2026-03-01\n0244,C7,2026-06-15,\n", "numbers.csv")
    days = ("28/02/2026", "01/03/2026", "14/06/2026", "15/06/2026")
    rows = HEAD + "".join(recharge(at=f"{day} 00:00", receipt=day) for day in days) + recharge(who="0999", receipt="R9")
    records, bad, _ = read(source(tmp_path, LOOKUP), written(tmp_path, rows))
    assert [(r["record_id"], r["customer_id"]) for r in records] == [("28/02/2026", "C1"), ("15/06/2026", "C7")]
    assert [(one.line, one.field, one.got) for one in bad] == [(3, "customer_id", "0244"), (4, "customer_id", "0244"), (6, "customer_id", "0999")]
    assert bad[0].wanted == "a key that the lookup numbers has at the record's time"


def test_a_lookup_is_read_as_its_own_system_writes_it(tmp_path):
    """Semicolons, another encoding, other names and times of the source's zone: a day begins at its midnight."""
    (tmp_path / "numbers.csv").write_text("Rufnummer;customer;Straße;gültig_ab\n0244;C1;Höhe 1;\n0244;C7;Höhe 7;15.06.2026\n", "cp1252")
    spec = 'file = "numbers.csv", key = "Rufnummer", delimiter = ";", encoding = "cp1252", valid_from = "gültig_ab", time = "%d.%m.%Y"'
    text = LOOKUP.replace('file = "numbers.csv", key = "msisdn"', spec).replace('zone = "Africa/Lome"', 'zone = "Asia/Shanghai"')
    rows = HEAD + recharge(at="14/06/2026 23:59", receipt="R1") + recharge(at="15/06/2026 00:00", receipt="R2")
    records, bad, _ = read(source(tmp_path, text), written(tmp_path, rows))
    assert not bad
    assert [(r["record_id"], r["customer_id"]) for r in records] == [("R1", "C1"), ("R2", "C7")]


def test_rows_of_unknown_numbers_may_be_left_out(tmp_path):
    written(tmp_path, "msisdn,customer\n0244,C1\n", "numbers.csv")
    own = source(tmp_path, LOOKUP.replace("zone =", 'when = { msisdn = { known = "numbers" } }\nzone =', 1))
    records, bad, reading = read(own, written(tmp_path, HEAD + recharge() + recharge(who="0999", receipt="R2")))
    assert [r["customer_id"] for r in records] == ["C1"]
    assert not bad
    assert reading.counts["skipped"] == 1


def test_a_lookup_without_times_and_one_in_the_reference_folder(tmp_path):
    from streams import settings
    from streams.sources.mapping import load_source

    (tmp_path / "reference").mkdir()
    written(tmp_path / "reference", "subscription_id,customer_id\n0244,C9\n", "lines.csv")
    text = LOOKUP.replace("numbers.csv", "lines.csv").replace('key = "msisdn"', 'key = "subscription_id"').replace('column = "customer"', 'column = "customer_id"')
    path = written(tmp_path, text, "own.toml")
    own = load_source("recharges", settings.load(None, str(path), {}).sources, str(path), str(tmp_path / "reference"))
    assert read(own, written(tmp_path, HEAD + recharge()))[0][0]["customer_id"] == "C9"


def test_numbers_of_others_are_hashed_with_a_key(tmp_path):
    written(tmp_path, "0123456789abcdef\n", "key")
    text = RECHARGES.replace("zone =", 'hash_key_file = "key"\nzone =', 1)
    text += 'counterpart = { from = "dealer", e164 = "228", hash = true }\n'
    rows = "msisdn,amount,new balance,time,receipt,dealer\n" + "".join(
        f"0244,1,9,01/05/2026 09:30,R{at},{dealer}\n" for at, dealer in enumerate(("90 12 34 56", "+228 90123456", "0022890123456", "90123457", ""))
    )
    found = [r.get("counterpart") for r in read(source(tmp_path, text), written(tmp_path, rows))[0]]
    assert found[0] == found[1] == found[2] != found[3]
    assert found[4] is None
    assert "9012" not in str(found)
    written(tmp_path, "fedcba9876543210\n", "key")
    assert read(source(tmp_path, text), written(tmp_path, rows))[0][0]["counterpart"] != found[0]


def test_words_defaults_patterns_and_what_is_left_over(tmp_path):
    text = RECHARGES.replace("zone =", 'empty = ["-", "NULL"]\nzone =', 1)
    text += 'channel = { from = "via", map = { WEB = "web", "" = "" }, else = "store" }\nauto = { from = "auto", default = false }\noffering_id = { from = "note", match = "pack=([A-Z]+)" }\n'
    rows = "msisdn,amount,new balance,time,receipt,via,auto,note\n" + "".join(
        f"0244,1,9,01/05/2026 09:30,R{at},{rest}\n" for at, rest in enumerate(("WEB,Yes,x pack=GO;", "KIOSK,0,none", "-,NULL,-", "WEB,maybe,"))
    )
    records, bad, _ = read(source(tmp_path, text), written(tmp_path, rows))
    assert [(r.get("channel"), r.get("auto", False), r.get("offering_id")) for r in records] == [("web", True, "GO"), ("store", False, None), (None, False, None)]
    assert [(one.line, one.field, one.wanted, one.got) for one in bad] == [(5, "auto", "true or false", "maybe")]


def test_values_beyond_a_field_s_bounds_are_refused_by_field(tmp_path):
    rows = HEAD + recharge(amount="9" * 15) + recharge(who="x" * 65, receipt="R2") + recharge(amount="-1", receipt="R3") + recharge(at="01/05/1999 09:30", receipt="R4")
    _, bad, _ = read(source(tmp_path, RECHARGES), written(tmp_path, rows))
    assert [(one.line, one.field, one.reason) for one in bad] == [
        (2, "delta", "bad_value"),
        (3, "customer_id", "bad_value"),
        (4, "delta", "broken_rule"),
        (5, "event_time", "too_old"),
    ]
    assert [one.where.rpartition("/")[2] for one in bad] == ["in.csv:2", "in.csv:3", "in.csv:4", "in.csv:5"]


ORDERS = {
    "as-is": ["b3", "b1", "a2", "a4"],
    "newest-first": ["b1", "b3", "a4", "a2"],
    "sorted": ["b1", "a2", "b3", "a4"],
}


@pytest.mark.parametrize("order", ORDERS)
def test_order_is_what_the_mapping_says(tmp_path, order):
    own = source(tmp_path, RECHARGES.replace("zone =", f'order = "{order}"\nzone =', 1))
    paths = [
        written(tmp_path, HEAD + "".join(recharge(at=f"01/05/2026 09:0{name[1]}", receipt=name) for name in names), f"{names[0]}.csv") for names in (("b3", "b1"), ("a2", "a4"))
    ]
    assert [r["record_id"] for r in read(own, *paths)[0]] == ORDERS[order]


def test_files_of_several_nodes_are_merged_by_time(tmp_path, monkeypatch):
    monkeypatch.setattr("streams.sources.reading.ROWS", 3)
    own = source(tmp_path, RECHARGES.replace("zone =", 'order = "by-node"\nzone =', 1))
    paths = [
        written(tmp_path, HEAD + "".join(recharge(at=f"01/05/2026 0{at // 60}:{at % 60:02}", receipt=f"{node}-{at}") for at in range(node, 90, 2 + node)), f"{node}.csv")
        for node in range(3)
    ]
    merged = list(Reading(own).batches(list(map(str, paths))))
    times = [time for _, batch in merged for time in batch.times]
    assert times == sorted(times)
    assert len(times) == sum(len(range(node, 90, 2 + node)) for node in range(3))
    assert all(batch.values[at].split(b'"record_id":"')[1][:1] == str(file).encode() for files, batch in merged for at, file in enumerate(files))


def test_rows_know_their_file_and_line(tmp_path):
    own = source(tmp_path, RECHARGES.replace('["receipt"]', '["@file", "@line"]'))
    assert [r["record_id"] for r in read(own, written(tmp_path, RECHARGE_ROWS, "may.csv"))[0]] == ["may.csv|2", "may.csv|3"]
