"""`kairos why-not`: why an event did not happen to a customer."""

from __future__ import annotations

import json

import msgspec
import pytest

import streams.tools.replay
from schemas.reference import Reference
from streams.cli.why_not import lines_of, show
from streams.cli.why_not_report import report
from streams.engine.detection import rfc3339
from streams.engine.engine import Engine, EngineSettings
from streams.shard import Shard, ShardSettings
from streams.tools.replay import Replay
from streams.tools.watch import Watch
from streams.tools.why_not import Seen, UnknownCustomer, fired_of, letter_of, watched_replay
from tests.cli.test_replay import kairos
from tests.events.case_world import TOPIC, UNTIL, all_cases, lay_out, ms
from tests.shards import CATALOGUE, STORIES
from tests.streams.records import good

CASES = {case["id"]: case for case in all_cases() if case["event"] in CATALOGUE.by_id}
TOPICS = list(dict.fromkeys(TOPIC.values()))


# All cases of the catalogue


def builder(catalogue, reference):
    """Builds the shards of a replay."""
    tables = Reference.load(reference)

    def build(partition):
        return Shard(partition, Engine(catalogue, tables, EngineSettings()), ShardSettings(keep_state=False))

    return build


def watched(cases, folder):
    """Cases as one replay that watches each customer of each: by case id how it was laid out, and the report of each customer."""
    laid = lay_out(cases, folder)
    replay = Replay(builder(CATALOGUE, folder / "reference"))
    customers = {one.case["id"]: sorted(name for name in one.owners if name.startswith("C")) for one in laid}
    watches = {(one.case["id"], name): Watch(replay.shards[0].engine, one.case["event"], name) for one in laid for name in customers[one.case["id"]]}
    events, letters = {}, {}
    for step in replay.run([str(folder / f"{topic}.jsonl") for topic in TOPICS], until_ms=ms(UNTIL)):
        for message in step.events:
            event = fired_of(message.value)
            events.setdefault((message.key.decode(), event.event), []).append(event)
        for letter in step.dead_letters:
            letters.setdefault(letter.key.decode(), []).append(letter_of(dict(letter.headers), letter.value))
    found = {}
    for one in laid:
        event = one.case["event"]
        seen = {name: Seen(watches[one.case["id"], name], events.get((name, event), []), letters.get(name, []), ms(UNTIL)) for name in customers[one.case["id"]]}
        found[one.case["id"]] = one, {name: report(own, CATALOGUE, event, name) for name, own in seen.items()}
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """All cases."""
    return watched(list(CASES.values()), tmp_path_factory.mktemp("cases"))


def test_an_answer_does_not_depend_on_the_cuts_of_batches(tmp_path, monkeypatch):
    some = list(CASES.values())[::5]

    def answers(folder):
        folder.mkdir()
        found = watched(some, folder)
        return {name: msgspec.json.encode(reports).replace(str(folder).encode(), b"") for name, (_, reports) in found.items()}

    whole = answers(tmp_path / "whole")
    monkeypatch.setattr(streams.tools.replay, "CHUNK_RECORDS", 40)
    monkeypatch.setattr(streams.tools.replay, "BATCH_RECORDS", 11)
    assert answers(tmp_path / "cut") == whole


@pytest.mark.parametrize("case", [case for case in CASES.values() if not case["expect"]], ids=lambda case: case["id"])
def test_a_case_without_events_gets_a_reason(world, case):
    _, reports = world[case["id"]]
    for answer in reports.values():
        assert not answer.fired
        assert answer.refused or any(key.ended or key.step.missing for key in answer.keys), "a clause that is false or unknown, a suppression, a wait, or that nothing came"


@pytest.mark.parametrize("case", [case for case in CASES.values() if case["expect"]], ids=lambda case: case["id"])
def test_a_case_with_events_says_that_it_fired_and_when(world, case):
    laid, reports = world[case["id"]]
    said = [(ms(one["time"]), key.id) for answer in reports.values() for key in answer.keys for one in key.fired]
    assert sorted(said) == sorted((time, key) for time, key, _ in laid.events)
    counted = [(key.step.passed, len(key.fired)) for answer in reports.values() for key in answer.keys]
    assert all(passed == fired for passed, fired in counted), "the happenings that the rule let through are the events that were published"


def test_every_answer_is_text_and_json(world):
    for _, reports in world.values():
        for answer in reports.values():
            assert all(isinstance(text, str) and text.count("\t") <= 1 and "None" not in text for _, text, _ in lines_of(answer))
            assert json.loads(msgspec.json.encode(answer))["event"] == answer.event


def test_what_is_said_of_a_clause_is_what_the_rule_did(world):
    """A happening for which a clause is not true is no event; one for which all are is one, unless something is said to suppress it."""
    for _, reports in world.values():
        for answer in reports.values():
            for key in answer.keys:
                looked = key.step.looked_at
                if looked is not None:
                    assert any(clause.status != "true" for clause in looked.clauses) != bool(looked.suppressed)


# Single questions


def answered(event, customer, files, reference=STORIES, at=None, key=None):
    """The answer of the installed definitions, as the command has it."""
    catalogue, until = CATALOGUE.chosen((event,)), None if at is None else ms(at)
    return report(watched_replay(builder(catalogue, reference), [*map(str, files)], event, customer, until), catalogue, event, customer, key)


@pytest.fixture
def shown(capsys):
    """An answer as the command prints it, with single blanks."""

    def printed(answer):
        show(answer)
        text = capsys.readouterr().out
        assert max(map(len, text.splitlines())) <= 80
        return " ".join(text.split())

    return printed


@pytest.fixture
def asked(tmp_path):
    """The answer about a case by its id."""

    def answer(case_id, at=None, records=lambda given: given):
        case, folder = CASES[case_id], tmp_path / str(len([*tmp_path.iterdir()]))
        folder.mkdir()
        lay_out([{**case, "records": records(case["records"])}], folder)
        return answered(case["event"], "C00000", [folder / f"{topic}.jsonl" for topic in TOPICS], folder / "reference", at)

    return answer


@pytest.fixture
def ask(asked, shown):
    """The same as text."""
    return lambda *arguments, **others: shown(asked(*arguments, **others))


def test_a_count_says_how_many_more_and_until_when(ask):
    text = ask("voice.missed_calls-01", "2026-03-02T10:58:00+08:00")
    assert "voice.missed_calls did not happen to C00000, as of 2026-03-02 10:58:00." in text
    assert "trigger: voice usage: 4 came, the rule fired at 0; the last: 2026-03-02 10:30:00 (00000-3)" in text
    assert "is at least 5 calls; it was 4 calls" in text
    assert "needs: 1 more call, before 2026-03-02 11:00:00" in text, "the first one, of 10:00:00.001, leaves the hour then"
    later = ask("voice.missed_calls-01", "2026-03-02T10:58:00+08:00", records=lambda given: [*given[:2], {**given[2], "event_time": "2026-03-02T10:57:00.000+08:00"}])
    assert "needs: 2 more calls, before 2026-03-02 11:00:00" in later


def test_what_has_left_the_window_counts_no_more(ask):
    quiet = {"record_type": "voice_usage", "event_time": "2026-03-02T12:00:00.000+08:00", "direction": "mo", "other_party": "t:1", "other_class": "offnet", "outcome": "answered"}
    quiet |= {"duration_s": 5, "roaming": False, "answer_time": "2026-03-02T03:59:55.000Z", "start_time": "2026-03-02T03:59:50.000Z"}
    text = ask("voice.missed_calls-01", records=lambda given: [*given[:4], quiet])
    assert "needs: 5 calls, all within 1 h" in text


def test_a_sum_says_what_is_missing_and_since_when(ask):
    text = ask("balance.rapid_drop-13")
    assert "the nearest miss: 2026-03-02 10:00:00 (00000-0, currency CNY)" in text
    assert "NO the sum of -delta of recent is at least 30.00 CNY; it was 15.00 CNY not true since 2026-03-02 10:00:00 (00000-0)" in text
    assert "NO the number of recent is at least 2 charges; it was 1 charge" in text


def test_of_equal_misses_the_one_that_came_closest_is_shown(ask):
    def charges(given):
        return [{**given[0], "event_time": f"2026-03-0{day}T10:00:00.000+08:00", "delta": delta, "balance_after": 9000} for day, delta in ((2, -1500), (3, -2980), (4, -20))]

    text = ask("balance.rapid_drop-13", records=charges)
    assert "the nearest miss: 2026-03-03 10:00:00 (00000-1, currency CNY)" in text
    assert "at least 30.00 CNY; it was 29.80 CNY" in text
    assert "needs: 30.00 CNY in the sum of -delta of recent, all within 1 h" in text, "what came then has left the hour"


def test_a_baseline_without_history_is_unknown_and_says_why(ask):
    text = ask("data.surge-12", records=lambda given: given[-1:])
    assert "? the sum of total bytes of now is at least (3 times" in text
    assert "this is unknown" in text
    assert "the key has not been seen for long enough: at least 14 complete days before this one are needed" in text


def test_a_baseline_with_history_shows_both_sides(ask):
    text = ask("data.surge-04")
    assert "yes the sum of total bytes of now is at least (3 times" in text
    assert "NO the sum of total bytes of now is at least 1 GiB; it was 1,073,741,823 B" in text
    assert "needs: 1 B more in the sum of total bytes of now, before 2026-03-17 00:00:00" in text


def test_two_halves_of_a_sequence_that_are_too_far_apart(ask):
    text = ask("churn.cancel_page_then_call-05")
    assert "the nearest two are 24 h apart, 1 ms more than 24 h: 00000-0 at 2026-03-02 10:00:00 and 00000-1 at 2026-03-03 10:00:00" in text
    text = ask("churn.cancel_page_then_call-05", "2026-03-03T09:00:00+08:00")
    assert (
        "pending: [interaction with direction is 'inbound' and channel is one of ivr, call_agent and status is 'opened'] until 2026-03-03 10:00:00 makes a pair with 00000-0"
        in text
    )
    assert "then: no interaction came" in text


def test_an_absence_that_is_waited_for_is_pending_and_says_what_calls_it_off(ask):
    text = ask("topup.missing_after_depletion-01", "2026-03-02T20:00:00+08:00")
    assert (
        "pending: a timer fires at 2026-03-03 10:00:00 unless [balance change with bucket kind is 'money' and main and balance after is over 0, for each currency] comes by then"
        in text
    )
    assert "(started by 00000-0 at 2026-03-02 10:00:00)" in text
    text = ask("topup.missing_after_depletion-01", "2026-03-03T10:00:05+08:00")
    assert "It fired once: 2026-03-03 10:00:00" in text
    assert "pending" not in text


def test_a_wait_that_was_called_off_names_the_record(ask):
    text = ask("contract.lapsed-05")
    assert "the wait that 00000-1 of 2026-03-01 09:00:00 started was called off at 2026-09-30 09:00:00 by 00000-2 (state_change)" in text


def test_a_deadline_ahead_is_pending_with_its_condition(ask):
    text = ask("pack.expiring-01", "2026-05-08T00:00:00+08:00")
    assert "pending: a timer fires at 2026-05-09 10:00:00, and only if (the latest time of frame 1 unknown" in text
    assert "first: product order: 1 came, 1 of them count" in text


def test_a_session_that_still_lasts(ask):
    text = ask("web.session_closed-01", "2026-03-02T10:05:00+08:00")
    assert "pending: a timer fires at 2026-03-02 10:30:00 unless another [page view] comes before, and only if the number of frame is at least 2 views" in text


def test_a_place_that_is_not_left(ask):
    text = ask("travel.tourist_city-08")
    assert "trigger: no change of place came" in text
    assert "the line stays at" in text
    assert "made of: location update: 2 came" in text


def test_a_cool_down_says_when_it_fired_and_when_it_may_again(ask):
    text = ask("churn.competitor_hotline-05")
    assert "suppressed: not again for 7 days: it fired at 2026-03-02 23:00:00 (00000-0) and may fire again from 2026-03-09 00:00:00 on" in text


def test_an_edge_and_a_cool_down_together(ask):
    text = ask("fraud.intl_burst-09")
    assert "suppressed: all of this was so without this record already, so it is no change: it must not be so in between (it fired last at 2026-03-02 10:09:00, 00000-9)" in text
    assert "suppressed: not again for 24 h: it fired at 2026-03-02 10:09:00 (00000-9) and may fire again from 2026-03-03 10:09:00 on" in text


def test_once_for_a_value(ask):
    text = ask("care.store_visit-04")
    assert "suppressed: once for each interaction id: it fired at 2026-03-02 10:00:00 (00000-0)" in text


def test_a_clause_that_was_true_before_says_when(ask):
    text = ask("topup.first-01")
    assert "NO the number of frame is 1; it was 2 true last at 2026-03-02 10:00:00 (00000-0), not true since 2026-03-03 10:00:00 (00000-1)" in text


def test_a_missing_reference_row_is_named(ask):
    text = ask("plan.upgraded-09")
    assert (
        "unknown: price rise of previous offering id and offering id in the table offering: the reference table offering has no row (or no value) for previous offering id off000002u"
        in text
    )


def test_an_unarmed_level_says_what_arms_it(ask):
    def twice(given):
        return [
            {**given[0], "event_time": f"2026-03-02T1{hour}:00:00.000+08:00", "delta": delta, "balance_after": after}
            for hour, delta, after in ((0, -600, 900), (1, 200, 1100), (2, -300, 800))
        ]

    text = ask("balance.low-21", records=twice)
    assert "It fired once: 2026-03-02 10:00:00" in text
    assert "suppressed: the level was crossed while it was not armed" in text
    assert "not again until balance after is at least 20.00 CNY (it fired last at 2026-03-02 10:00:00, 00000-0)" in text


def test_records_that_were_refused_are_counted_and_named(ask):
    text = ask("care.complaint_unresolved-24")
    assert "Refused, reason late: 1 of the customer's records" in text
    assert "00000-1: event_time: wanted at most 48 h behind the customer's last record of the topic" in text
    assert "raw.service.jsonl:2" in text.replace(" ", ""), "a path may be wrapped"


def test_a_line_that_has_ended_and_its_records(ask):
    text = ask("data.quota_80-08")
    assert "the line is terminated" in text
    assert "1 of the customer's records were of lines that had been terminated." in text


def test_records_behind_the_moment_are_left_out_and_the_clock_goes_on_to_it(asked):
    full = asked("bill.first-01")
    early = asked("bill.first-01", "2026-03-01T00:00:00+08:00", records=lambda given: [{**given[0], "event_time": "2026-02-28T00:00:00+08:00"}, *given])
    assert full.now == "2026-04-02 03:00:00"
    assert early.now == "2026-03-01 00:00:00"
    assert (full.keys[0].step.came, early.keys[0].step.came) == (2, 1)


ALONE = [case for case in CASES.values() if not any("customer_id" in record for record in case["records"])]


def in_order(case):
    """Whether the records come in the order of their times: else those left out behind the moment change what is released when."""
    times = [ms(record["event_time"]) for record in case["records"]]
    return times == sorted(times)


@pytest.mark.parametrize("case", [*filter(in_order, ALONE)][::5], ids=lambda case: case["id"])
def test_as_of_the_middle_of_a_case_what_is_due_by_then_has_fired_and_all_else_has_a_reason(asked, case):
    times = sorted(ms(record["event_time"]) for record in case["records"])
    moment = times[len(times) // 2] + 60_000
    answer = asked(case["id"], rfc3339(moment))
    wanted = [time for time in (ms(one["time"]) for one in case["expect"]) if time <= moment - 5_000]
    assert sorted(ms(one["time"]) for key in answer.keys for one in key.fired) == sorted(wanted)
    assert answer.fired or answer.refused or any(key.ended or key.step.missing for key in answer.keys)


def test_a_pending_timer_fires_when_it_says(asked):
    """Of cases whose event comes by a timer, asked a minute before it: the answer names the moment."""
    said = 0
    for case in ALONE[::3]:
        if CATALOGUE.by_id[case["event"]].when.source.timed and case["expect"]:
            due = ms(case["expect"][0]["time"])
            if all(ms(record["event_time"]) < due - 60_000 for record in case["records"]):
                answer = asked(case["id"], rfc3339(due - 60_000))
                pending = [text for key in answer.keys for text in key.step.pending]
                zone = ms(answer.now.replace(" ", "T") + "+00:00") - (due - 60_000)
                assert any(f"fires at {rfc3339(due, zone)[:19].replace('T', ' ')}" in text for text in pending), case["id"]
                said += 1
    assert said > 10


# The clock, keys and what does not exist


def write(path, *records):
    path.write_bytes(b"".join(json.dumps(good("balance_change", record_id=f"r{number}", **one)).encode() + b"\n" for number, one in enumerate(records)))
    return path


def test_the_clock_is_that_of_all_customers(tmp_path, shown):
    """The timer of one customer fires when a record of another moves the clock on."""
    empty = {"operation": "charge", "delta": -100, "balance_after": 0, "event_time": 1_777_599_072_000, "customer_id": "C1", "subscription_id": "S1"}
    other = {"operation": "charge", "delta": -100, "balance_after": 5000, "event_time": 1_777_599_072_000 + 86_500_000, "customer_id": "C2", "subscription_id": "S2"}
    event = "topup.missing_after_depletion"
    assert "pending: a timer fires" in shown(answered(event, "C1", [write(tmp_path / "alone.jsonl", empty)]))
    assert "It fired once" in shown(answered(event, "C1", [write(tmp_path / "both.jsonl", empty, other)]))


SPENT = {"operation": "charge", "delta": -100, "balance_after": 5000, "customer_id": "C1"}


def test_each_line_of_a_customer_or_one_of_them(tmp_path):
    file = write(tmp_path / "in.jsonl", {**SPENT, "subscription_id": "S1"}, {**SPENT, "subscription_id": "S2"})
    assert [key.id for key in answered("balance.low", "C1", [file]).keys] == ["S1", "S2"]
    assert [key.id for key in answered("balance.low", "C1", [file], key="S2").keys] == ["S2"]


def test_a_line_of_the_same_name_of_another_customer_is_another_line(tmp_path):
    low = {**SPENT, "customer_id": "C2", "subscription_id": "S1", "delta": -600, "balance_after": 900}
    file = write(tmp_path / "in.jsonl", {**SPENT, "subscription_id": "S1"}, low)
    assert not answered("balance.low", "C1", [file]).fired
    assert answered("balance.low", "C2", [file]).fired


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"customer": "C11"}, "--customer C11: {file}: no record of this customer: did you mean C1?"),
        ({"customer": "C1", "key": "S9"}, "--line S9: no record of the customer C1 names it: there are S1"),
        ({"customer": "C1", "at": "2020-01-01T00:00:00Z"}, "--customer C1: {file}: no record of this customer up to that moment: there are none"),
    ],
)
def test_who_does_not_exist_is_refused_with_the_nearest_names(tmp_path, arguments, says):
    file = write(tmp_path / "in.jsonl", {**SPENT, "subscription_id": "S1"})
    with pytest.raises(UnknownCustomer) as refused:
        answered("balance.low", files=[file], **arguments)
    assert str(refused.value) == says.format(file=file)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("balance.lo",), "balance.lo: no such event: did you mean balance.low"),
        (("balance.low", "--account", "A1"), "--account: wanted for an event of accounts, got balance.low, which is of lines: leave it out"),
        (("balance.low", "--at", "noon"), "--at: wanted a time with its offset, such as 2026-05-02T03:00:00+08:00, got 'noon'"),
        (("balance.low", "--reference", "no-such-folder"), "no-such-folder"),
    ],
)
def test_a_call_that_cannot_be_used_is_refused_in_one_sentence(tmp_path, arguments, says):
    done = kairos("why-not", *arguments, "--customer", "C1", write(tmp_path / "in.jsonl", SPENT))
    assert (done.returncode, done.stdout) == (2, b"")
    assert says in done.stderr.decode()
    assert done.stderr.startswith(b"kairos: ")


def test_a_customer_whose_records_were_all_refused(tmp_path, shown):
    file = tmp_path / "in.jsonl"
    file.write_text(json.dumps(good("balance_change", customer_id="C1", balance_after="much")) + "\n")
    text = shown(answered("balance.low", "C1", [file]))
    assert text.startswith("balance.low did not happen to C1. ")
    assert "No record of the customer names a line." in text
    assert "Refused, reason wrong_type: 1 of the customer's records" in text
    assert "balance_after: wanted a whole number" in text


def test_the_command_gives_the_events_of_a_replay_and_json_says_the_same(tmp_path):
    drops = [{"customer_id": "C1", "operation": "charge", "delta": -600, "balance_after": 900, "event_time": 1_777_599_072_000 + n * 86_400_000} for n in range(3)]
    file = write(tmp_path / "in.jsonl", *drops)
    assert kairos("replay", file, "--out", tmp_path / "e.jsonl", "--only", "balance.low").returncode == 0
    events = [json.loads(line) for line in (tmp_path / "e.jsonl").read_bytes().splitlines()]
    answer = json.loads(kairos("why-not", "balance.low", "--customer", "C1", file, "--format", "json").stdout)
    assert [one["id"] for key in answer["keys"] for one in key["fired"]] == [one["id"] for one in events] != []
    text = kairos("why-not", "balance.low", "--customer", "C1", file, "--set", "balance.low.low=500").stdout.decode()
    assert "balance.low did not happen to C1" in text
    assert "balance after is under 5.00 CNY" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80
