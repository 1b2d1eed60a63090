"""`--json`: one document on stdout and nothing else, in the shapes of docs/json.md."""

from __future__ import annotations

import json
import re
from pathlib import Path

import orjson
import pytest

from streams.cli.catalog import whole
from streams.engine.expression import Param
from streams.kafka.status import Group, Overview, Place, problems_of
from streams.promises import promises
from streams.tools.scrape import WorkerView, quantile, read, view
from tests.cli.test_replay import kairos
from tests.shards import CATALOGUE
from tests.sources.mappings import RECHARGE_ROWS, RECHARGES, written
from tests.streams.records import good

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text("utf-8")


def document(*arguments, code=0):
    done = kairos(*arguments)
    assert done.returncode == code, done.stderr
    assert done.stdout.count(b"\n") == 1
    return json.loads(done.stdout)


def keys_of(value, path=""):
    """Every key that a document has, with where it is."""
    if isinstance(value, dict):
        return {f"{path}{key}" for key in value} | {found for key, one in value.items() for found in keys_of(one, f"{path}{key}.")}
    if isinstance(value, list):
        return {found for one in value for found in keys_of(one, path)}
    return set()


def documented(command):
    """The keys of the example that the page shows for `command`."""
    (example,) = re.findall(rf"^## `{re.escape(command)}`\n.*?```json\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    return keys_of(json.loads(example))


def test_the_catalogue_lists_every_event():
    shown = document("catalog", "--json")
    assert keys_of(shown) == documented("kairos catalog --json")
    assert [event["event"] for event in shown["events"]] == [event.id for event in CATALOGUE]
    assert next(event for event in shown["events"] if event["event"] == "balance.low") == {
        "event": "balance.low",
        "version": 1,
        "topic": "customer-events.balance",
        "key": "line",
        "source": "crossing",
        "records": ["balance_change"],
        "valid_for_ms": 86_400_000,
        "expect": "17-84 per 1,000 customers a day",
        "doc": CATALOGUE.by_id["balance.low"].doc(),
    }


def test_every_event_is_shown_in_full():
    shown = {event.id: json.loads(json.dumps(whole(CATALOGUE, event, promises(CATALOGUE, {})))) for event in CATALOGUE}
    for event in list(CATALOGUE)[::12]:  # the command itself
        assert document("catalog", event.id, "--json") == shown[event.id]
    free = {f"rule.{label}" for one in shown.values() for label in one["rule"]}
    assert keys_of(list(shown.values())) - free == documented("kairos catalog EVENT --json") - {key for key in documented("kairos catalog EVENT --json") if key.startswith("rule.")}
    for event in CATALOGUE:
        one = shown[event.id]
        assert [parameter["name"] for parameter in one["parameters"]] == list(event.parameters)
        assert [field["name"] for field in one["detail"]] == list(event.payload)
        for parameter, declared in zip(one["parameters"], event.parameters.values(), strict=True):
            assert parameter["default"] == declared.value
            assert parameter["ge"] == (declared.ge.name if isinstance(declared.ge, Param) else declared.ge)
    assert document("catalog", "balance.low", "--json", "--set", "balance.low.low=500")["parameters"][0]["value"] == 500


def test_an_event_that_is_not_there_leaves_stdout_empty():
    done = kairos("catalog", "balance.lo", "--json")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"did you mean balance.low" in done.stderr


def test_the_summary_of_a_replay(tmp_path):
    records = [good("balance_change", record_id=f"r{n}", delta=-600, balance_after=900, event_time=1_777_599_072_000 + n * 60_000, customer_id=f"C{n}") for n in range(2)]
    (tmp_path / "in.jsonl").write_bytes(b"\n".join([*map(orjson.dumps, records), orjson.dumps(records[0]), b"{"]))
    shown = document("replay", tmp_path / "in.jsonl", "--json", "--out", tmp_path / "out.jsonl")
    assert {key for key in keys_of(shown) if not key.startswith(("by_event.", "refused."))} == {
        key for key in documented("kairos replay --json") if not key.startswith(("by_event.", "refused."))
    }
    assert (shown["records"], shown["refused"], shown["counters"]["duplicate"]) == (4, {"bad_json": 1}, 1)
    assert list(shown["by_event"]) == [event.id for event in CATALOGUE]
    assert shown["by_event"]["balance.low"] == 2
    assert shown["events"] == sum(shown["by_event"].values()) == len((tmp_path / "out.jsonl").read_bytes().splitlines())


@pytest.mark.parametrize("option", ["--out", "--rejects"])
def test_stdout_is_for_the_summary_alone(tmp_path, option):
    (tmp_path / "in.jsonl").write_bytes(orjson.dumps(good("balance_change")))
    done = kairos("replay", tmp_path / "in.jsonl", "--json", option, "-")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--json: wanted stdout for it alone" in done.stderr


def seen(state, members, places):
    return Overview(Group(state, members), places, [])


def test_what_is_wrong_with_a_group():
    held, idle, alone = Place("raw.usage", 0, "w", 5, 9, 4), Place("raw.usage", 1, None, 9, 9, 0), Place("raw.usage", 2, None, None, 7, 7)
    assert problems_of(seen("Stable", ["w"], [held, idle]), "a") == []
    assert problems_of(seen("Stable", ["w"], [held, idle, alone]), "a") == ["raw.usage: no worker holds partition 2, where 7 records wait"]
    (assigning,) = problems_of(seen("PreparingRebalance", ["w"], [held]), "a")
    assert "is assigning partitions (PreparingRebalance)" in assigning
    assert problems_of(seen("Empty", [], [idle]), "a") == ["the group a has no member: no worker runs"]


def test_a_worker_s_view_by_its_metrics():
    bucket = "kairos_event_latency_seconds_bucket"
    samples = [
        ("kairos_build_info", {"version": "1.2"}, 1),
        ("kairos_ready", {}, 0),
        ("kairos_restoring_shards", {}, 2),
        ("kairos_member_state", {"state": "joining"}, 0),
        ("kairos_member_state", {"state": "rebalancing"}, 1),
        ("kairos_rule_off", {"event": "balance.low", "partition": "3"}, 1),
        ("kairos_rule_off", {"event": "balance.low", "partition": "1"}, 1),
        ("kairos_rule_off", {"event": "balance.drop", "partition": "1"}, 0),
        ("kairos_consumer_lag_records", {"topic": "raw.usage", "partition": "0"}, 5),
        ("kairos_consumer_lag_records", {"topic": "raw.usage", "partition": "1"}, 7),
        ("kairos_waiting_records", {"topic": "raw.usage", "partition": "1"}, 7),
        ("kairos_clock_seconds", {"partition": "0"}, 900),
        ("kairos_clock_seconds", {"partition": "1"}, 100),
        *(
            (bucket, {"family": family, "le": le}, count)
            for family, counts in (("a", (0, 1, 2)), ("b", (2, 3, 3)))
            for le, count in zip(("1.0", "2.0", "+Inf"), counts, strict=True)
        ),
    ]
    one = read("http://w", samples, 1000.0)
    assert (one.version, one.ready, one.restoring, one.state, one.behind_s) == ("1.2", False, 2, "rebalancing", 100)
    assert one.rules_off == {"balance.low": [1, 3]}
    assert one.latency == {1.0: 2, 2.0: 4, float("inf"): 5}
    assert quantile(0.5, [one]) == 1.25
    assert quantile(0.99, [one]) == 2.0
    assert quantile(0.5, [one, one]) == 1.25
    assert quantile(0.5, [WorkerView("x", "no answer")]) is None


def test_a_wrong_address_is_refused():
    done = kairos("status", "--worker", "127.0.0.1:9464")
    assert done.returncode == 2
    assert b"--worker: wanted an address such as http://127.0.0.1:9464" in done.stderr
    assert view("http://127.0.0.1:1", None).trouble.startswith("no answer: ")


def test_why_not_has_the_keys_of_its_example(tmp_path):
    at = 1_777_599_072_000
    charges = [
        good("balance_change", record_id=f"r{n}", customer_id="C1", operation="charge", delta=delta, balance_after=9000, event_time=at + n) for n, delta in enumerate((-9000, -100))
    ]
    records = [*charges, good("balance_change", customer_id="C1", balance_after="much")]
    (tmp_path / "in.jsonl").write_bytes(b"\n".join(map(orjson.dumps, records)))
    shown = document("why-not", "balance.drop", "--customer", "C1", tmp_path / "in.jsonl", "--format", "json")
    assert keys_of(shown) == documented("kairos why-not --format json")


def test_a_conversion_counts_its_rows(tmp_path):
    config, file = written(tmp_path, RECHARGES, "own.toml"), written(tmp_path, f"{RECHARGE_ROWS}0244,x,1,01/05/2026 09:33,R3\n")
    shown = document("convert", file, "--source", "recharges", "--config", config, "--json")
    assert keys_of(shown) == documented("kairos convert --json")
    assert (shown["rows"], shown["records"], shown["bad"]) == (3, 2, 1)
