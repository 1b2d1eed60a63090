"""Which lines are active, and what reaches them (`semantics.md` §1.7 Lines, §1.8 Active line)."""

from __future__ import annotations

import pytest

from events.bill.shock import Shock
from events.care.complaint_filed import ComplaintFiled
from events.stories import bill, call, contact, session, state_change, status, view
from events.web.cancel_page import CancelPage
from events.words import C, V, W, bills
from schemas.reference import Reference
from streams.define import any_of, once_per
from streams.definitions.catalogue import Catalogue
from streams.definitions.faults import flaws_of
from streams.engine.expression import DefinitionFault
from tests.engine.laboratory.toys import toy
from tests.shards import STORIES, Bench, epoch_ms

billed = toy("billed", "account", bills, amount=bills.count())
told = toy("told", "line", CancelPage.each_line(), page=W.page, line=W.subscription_id)
told_account = toy("told_account", "line", billed.each_line(), n=billed.detail.amount)
of_line = toy("of_line", "line", C.all, line=C.subscription_id)
of_event = toy("of_event", "line", ComplaintFiled.where(), line=C.subscription_id)
PAGE = view("cancel", "10 10:00", subscription_id=None)
COLUMNS = "subscription_id,customer_id,account_id,tz,activation_date,valid_from\n"


def found(records, *events, lines="", tmp_path=None):
    """The lines that the last of `events` is about, in order; `lines`: rows of the reference table, none by default."""
    reference = Reference.load(STORIES) if tmp_path is None else reference_of(lines, tmp_path)
    bench = Bench(catalogue=Catalogue(list(events)), reference=reference)
    bench.queue([{**record, "event_time": epoch_ms(record["event_time"])} for record in records])
    return [one.who.subscription_id for one in bench.drain() if one.event == events[-1].id]


def reference_of(lines, folder):
    if not lines:
        return Reference.load()
    (folder / "lines.csv").write_text(COLUMNS + lines, "utf-8")
    return Reference.load(folder)


@pytest.mark.parametrize(
    ("records", "lines"),
    [
        ([], []),
        ([session("2 10:00")], ["S1"]),
        ([session("2 10:00"), session("2 11:00", subscription_id="S2")], ["S1", "S2"]),
        ([session("2 10:00"), status("active", "suspended", "3 10:00")], []),
        ([session("2 10:00"), status("active", "suspended", "3 10:00"), session("4 10:00")], []),
        ([status("active", "suspended", "3 10:00"), status("suspended", "active", "4 10:00")], ["S1"]),
        ([status("suspended", "active", "4 10:00"), status("active", "suspended", "3 10:00")], ["S1"]),
        ([status(None, "pendingActive", "3 10:00")], []),
        ([session("2 10:00"), status("active", "terminated", "3 10:00"), session("4 10:00")], []),
        ([session("2 10:00", customer_id="C2")], []),
    ],
    ids=["none known", "one", "two", "suspended", "a record of a suspended one", "resumed", "a late status", "not yet", "terminated", "another customer's"],
)
def test_a_line_is_active_as_its_last_status_says_else_by_its_records(tmp_path, records, lines):
    assert sorted(found([*records, PAGE], CancelPage, told, tmp_path=tmp_path)) == lines


@pytest.mark.parametrize(
    ("row", "at", "lines"),
    [
        ("S1,C1,A1,,2026-05-10,", "10 00:00", ["S1"]),
        ("S1,C1,A1,,2026-05-10,", "9 23:59:59.999", []),
        ("S1,C1,A1,America/New_York,2026-05-10,", "10 11:59:59.999", []),
        ("S1,C1,A1,America/New_York,2026-05-10,", "10 12:00", ["S1"]),
        ("S1,C1,A1,,,", "10 10:00", []),
        ("S1,C2,A1,,2026-04-01,", "10 10:00", []),
        ("S1,C1,A1,,2026-04-01,2026-05-11T00:00:00+08:00", "10 10:00", []),
        ("S1,C1,A1,,2026-04-01,\nS1,C2,A2,,2026-04-01,2026-05-10T00:00:00+08:00", "10 10:00", []),
        ("S1,C1,A1,,2026-04-01,\nS1,C2,A2,,2026-04-01,2026-05-11T00:00:00+08:00", "10 10:00", ["S1"]),
    ],
)
def test_without_records_the_reference_table_decides(tmp_path, row, at, lines):
    assert found([{**PAGE, "event_time": view("cancel", at)["event_time"]}], CancelPage, told, lines=row + "\n", tmp_path=tmp_path) == lines


def test_a_status_holds_whatever_the_table_says(tmp_path):
    assert found([status("active", "suspended", "3 10:00"), PAGE], CancelPage, told, lines="S1,C1,A1,,2026-04-01,\n", tmp_path=tmp_path) == []


def test_a_line_that_changed_hands_is_the_new_owners(tmp_path):
    owner = state_change("line.owner", "C1", "C2", "3 10:00")
    records = [session("2 10:00"), owner, session("4 10:00", customer_id="C2"), PAGE, {**PAGE, "customer_id": "C2", "record_id": "other"}]
    assert found(records, CancelPage, told, tmp_path=tmp_path) == ["S1"]
    assert found(records[:-1], CancelPage, told, tmp_path=tmp_path) == []


def test_the_account_of_a_line_is_that_of_its_records_else_of_the_table(tmp_path):
    rows = "S1,C1,A1,,2026-04-01,\nS2,C1,A2,,2026-04-01,\nS3,C1,A1,,2026-04-01,\n"
    bills_of = [bill(100, "10 10:00", account_id="A1", subscription_id=None)]
    assert found(bills_of, billed, told_account, lines=rows, tmp_path=tmp_path) == ["S1", "S3"]
    moved = [session("2 10:00", subscription_id="S2", account_id="A1"), session("2 10:00", account_id="A2"), session("2 11:00", subscription_id="S3", account_id=None)]
    assert sorted(found([*moved, *bills_of], billed, told_account, lines=rows, tmp_path=tmp_path)) == ["S2", "S3"]


@pytest.mark.parametrize(
    ("records", "lines"),
    [
        ([contact("10:00", subscription_id=None)], ["S1"]),
        ([session("09:00", subscription_id="S2"), contact("10:00", subscription_id=None)], []),
        ([session("09:00", subscription_id="S2"), contact("10:00", subscription_id="S2")], ["S2"]),
        ([contact("10:00", subscription_id=None), session("11:00", subscription_id="S2")], ["S1"]),
        ([status("active", "suspended", "09:00"), contact("10:00", subscription_id=None)], []),
        ([status("active", "suspended", "09:00"), contact("10:00")], ["S1"]),
        ([status("active", "terminated", "09:00"), contact("10:00")], []),
        ([contact("10:00", subscription_id=None, customer_id="C2")], []),
    ],
    ids=["the only one", "two", "named", "two later", "not active", "named, not active", "named, ended", "none"],
)
def test_a_record_without_a_line_is_of_the_only_active_one(records, lines):
    assert found(records, of_line) == lines
    complaints = [{**one, "status": "completed", "reason": "complaint", "resolution": "unresolved"} if one["record_type"] == "interaction" else one for one in records]
    assert found(complaints, ComplaintFiled, of_event) == lines, "so are a customer's events"


def test_an_event_of_a_line_names_it_and_nobody_elses_number_and_account(tmp_path):
    rows = "S1,C1,A1,,2026-04-01,\nS2,C1,A2,,2026-04-01,\nS3,C1,A3,,2026-04-01,\n"
    bench = Bench(catalogue=Catalogue([CancelPage, told]), reference=reference_of(rows, tmp_path))
    bench.queue(
        [
            {**one, "event_time": epoch_ms(one["event_time"])}
            for one in (
                session("1 09:00", subscription_id="S2", account_id="A2"),
                session("1 09:00", subscription_id="S3", account_id="A9"),
                view("cancel", msisdn="+8613800000100"),
            )
        ]
    )
    who = {one.key: one.who for one in bench.drain() if one.event == told.id}
    assert {key: (one.subscription_id, one.account_id, one.msisdn) for key, one in who.items()} == {
        "S1": ("S1", "A1", "+8613800000100"),
        "S2": ("S2", "A2", None),
        "S3": ("S3", None, None),
    }


def test_a_value_of_the_line_is_read_as_the_lines():
    event = toy("lines", "line", CancelPage.each_line(), once_per(W.subscription_id), line=W.subscription_id)
    assert sorted(found([session("09:00", subscription_id="S2"), PAGE, {**PAGE, "record_id": "again"}], CancelPage, event)) == ["S1", "S2"]


def test_what_is_of_lines_already_or_of_no_line_rule_is_refused():
    with pytest.raises(DefinitionFault, match="got what happens to a line, which reaches its rules anyhow"):
        toy("odd", "line", told.each_line())
    with pytest.raises(DefinitionFault, match="write each_line"):
        any_of(a=CancelPage, b=billed).each_line()
    with pytest.raises(DefinitionFault, match="wanted same"):
        CancelPage.same(W.page).each_line()
    assert any("each_line: wanted an event by line, got one by customer" in flaw.says for flaw in flaws_of(toy("odd", "customer", CancelPage.each_line(), page=W.page)))
    assert any("write .each_line() behind it" in flaw.says for flaw in flaws_of(toy("odd", "line", billed.where(), n=billed.detail.amount)))
    assert any("write .each_line() behind it" in flaw.says for flaw in flaws_of(toy("odd", "line", CancelPage.where(), page=W.page)))
    assert any("wanted events by customer" in flaw.says for flaw in flaws_of(toy("odd", "customer", told.where(), page=W.page)))
    assert not flaws_of(toy("fine", "line", V.all.then(CancelPage, within="1h"), page=W.page))


def test_what_another_event_gathers_by_its_own_key_is_refused():
    """By the key of this rule it would be another value: the bill itself was one of the last three."""
    odd = toy("odd", "line", Shock.each_line(), usual=Shock.detail.usual_mean)
    (flaw,) = flaws_of(odd)
    assert flaw.says.startswith("Shock.detail.usual_mean: wanted a value of the record behind Shock, got")
    assert "is gathered by account; this rule is by line" in flaw.says
    view = toy("view", "customer", W.all.where(), visit=W.all.session(gap="30min").id)
    assert any("is gathered by customer; this rule is by line" in flaw.says for flaw in flaws_of(toy("odd", "line", view.each_line(), visit=view.detail.visit)))
    assert not flaws_of(toy("fine", "line", Shock.each_line(), due=Shock.detail.amount_due))
    assert not flaws_of(toy("same", "account", Shock.where(), usual=Shock.detail.usual_mean))


def test_each_line_goes_without_a_name_where_events_do():
    assert list(any_of(CancelPage.each_line(), ComplaintFiled.each_line(), call=V.all).source.parts) == ["web.cancel_page", "care.complaint_filed", "call"]
    assert found([call("09:00", subscription_id="S2"), PAGE], CancelPage, toy("any", "line", any_of(CancelPage.each_line(), call=V.all), line=W.subscription_id))[1:]
