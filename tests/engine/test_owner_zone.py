"""The civil day of an account is that of its lines' zone at the time of the record."""

from __future__ import annotations

import pytest

from schemas.reference import Reference
from streams.definitions.catalogue import Catalogue
from tests.shards import Bench

BIG_DAY = '''"""Paid much today."""

from events.words import P
from streams.define import Detail, Event, day, once_per


class BigDay(Event, by="account"):
    payments = P.where(P.kind == "payment", P.status == "done").same(P.currency)
    paid = payments.today().sum(P.amount_minor)
    when = payments.where(paid >= 10000)
    rearm = once_per(day)
    detail = Detail(amount=paid)


CASES = []
'''
LINES = """subscription_id,customer_id,account_id,tz,valid_from
S1,C1,A1,Asia/Shanghai,
S1,C1,A1,Europe/Berlin,2026-06-01T00:00:00Z
S2,C1,A1,America/New_York,
"""


def payment(number, at, amount):
    who = {"customer_id": "C1", "account_id": "A1", "subscription_id": "S1"}
    what = {"payment_id": f"PY{number}", "kind": "payment", "status": "done", "amount_minor": amount, "currency": "CNY"}
    how = {"purpose": "bill", "method": "wallet", "channel": "app", "bill_id": "BL1"}
    return {"record_id": f"pa-{number}", "record_type": "payment", "schema_version": 1, "source_system": "sys", "event_time": at, **who, **what, **how}


@pytest.fixture
def bench(tmp_path):
    (tmp_path / "mine" / "payment").mkdir(parents=True)
    (tmp_path / "mine" / "payment" / "big_day.py").write_text(BIG_DAY)
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "lines.csv").write_text(LINES)
    return Bench(catalogue=Catalogue.load([str(tmp_path / "mine")]), reference=Reference.load(tmp_path / "reference"), zone="UTC")


@pytest.mark.parametrize(
    ("first", "second", "hours"),
    [
        ("2026-05-03T15:59:59Z", "2026-05-03T16:00:00Z", None),  # Shanghai's midnight lies between them
        ("2026-05-03T16:00:00Z", "2026-05-04T15:59:59Z", 8),
        ("2026-06-03T15:59:59Z", "2026-06-03T16:00:00Z", 2),  # the line has moved to Berlin
        ("2026-06-03T21:59:59Z", "2026-06-03T22:00:00Z", None),
    ],
)
def test_the_day_of_an_account_is_that_of_its_lowest_line_s_zone_of_the_moment(bench, first, second, hours):
    found = [d for d in bench.feed([payment(1, first, 6000), payment(2, second, 6000)]) if d.event == "payment.big_day"]
    assert [d.offset_ms for d in found] == ([] if hours is None else [hours * 3_600_000])
