"""`history_from`: of old customers nobody knows what was their first, so no event says so; of new ones it is known (docs/semantics.md §1.7)."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.stories import bill, bought, call, session, topup, view
from schemas.codes import code
from schemas.reference import Reference
from tests.engine.test_laws import EXAMPLES, REFERENCE, by_customer, end_of, facts, merged
from tests.engine.timelines import timelines
from tests.reference.reading import Reading
from tests.shards import CATALOGUE, Bench

BERLIN = Path(__file__).parent.parent / "events" / "reference_berlin"
EPOCH = date(1970, 1, 1)
DAY = date(2026, 4, 15)
"""The first day of which all records are there."""
NUMBER = (DAY - EPOCH).days
FIRSTS = ("bill.first", "data.first_5g", "line.first_use", "milestone.topup_count", "topup.first", "vas.first_purchase", "voice.intl_first_country", "web.first_app_login")


def tables(tmp_path, *rows: str) -> Reference:
    """The tables with these lines."""
    (tmp_path / "lines.csv").write_text("\n".join(["subscription_id,customer_id,account_id,activation_date,valid_from", *rows]) + "\n", "utf-8")
    return Reference.load(tmp_path)


def everything(line: str = "S1", customer: str = "C1", account: str = "A1") -> list[dict[str, Any]]:
    """Ten recharges, a bill, a call abroad, a 5G session, a purchase and a login, on as many days of May."""
    who = {"subscription_id": line, "customer_id": customer, "account_id": account}
    return [
        *(topup(0, 1000, f"{day} 10:00", **who) for day in range(1, 11)),
        call("11 10:00", other_class="international", other_country="FR", **who),
        session("12 10:00", 2 * 1024**2, rat="5G", **who),
        bought("13 10:00", **who),
        view("login", "14 10:00", platform="app", outcome="submit", **who),
        bill(1000, "15 10:00", **who),
    ]


def found(reference: Reference, records: list[dict[str, Any]], history_from: int | None = NUMBER) -> list[str]:
    """The events on firsts that come of the records."""
    return sorted(one.event for one in Bench(reference=reference, history_from=history_from).feed(records) if one.event in FIRSTS)


@pytest.mark.parametrize(
    ("activated", "greeted"),
    [("2026-04-15", True), ("2026-04-14", False), ("2019-01-01", False), ("", False), ("2026-05-01", True)],
    ids=["that day", "the day before", "long before", "nobody knows when", "later"],
)
def test_only_lines_that_began_by_then_have_firsts(tmp_path, activated, greeted):
    assert found(tables(tmp_path, f"S1,C1,A1,{activated},"), everything()) == (list(FIRSTS) if greeted else [])


def test_without_the_setting_what_is_seen_first_is_the_first(tmp_path):
    assert found(tables(tmp_path, "S1,C1,A1,2019-01-01,"), everything(), None) == list(FIRSTS)


def test_a_line_that_no_table_has_has_no_firsts(tmp_path):
    assert found(tables(tmp_path, "S9,C9,A9,2026-05-01,"), everything()) == []


def test_a_new_line_of_an_old_customer_has_firsts_and_his_account_has_none(tmp_path):
    reference = tables(tmp_path, "S1,C1,A1,2026-05-01,", "S2,C1,A1,2019-01-01,")
    assert found(reference, everything()) == [one for one in FIRSTS if CATALOGUE.by_id[one].by == "line"]
    assert {CATALOGUE.by_id[one].by for one in FIRSTS} == {"line", "account", "customer"}


def test_an_old_line_that_is_another_customers_now_has_firsts_for_him(tmp_path):
    rows = ["S1,C8,A8,2019-01-01,", "S1,C1,A1,2019-01-01,{}"]
    assert found(tables(tmp_path, rows[0], rows[1].format("2026-04-15T00:00:00+08:00")), everything()) == list(FIRSTS)
    assert found(tables(tmp_path, rows[0], rows[1].format("2026-04-14T23:59:59+08:00")), everything()) == []


def test_a_changed_row_of_the_same_customer_hands_nothing_over(tmp_path):
    assert found(tables(tmp_path, "S1,C1,A1,2019-01-01,", "S1,C1,A2,2019-01-01,2026-04-20"), everything()) == []


def test_a_date_that_becomes_known_makes_the_count_known(tmp_path):
    """What was counted meanwhile counts."""
    shard = Bench(reference=tables(tmp_path, "S1,C1,A1,,"), history_from=NUMBER)
    records = everything()
    early = [one.event for one in shard.feed(records[:5]) if one.event in FIRSTS]
    shard.reference = tables(tmp_path, "S1,C1,A1,2026-05-01,")
    shard.restart()
    later = [one.event for one in shard.feed(records[5:10]) if one.event in FIRSTS]
    assert (early, later) == ([], ["milestone.topup_count"])


def test_what_begins_with_a_thing_of_its_own_is_not_silent(tmp_path):
    """A ticket that is first seen at its end, an order, a bill: their lives are not the customer's."""
    silenced = {one.event for one in Bench(reference=tables(tmp_path, "S1,C1,A1,2019-01-01,"), history_from=NUMBER).feed(everything())}
    plain = {one.event for one in Bench(reference=tables(tmp_path, "S1,C1,A1,2019-01-01,")).feed(everything())}
    assert plain - silenced == set(FIRSTS)
    assert silenced


def days() -> list[int]:
    """Days around those on which lines of the tables were activated."""
    with (BERLIN / "lines.csv").open(encoding="utf-8") as file:
        activated = {date.fromisoformat(row["activation_date"]) for row in csv.DictReader(file) if row["activation_date"]}
    return sorted((one + timedelta(days=more) - EPOCH).days for one in activated for more in (0, 1))


@EXAMPLES
@given(timelines(), st.sampled_from(days()))
def test_columnar_equals_scalar(records, day):
    shard = Bench(reference=REFERENCE, history_from=day)
    columnar = [facts(one) for one in shard.feed(records) + shard.advance(end_of(records))]
    reading = Reading(CATALOGUE, REFERENCE, history_from=EPOCH + timedelta(days=day))
    for record in merged(records):
        reading.take(record)
    reading.advance(end_of(records))
    scalar = [(s.event, s.key, s.time, s.anchor, orjson.dumps(s.detail, option=orjson.OPT_SORT_KEYS), s.consent) for s in reading.found]
    assert by_customer(columnar) == by_customer(scalar)


LINES, OWNERS = ("S1", "S2", "S3"), ("C1", "C2", "")


@st.composite
def versions(draw: Any) -> list[tuple[str, str, int | None, int]]:
    """Rows of lines: line, customer, day of activation, and from which day on the row is valid; one for each line and day."""
    rows = draw(
        st.dictionaries(
            st.tuples(st.sampled_from(LINES), st.integers(NUMBER - 3, NUMBER + 3)), st.tuples(st.sampled_from(OWNERS), st.none() | st.integers(NUMBER - 2, NUMBER + 2)), max_size=8
        )
    )
    return [(line, *of, since) for (line, since), of in rows.items()]


@EXAMPLES
@given(versions(), st.integers(NUMBER - 4, NUMBER + 4))
def test_beginnings_equal_a_plain_reading_of_the_rows(tmp_path_factory, rows, today):
    folder = tmp_path_factory.mktemp("lines")
    shown = [f"{line},{owner},{owner.replace('C', 'A')},{'' if day is None else EPOCH + timedelta(days=day)},{EPOCH + timedelta(days=since)}" for line, owner, day, since in rows]
    if not shown:
        return
    reference = tables(folder, *shown)
    begins = reference.line.begins(NUMBER, NUMBER * 86_400_000)
    valid = sorted((row for row in rows if row[3] <= today), key=lambda row: row[3])

    def new(line: str, upto: int) -> bool:
        own = [row for row in valid if row[0] == line and row[3] <= upto]
        passed = [after[3] for before, after in pairwise(own) if before[1] and after[1] and before[1] != after[1]]
        return bool(own) and ((own[-1][2] is not None and own[-1][2] >= NUMBER) or max(passed, default=0) >= NUMBER)

    for by, names in (("line", LINES), ("customer", ("C1", "C2")), ("account", ("A1", "A2"))):
        for name in names:
            own = [new(row[0], row[3]) for row in valid if row[1] and row[1] == name.replace("A", "C")]
            wanted = new(name, today) if by == "line" else bool(own) and all(own)
            got = begins.known(by, np.array([code(name)]), np.array([today * 86_400_000]))
            assert bool(got[0]) == wanted, (by, name)
