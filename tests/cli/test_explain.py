"""`kairos explain`: one event in plain words."""

from __future__ import annotations

import json

import msgspec
import pytest

from schemas.event import CustomerEvent
from streams.cli.explanation import explanation
from streams.cli.wording import counted, length, number_in_words
from streams.definitions.payload_units import unit_of
from streams.definitions.sentences import Sentences
from streams.engine.detection import evidence_of
from streams.engine.expression.quantities import shown
from tests.cli.test_replay import kairos
from tests.events.case_world import TOPIC, UNTIL, all_cases, lay_out
from tests.shards import CATALOGUE
from tests.streams.records import good

LOW = {
    "specversion": "1.0",
    "id": "46f250af74f85b09bdaf5405ca5c27a9",
    "source": "/kairos/op1",
    "type": "customer.balance.low.v1",
    "subject": "S1",
    "time": "2026-11-26T23:53:17.233Z",
    "datacontenttype": "application/json",
    "partitionkey": "C1",
    "data": {
        "event": "balance.low",
        "version": 1,
        "customer_id": "C1",
        "account_id": "A1",
        "subscription_id": "S1",
        "msisdn": "+8613800000001",
        "local_time": "2026-11-27T07:53:17.233+08:00",
        "touchpoint": "store",
        "marketing_consent": "granted",
        "trigger": {"record_type": "balance_change", "source_system": "ocs-1", "record_id": "S1-51"},
        "parameters": {"low": 700, "rearm": 1500},
        "evidence": {"bucket_kind": "money", "main": True},
        "detail": {"balance_after": 686, "threshold": 700, "valid_until": "2026-12-01T16:00:00.000Z", "currency": "CNY"},
    },
}


def said(event):
    """What the command says, with single blanks."""
    done = kairos("explain", stdin=json.dumps(event).encode())
    assert done.returncode == 0, done.stderr
    return " ".join(done.stdout.decode().split())


def changed(**data):
    return {**LOW, "type": f"customer.{data.get('event', 'balance.low')}.v1", "data": {**LOW["data"], **data}}


def test_an_event_is_told_with_the_numbers_that_were_in_force_not_with_those_installed():
    text = said(LOW)
    assert "C1 is down to 6.86 CNY" in text
    assert "customer C1, account A1, line S1, number +8613800000001; consent to marketing is granted; can be reached at once by store" in text
    assert "Friday 2026-11-27 07:53:17 local time (UTC+08:00)" in text
    assert "low: 7.00 CNY, below this the balance is low" in text
    assert "balance after is under 7.00 CNY" in text
    assert "Not again until balance after is at least 15.00 CNY. Counted for each line, currency and bucket id." in text
    assert "10.00" not in text
    assert "20.00" not in text
    assert "valid until: 2026-12-02 00:00:00" in text, "times are local"
    assert "main: yes" in text
    assert "the record S1-51 of ocs-1 (balance change)" in text


def test_a_timer_names_the_record_that_started_it():
    event = changed(trigger=None, anchor=LOW["data"]["trigger"])
    assert "a timer that the record S1-51 of ocs-1 (balance change) started" in said(event)


def test_an_event_that_is_not_installed_is_told_without_its_rule():
    text = said(changed(event="balance.lo", evidence={"gap": 7_500_000}, detail={"left_bytes": 5_400_000_000, "wait_s": 62, "days_left": 1, "at": "2026-12-01T16:00:00.000Z"}))
    assert "balance.lo is not installed here" in text
    assert "did you mean balance.low" in text
    assert "--definitions" in text
    assert "gap: 2 h 5 min" in text
    assert "left: 5.4 GB" in text
    assert "wait: 1 min 2 s" in text
    assert "days left: 1 day" in text
    assert "at: 2026-12-02 00:00:00" in text
    assert "This happens" not in text
    assert "comes again" not in text


def test_another_version_of_the_definition_is_named():
    assert "The event is of version 2 of its definition, the rule above of version 1" in said(changed(version=2))
    assert "it may have been another" not in said(LOW)


def test_a_detail_of_another_version_is_told_all_the_same():
    assert "The main balance fell under the low mark" in said(changed(detail={"left": 3}))


def test_an_event_is_picked_by_its_id_from_the_events_of_a_replay(tmp_path):
    records = [good("balance_change", record_id=f"r{n}", delta=-600, balance_after=900, event_time=1_777_599_072_000 + n * 60_000, customer_id=f"C{n}") for n in range(2)]
    (tmp_path / "in.jsonl").write_bytes(b"\n".join(json.dumps(record).encode() for record in records))
    assert kairos("replay", tmp_path / "in.jsonl", "--out", tmp_path / "e.jsonl", "--only", "balance.low").returncode == 0
    first, second = (json.loads(line) for line in (tmp_path / "e.jsonl").read_bytes().splitlines())
    text = kairos("explain", tmp_path / "e.jsonl", "--id", second["id"]).stdout.decode()
    assert second["data"]["customer_id"] in text
    assert first["data"]["customer_id"] not in text
    done = kairos("explain", tmp_path / "e.jsonl")
    assert done.returncode == 2
    assert b"wanted one event, got 2 lines with one each: pick one with --id EVENT_ID" in done.stderr
    done = kairos("explain", tmp_path / "e.jsonl", "--id", "f" * 32)
    assert done.returncode == 2
    assert f"wanted an event with the id {'f' * 32}, got none in 2 lines" in done.stderr.decode()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "-: wanted one event as JSON, got nothing"),
        (b"balance low", "-: wanted one event as JSON, got 'balance low'"),
        (b"\xff\xfe", "-: wanted one event as JSON, got"),
        (b"[]", "got other JSON: Expected `object`, got `array`"),
        (b'{"record_type": "balance_change"}', "wanted an event as Kairos publishes it (CloudEvents 1.0, type customer.FAMILY.NAME.v1), got other JSON"),
        (json.dumps({**LOW, "source": "/shop"}).encode(), "`$.source`"),
        (json.dumps(changed(local_time="soon")).encode(), "data.local_time: wanted a time with its offset, such as 2026-05-02T04:33:11.004+08:00, got 'soon'"),
    ],
)
def test_what_is_no_event_is_refused_in_one_sentence(text, says):
    done = kairos("explain", stdin=text)
    assert (done.returncode, done.stdout) == (2, b"")
    assert says in done.stderr.decode()
    assert done.stderr.startswith(b"kairos: ")
    assert b"Traceback" not in done.stderr


def test_a_file_that_is_not_there_is_named():
    done = kairos("explain", "no-such.json")
    assert done.returncode == 2
    assert b"no-such.json: wanted a readable file, got No such file or directory" in done.stderr


@pytest.mark.parametrize("event", CATALOGUE.events, ids=lambda event: event.id)
def test_every_rule_can_be_told(event):
    told = Sentences(event, CATALOGUE.value_of(), shown)
    assert told.when().endswith(".")
    assert told.armed_again().endswith(".")
    for text in (told.when(), told.armed_again(), *(told.part(name, node) for name, node in evidence_of(event).items())):
        assert not {"==", ">=", "<=", "!="} & set(text.split()), text
        assert " object at 0x" not in text
    assert told.when().startswith("This happens for a")


def test_the_events_of_the_cases_are_told_with_units(tmp_path):
    lay_out(all_cases(), tmp_path)
    files = [tmp_path / f"{topic}.jsonl" for topic in dict.fromkeys(TOPIC.values())]
    done = kairos("replay", *files, "--reference", tmp_path / "reference", "--until", UNTIL, "--out", tmp_path / "e.jsonl")
    assert done.returncode == 0, done.stderr
    told = {}
    for line in (tmp_path / "e.jsonl").read_bytes().splitlines():
        event = msgspec.json.decode(line, type=CustomerEvent)
        lines = [*explanation(event, CATALOGUE)]
        assert lines[-1][0] == "comes again"
        told.setdefault(event.data.event, lines)
    assert len(told) > 100
    money = [text for event, lines in told.items() if CATALOGUE.by_id[event].has_money() for label, text in lines if label == "detail"]
    assert any(" CNY" in text for text in money)
    assert not [text for text in money if text.startswith("currency:")]


@pytest.mark.parametrize(
    ("ms", "shown_as"),
    [(0, "0 s"), (350, "350 ms"), (45_000, "45 s"), (120_000, "2 min"), (7_500_000, "2 h 5 min"), (86_400_000, "24 h"), (273_600_000, "3 days 4 h"), (-60_000, "-1 min")],
)
def test_lengths_of_time(ms, shown_as):
    assert length(ms) == shown_as


@pytest.mark.parametrize(
    ("number", "unit", "shown_as"),
    [
        (1500, "minor", "15.00 CNY"),
        (5 * 2**30, "byte", "5 GiB"),
        (5_400_123_456, "byte", "5.4 GB"),
        (15_000, "factor", "1.5"),
        (36_000_000, "time of day", "10:00"),
        (7, "civil days", "7 days"),
        (80, "percent", "80 %"),
        (1, "calls", "1 call"),
        (1234, "1", "1,234"),
    ],
)
def test_numbers_of_parameters(number, unit, shown_as):
    assert number_in_words(number, unit, "CNY") == shown_as


def test_names_carry_units():
    names = ("gap_s", "age_h", "hours_since_activation", "left_bytes", "days_left", "used_pct", "calls", "s_left")
    assert [unit_of(name) for name in names] == ["s", "h", "h", "byte", "days", "percent", None, None]
    assert unit_of("weeks", "s") == "weeks", "the name is nearer than the definition"
    assert counted(1, "times") == "1 times"


def test_an_event_of_an_own_definition_is_told_when_its_folder_is_named(tmp_path):
    folder = tmp_path / "mine" / "balance"
    folder.mkdir(parents=True)
    (folder / "forfeited.py").write_text(OWN, "utf-8")
    event = changed(event="balance.forfeited", parameters={"least": 150}, evidence={}, detail={"forfeited": 200, "bucket_id": "main", "currency": "CNY"})
    (tmp_path / "event.json").write_text(json.dumps(event, indent=1), "utf-8")
    done = kairos("explain", tmp_path / "event.json", "--definitions", tmp_path / "mine")
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.decode().split())
    assert "Money lapsed unused: win the customer back" in text
    assert "least: 1.50 CNY, less is not worth a message" in text
    assert "-delta is at least 1.50 CNY" in text
    assert "forfeited: 2.00 CNY" in text
    assert "Nothing has to: each time that this is so is an event." in text


OWN = '''"""Money lapsed unused: win the customer back with part of it."""

from events.stories import balance, charge
from events.words import B
from streams.define import Case, Detail, Event, Param


class Forfeited(Event, by="line"):
    least = Param(100, unit="minor", ge=1, doc="less is not worth a message")

    when = B.where(B.bucket_kind == "money", B.operation == "expire", -B.delta >= least)
    detail = Detail(forfeited=-B.delta, bucket_id=B.bucket_id)


CASES = [
    Case("two of it lapse", [balance(500, 300, "10:00", "expire")], [{"forfeited": 200, "bucket_id": "main", "currency": "CNY"}]),
    Case("use is no loss", [charge(500, 300)], []),
]
'''


def test_an_event_that_only_mentions_the_id_is_not_the_one(tmp_path):
    other = {**changed(customer_id="C2", evidence={"of": LOW["id"]}), "id": "0" * 32}
    (tmp_path / "e.jsonl").write_text(json.dumps(other) + "\n" + json.dumps(LOW) + "\n", "utf-8")
    text = kairos("explain", tmp_path / "e.jsonl", "--id", LOW["id"]).stdout.decode()
    assert "customer C1," in text
    assert "C2" not in text
