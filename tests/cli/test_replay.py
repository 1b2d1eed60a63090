"""`kairos replay`, tried as a new user would."""

from __future__ import annotations

import gzip
import json
import sys
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from streams.cli import main
from streams.kafka.partitioner import partition_of
from streams.simulation.city import City
from tests.broker.workers import replayed
from tests.shards import CATALOGUE

MIDNIGHT_MS = 1_777_564_800_000


def kairos(*arguments, stdin=None):
    """The command, in this process: exit code, standard output and error as bytes."""
    with CliRunner().isolation(input=stdin) as (out, err, _), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["kairos", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code or 0
        sys.stdout.flush()
        sys.stderr.flush()
        return SimpleNamespace(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    folder = tmp_path_factory.mktemp("city")
    town = City(3, 60, MIDNIGHT_MS)
    town.write_reference(folder / "reference")
    records = list(town.records(10))
    (folder / "all.jsonl").write_bytes(b"\n".join(r.value for r in records) + b"\n")
    (folder / "all.jsonl.gz").write_bytes(gzip.compress((folder / "all.jsonl").read_bytes()))
    for topic in {r.topic for r in records}:
        (folder / f"{topic}.jsonl").write_bytes(b"\n".join(r.value for r in records if r.topic == topic) + b"\n")
    return folder


def events_of(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_file_gives_cloud_events_and_a_summary(city, tmp_path):
    done = kairos("replay", city / "all.jsonl", "--out", tmp_path / "e.jsonl", "--reference", city / "reference")
    assert done.returncode == 0, done.stderr
    events = events_of(tmp_path / "e.jsonl")
    assert len(events) > 100
    assert {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "partitionkey", "data"} == set(events[0])
    assert f"{len(events):,} events".encode() in done.stderr
    assert b"balance.low" in done.stderr


def test_gzip_one_file_a_topic_stdin_and_shards_give_the_same_events(city):
    whole = replayed(city / "all.jsonl", city / "reference", 1)
    assert replayed(city / "all.jsonl.gz", city / "reference", 1) == whole
    assert replayed(city / "all.jsonl", city / "reference", 4) == whole
    parts = sorted(str(path) for path in city.glob("raw.*.jsonl"))
    done = kairos("replay", *parts, "--out", "-", "--reference", city / "reference")
    assert {json.loads(line)["id"] for line in done.stdout.splitlines()} == set(whole)
    piped = kairos("replay", "-", "--out", "-", "--reference", city / "reference", stdin=(city / "all.jsonl").read_bytes())
    assert {json.loads(line)["id"] for line in piped.stdout.splitlines()} == set(whole)


def test_parameters_and_single_events_can_be_chosen(city, tmp_path):
    for low in (300, 3000):
        assert (
            kairos(
                "replay", city / "all.jsonl", "--out", tmp_path / f"{low}", "--only", "balance.low", "--set", f"balance.low.low={low}", "--set", "balance.low.rearm=4000"
            ).returncode
            == 0
        )
    few, many = events_of(tmp_path / "300"), events_of(tmp_path / "3000")
    assert {event["data"]["event"] for event in few + many} == {"balance.low"}
    assert len(few) < len(many)
    assert all(event["data"]["detail"]["balance_after"] < 300 for event in few)


def test_bad_lines_are_counted_with_their_reason_and_do_not_stop_it(city, tmp_path):
    lines = (city / "all.jsonl").read_bytes().splitlines()[:100]
    (tmp_path / "in.jsonl").write_bytes(b"\n".join([b"{", *lines, b'{"record_type":"gossip","customer_id":"C1"}', b"", b"\xff"]))
    done = kairos("replay", tmp_path / "in.jsonl", "--rejects", tmp_path / "bad.jsonl")
    assert done.returncode == 0
    assert [json.loads(line)["reason"] for line in (tmp_path / "bad.jsonl").read_bytes().splitlines()].count("bad_json") == 2
    assert b"unknown_record_type" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["replay", "nowhere.jsonl"], "nowhere.jsonl: wanted a readable file"),
        (["replay", "x", "--set", "balance.low"], "--set: wanted EVENT.PARAMETER=VALUE"),
        (["replay", "x", "--set", "balance.low.low=many"], "balance.low.low: wanted an integer (minor), got 'many'"),
        (["replay", "x", "--set", "balance.low.low=-5"], "wanted >= 0 minor, got -5"),
        (["replay", "x", "--only", "balance.lo"], "did you mean balance.low"),
        (["replay", "x", "--reference", "nowhere"], "wanted a folder"),
        (["worker", "--config", "nowhere.toml"], "wanted a readable TOML file"),
        (["worker", "--clock", "moon"], "clock: wanted one of wall, records, got 'moon'"),
        (["catalog", "balance.lo"], "did you mean balance.low"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments, says):
    done = kairos(*arguments)
    assert done.returncode == 2
    assert says in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert done.stderr.startswith(b"kairos: ")


def test_the_catalogue_and_the_contracts_are_shown():
    assert f"{len(CATALOGUE)} events".encode() in kairos("catalog").stdout
    shown = kairos("catalog", "balance.low").stdout.decode()
    assert "below this the balance is low" in shown
    assert kairos("schemas", "--check", "schemas/contracts").returncode == 0, "run: kairos schemas --out schemas/contracts"
    for command in ("worker", "demo", "replay", "catalog", "topics", "schemas"):
        assert b"Example: kairos" in kairos(command, "--help").stdout


def test_keys_go_to_the_partitions_that_kafka_gives_them():
    """Kafka's own test values of murmur2, masked."""
    assert partition_of(b"21", 2**31) == -973932308 & 0x7FFFFFFF
    assert partition_of(b"foobar", 2**31) == -790332482 & 0x7FFFFFFF
    assert 0 <= partition_of(b"C1042", 4) < 4
