"""Inputs that once gave wrong events, with their right ones (`docs/semantics.md`): what each is about, and which test it is in, says `reports/README.md`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.reference import Reference, ReferenceFault
from streams.cli import app
from streams.definitions.catalogue import Catalogue, CatalogueFault
from tests.engine.test_changed_rules import carried_to, planned
from tests.shards import CATALOGUE, Bench, epoch_ms
from tests.streams.records import good

FOLDER = Path(__file__).parent / "reports"
WANTED = {
    "01a-currency-releases": ["02:00 balance.low", "02:05 topup.completed", "02:05 topup.first"],
    "01c-currency-hides": ["02:00 balance.critical", "02:00 balance.depleted", "04:00 balance.critical", "04:00 balance.depleted"],
    "02a-same-dropped-by-level": ["02:00 purse.low", "02:05 purse.low", "03:00 purse.unhelped", "03:05 purse.unhelped", "02:00 purse.quiet", "02:05 purse.quiet"],
    "03-national-roaming": [
        *("07:30 travel.city_changed", "07:30 travel.tourist_city", "07:30 travel.trip_started", "07:30 travel.holiday_trip"),
        *("03:30 travel.city_changed", "03:30 travel.returned_home"),
    ],
    "04-built-in-mcc": ["12:00 travel.intl_arrival"] * 6,
    "05-account-zone-ignores-valid_from": ["12:00 payment.big_day"],
    "06a-civil-day-goes-back": ["17:00 line.first_use", "02:00 data.heavy_day"],
    "07a-late-by-another-line": ["02:00 balance.low"],
    "08a-file-delivered-twice": ["01:00 line.first_use"],
    "09a-owner-change-by-the-new-owner": ["02:00 balance.critical", "02:00 balance.depleted", "04:30 topup.completed", "04:30 topup.first"],
    "10-line-restored": ["02:00 line.terminated", "03:00 balance.low"],
    "12a-name-with-line-break": [
        *("07:00 fraud.impossible_travel", "07:40 travel.city_changed", "07:40 travel.tourist_city", "07:40 travel.trip_started", "07:40 travel.holiday_trip"),
    ],
    "14-step-crossed-by-a-late-record": ["02:05 balance.drop", "02:01 spend.day_step", "02:10 balance.rapid_drop"],
    "15a-border-town": ["04:00 travel.intl_arrival"] * 3,
    "16-valid-in-the-field-refused": ["19:00 bill.first", "19:00 bill.issued", "22:00 data.heavy_day", "22:00 line.first_use", "02:00 balance.low"],
    "f01_schema_version_huge": ["02:00 topup.completed", "02:00 topup.first"] * 2,
    "f10_per_day_in_order": ["15:00 call.daily_drop", "02:00 call.daily_drop"],
    "f10_per_day_late": ["02:00 call.daily_drop", "15:00 call.daily_drop"],
    "f13_msisdn_newline": ["02:00 topup.completed", "02:00 topup.first"],
    "f13_msisdn_newline_with_bad_neighbour": ["02:00 topup.completed", "02:00 topup.first", "02:00 topup.completed"],
    "f14_nested_customer_id": ["02:00 topup.completed", "02:00 topup.first"],
    "g2_first_topup_two_seconds_late": ["02:00 balance.low", "02:00 topup.completed", "02:00 topup.first", "03:00 topup.completed"],
}
"""By folder, the events in their order: time of day (UTC) and id. With definitions of its own only theirs."""
PARTS = {
    "02a-same-dropped-by-level": [{"detail": {"balance_after": 900, "currency": currency}} for currency in ("CNY", "USD")] * 3,
    "04-built-in-mcc": [{"customer_id": f"C{number}", "detail": {"country": country}} for number, country in {1: "BM", 3: "PS", 5: "NF", 6: "AW", 7: "BB", 8: "PF"}.items()],
    "05-account-zone-ignores-valid_from": [{"local_time": "2026-05-03T20:00:00.000+08:00", "detail": {"amount": 10_000, "currency": "CNY"}}],
    "12a-name-with-line-break": [
        {"detail": {"from_city": "310000", "to_city": "FRNCE", "km": 9337, "seconds": 25_200}},
        {"detail": {"from_city": "310000", "to_city": "FRNCE", "since": "2026-05-01T07:00:00.000Z"}},
        *({"detail": part} for part in ({"city": "FRNCE", "city_name": "Nice\nVille", "distance_km": 9337, "holiday": True}, {"home_city": "310000"}, {"to_city": "FRNCE"})),
    ],
    "16-valid-in-the-field-refused": [
        *({"detail": {"bill_id": "BL1", "amount_due": -500, "currency": "CNY"}} for _ in range(2)),
        *({"detail": part} for part in ({"bytes": 6_442_450_944}, {"usage_type": "data_usage"}, {"balance_after": 900})),
    ],
    "f01_schema_version_huge": [{"customer_id": customer} for customer in ("ZQ1", "ZQ1", "ZQ3", "ZQ3")],
    "f10_per_day_in_order": [{"detail": {"party": party}} for party in ("t:may1", "t:may2")],
    "f10_per_day_late": [{"detail": {"party": party}} for party in ("t:may2", "t:may1")],
    "f13_msisdn_newline": [{"msisdn": None, "customer_id": "ZQ1"}] * 2,
    "f13_msisdn_newline_with_bad_neighbour": [{"msisdn": None, "customer_id": "ZQ1"}] * 3,
    "f14_nested_customer_id": [{"customer_id": "ZQ1", "detail": {"amount": 500}}] * 2,
}
"""By folder and event, parts of what it shows."""
REFUSED = {
    "09a-owner-change-by-the-new-owner": [
        ("owner_key", "customer_id: wanted the old owner's: line.owner comes under the key of the customer that gives the line away (raw.service[0]@0)")
    ],
    "16-valid-in-the-field-refused": [
        ("bad_time", "event_time: wanted RFC 3339 with offset, or epoch ms, got a number that is a time of this century in seconds: are these seconds? (raw.billing[0]@4)")
    ],
    "f01_schema_version_huge": [("unsupported_version", "schema_version: wanted 1, got another (raw.billing[0]@1)")],
    "f15_duplicate_record_type": [("doubled_field", "record_type: wanted the field once, got it twice (raw.billing[0]@0)")],
}
"""By folder, the dead letters: reason and detail."""
UNTIL = {"02a-same-dropped-by-level": "2026-05-03T00:00:00Z"}


def own_events(name: str) -> list[str]:
    """The ids of a folder's own definitions."""
    return sorted(f"{file.parent.name}.{file.stem}" for file in (FOLDER / name / "mine").glob("*/*.py"))


def bench_of(name: str) -> Bench:
    """A shard with all built-in definitions, or with a folder's own alone, and its reference tables or the built-in ones."""
    folder, own = FOLDER / name, own_events(name)
    catalogue = Catalogue.load([str(folder / "mine")], only=own) if own else CATALOGUE
    return Bench(catalogue=catalogue, reference=Reference.load(folder / "ref") if (folder / "ref").is_dir() else Reference.load())


def records_of(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name / "in.jsonl").read_text("utf-8").splitlines()]


def published(name: str, *, restarting: bool = False) -> list[dict[str, Any]]:
    """The events of a folder's input, in one batch or in twelve and more with a restart behind each; what is refused is as it must be."""
    bench, records = bench_of(name), records_of(name)
    bench.queue(records)
    bench.drain(max(1, len(records) // 12) if restarting else len(records), restarting=restarting)
    if name in UNTIL:
        bench.advance(epoch_ms(UNTIL[name]))
    letters = [{header: value.decode() for header, value in letter.headers} for step in bench.steps for letter in step.dead_letters]
    assert [(letter["reason"], letter["detail"]) for letter in letters] == REFUSED.get(name, [])
    return [json.loads(message.value) for step in bench.steps for message in step.events]


def in_short(event: dict[str, Any]) -> str:
    return f"{event['time'][11:16]} {event['data']['event']}"


@pytest.mark.parametrize("name", WANTED)
def test_an_input_gives_its_events(name):
    events = published(name)
    assert [in_short(event) for event in events] == WANTED[name]
    for event, parts in zip(events, PARTS.get(name, [{}] * len(events)), strict=True):
        data = event["data"]
        assert {key: {field: data[key].get(field) for field in part} if key == "detail" else data[key] for key, part in parts.items()} == parts


@pytest.mark.parametrize("name", [*WANTED, "g1_redelivered_40"])
def test_an_input_gives_the_same_in_small_batches_with_a_restart_behind_each(name):
    assert published(name, restarting=True) == published(name)


def test_only_an_owner_s_change_under_the_old_owner_s_key_ends_its_timers():
    """As it came it is refused, and the top-up that the old owner misses is told a day later; as it must come, nothing is."""
    name = "09a-owner-change-by-the-new-owner"
    for key, missing in ({}, ["C1"]), ({"customer_id": "C1", "account_id": "A1"}, []):
        bench = bench_of(name)
        found = bench.feed([record | key if record["record_type"] == "state_change" else record for record in records_of(name)])
        found += bench.advance(epoch_ms("2026-05-03T00:00:00Z"))
        assert [one.who.customer_id for one in found if one.event == "topup.missing_after_depletion"] == missing


def test_forty_records_that_come_twice_count_once():
    assert Counter(event["data"]["event"] for event in published("g1_redelivered_40")) == {
        "topup.completed": 40,
        "topup.first": 1,
        "topup.small_frequent": 13,
        "milestone.topup_count": 1,
    }


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "11a-plmn-zeros-lost",
            "plmn.csv:2: plmn: wanted MCC-MNC such as 460-00, or an MCC alone, got '425-5' (a spreadsheet has dropped leading zeros: 425-05?) (2 times; also at 3)",
        ),
        ("11c-valid_from-compact-date", "lines.csv:3: valid_from: wanted an RFC 3339 time or a date YYYY-MM-DD, got '20260601' (write 2026-06-01)"),
    ],
)
def test_a_reference_file_that_cannot_be_right_is_refused_with_its_line(name, says):
    with pytest.raises(ReferenceFault) as caught:
        Reference.load(FOLDER / name / "ref")
    assert str(caught.value) == f"{FOLDER / name / 'ref' / says}"


def test_a_replay_takes_what_a_worker_takes_and_names_the_line_of_what_it_refuses(tmp_path):
    """The command's quick look for topic and key reads a record as the shard does: whatever is nested in it, with any number of shards."""
    paths = [str(FOLDER / name / "in.jsonl") for name in ("f14_nested_customer_id", "f15_duplicate_record_type", "f13_msisdn_newline_with_bad_neighbour")]
    for partitions in ("1", "4"):
        out, rejects = tmp_path / f"events-{partitions}.jsonl", tmp_path / f"rejects-{partitions}.jsonl"
        done = CliRunner().invoke(app, ["replay", *paths, "--partitions", partitions, "--out", str(out), "--rejects", str(rejects)])
        assert done.exit_code == 0, done.output
        events = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
        assert [(event["partitionkey"], in_short(event)) for event in events] == [("ZQ1", "02:00 topup.completed"), ("ZQ1", "02:00 topup.first"), ("ZQ1", "02:00 topup.completed")]
        (letter,) = [json.loads(line) for line in rejects.read_text("utf-8").splitlines()]
        assert (letter["reason"], letter["where"]) == ("doubled_field", f"{paths[1]}:1")


# A condition that changes: nothing of the old meaning is counted under the new one

MOMENT = 1_777_600_800_000


def called(minute: int, **changes: Any) -> dict[str, Any]:
    """An answered incoming call of 49 seconds, `minute` minutes after 10:00."""
    at = MOMENT + minute * 60_000
    basics = {"direction": "mt", "outcome": "answered", "start_time": at - 50_000, "answer_time": at - 49_000, "duration_s": 49}
    return good("voice_usage", **{"record_id": f"zv-{minute}", "customer_id": "ZC1", "subscription_id": "S1", "event_time": at, **basics, **changes})


def cut(minute: int, seconds: int = 5) -> dict[str, Any]:
    """A dropped incoming call."""
    return called(minute, outcome="dropped", duration_s=seconds)


CHANGED = ["calls.busy", "calls.often", "calls.third"]


@pytest.fixture
def changed():
    """A shard with two incoming calls under the first meaning, and the definitions with the second one."""
    bench = Bench(catalogue=Catalogue.load([str(FOLDER / "f09_changed_meaning" / "v1")], only=CHANGED))
    assert bench.feed([called(0), called(1)]) == []
    return bench, Catalogue.load([str(FOLDER / "f09_changed_meaning" / "v2")], only=CHANGED)


def test_a_rule_whose_condition_changes_begins_again(changed):
    """Of the old state there are two calls of 98 seconds: the third call, and two seconds more, were events under the first meaning.

    Nothing is said of the third dropped call of a line that was there before: what a count of a life is for it is open (`reports/README.md`).
    """
    old, new = changed
    bench = carried_to(old, new)
    assert bench.feed([cut(2)]) == []
    assert [(one.event, one.version, one.detail) for one in bench.feed([cut(3, 47)])] == []
    found = [(one.event, one.version, one.detail) for one in bench.feed([cut(4, 48)]) if one.event != "calls.third"]
    assert found == [("calls.busy", 2, {"n": 100}), ("calls.often", 2, {"calls": 3})]


def test_a_rule_that_stays_the_same_goes_on(changed):
    old, _ = changed
    bench = carried_to(old, old.catalogue)
    assert [(one.event, one.detail) for one in bench.feed([called(2)])] == [("calls.busy", {"n": 147}), ("calls.often", {"calls": 3}), ("calls.third", {"n": 3})]


def test_the_plan_says_so_before(changed):
    old, new = changed
    for event in CHANGED:
        lines = [line for line in planned(old, new, event) if line.becomes != "new"]
        assert any(line.becomes == "restarted" and line.note.startswith("its condition, value or key changed") for line in lines), event
        assert not [line for line in lines if line.becomes == "carried" and "marks" not in line.column], event


# More members within the hour than a window holds


def missed(number: int) -> dict[str, Any]:
    """A missed call, one every 0.6 s."""
    nothing = {"answer_time": ..., "duration_s": 0, "outcome": "no_answer", "charge_minor": ..., "currency": ...}
    return good("voice_usage", record_id=f"zv-{number}", event_time=MOMENT + number * 600, start_time=MOMENT, direction="mt", **nothing)


@pytest.mark.parametrize("event", ["voice.missed_calls", "fraud.intl_burst", "fraud.short_call_spam", "net.drops_repeated"])
def test_more_calls_than_a_window_holds_are_refused_as_a_setting(event):
    with pytest.raises(CatalogueFault, match=r"n: wanted <= 4096 calls, got 5000"):
        Catalogue.load(overrides={event: {"n": 5000}})


def test_as_many_calls_as_a_window_holds_are_reached():
    bench = Bench(catalogue=Catalogue.load(only=["voice.missed_calls"], overrides={"voice.missed_calls": {"n": 4096}}))
    found = bench.feed([missed(number) for number in range(5500)])
    assert [(one.time, one.detail["missed"]) for one in found] == [(MOMENT + 4095 * 600, 4096)]


def test_an_own_rule_that_wants_more_members_than_a_window_holds_is_refused():
    with pytest.raises(CatalogueFault, match="wanted a condition that can be true, got one that never is: a frame of elapsed time holds 4096 members at most"):
        Catalogue.load([str(FOLDER / "f12_window_over_4096" / "flood")], only=["calls.flood"])


def test_members_that_a_full_window_lets_go_are_counted_by_a_replay(tmp_path):
    """5,500 charges of 1 within 55 minutes: the window holds 4,096 of them, and the command says how many it dropped."""
    spent = [good("balance_change", record_id=f"zb-{n}", event_time=MOMENT + n * 600, delta=-1, balance_after=10_000 - n) for n in range(5500)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(record) + "\n" for record in spent))
    own = ["--definitions", str(FOLDER / "f12_window_over_4096" / "spent"), "--only", "money.spent"]
    done = CliRunner().invoke(app, ["replay", str(tmp_path / "in.jsonl"), *own, "--json"])
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout)
    assert (summary["records"], summary["events"], summary["counters"]["window_full"]) == (5500, 0, 5500 - 4096)
