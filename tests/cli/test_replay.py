"""`kairos replay`, tried as a new user would."""

from __future__ import annotations

import gzip
import json
import random
import re
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from streams.cli import main
from streams.definitions.rates import rate_of
from streams.kafka.partitioner import partition_of
from streams.simulation.city import City
from tests.broker.workers import replayed
from tests.shards import CATALOGUE
from tests.streams.records import good

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


def test_the_report_has_a_row_for_each_event_that_happened_and_one_for_the_others(city):
    done = kairos("replay", city / "all.jsonl", "--reference", city / "reference", "--out", "-")
    happened = {json.loads(line)["data"]["event"] for line in done.stdout.splitlines()}
    rows = {cells[1].strip(): cells[2].strip() for line in done.stderr.decode().splitlines() if len(cells := line.split("│")) == 4}
    assert rows.pop(f"{len(CATALOGUE) - len(happened)} others") == "0"
    assert rows.keys() == happened
    few = kairos("replay", city / "all.jsonl", "--reference", city / "reference", "--only", "voice.intl_frequent").stderr.decode()
    assert "│ voice.intl_frequent │" in few


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
    rejects = [json.loads(line) for line in (tmp_path / "bad.jsonl").read_bytes().splitlines()]
    assert sorted((reject["reason"], reject["where"]) for reject in rejects) == [
        ("bad_json", f"{tmp_path}/in.jsonl:1"),
        ("bad_utf8", f"{tmp_path}/in.jsonl:104"),
        ("unknown_record_type", f"{tmp_path}/in.jsonl:102"),
    ]
    assert all(reject["detail"].endswith(f"({reject['where']})") for reject in rejects)
    assert b"unknown_record_type" in done.stderr


def encoded(record_type="balance_change", **changes):
    return json.dumps(good(record_type, **changes)).encode()


def rejects_of(folder, *files, partitions=1, stdin=None):
    done = kairos("replay", *files, "--rejects", folder / "bad.jsonl", "--out", folder / "events.jsonl", "--partitions", partitions, stdin=stdin)
    return done, [json.loads(line) for line in (folder / "bad.jsonl").read_bytes().splitlines()]


@pytest.mark.parametrize("partitions", [1, 4])
def test_a_reject_names_its_file_and_line_over_several_files_topics_and_chunks(tmp_path, partitions):
    """Bad lines of any topic, blank lines and CRLF between; files without any line at all."""
    wrong, names = {}, []
    for number in range(4):
        lines = []
        for at in range(1, 4001 if number != 2 else 1):
            bad = at % 997 == 0
            record_type = ("balance_change", "page_view", "location_update")[at % 3]
            lines.append(b"" if at % 100 == 1 else encoded(record_type, record_id=f"{number}-{at}", customer_id=f"C{at % 7}", schema_version=2 if bad else 1))
            if bad:
                wrong[f"{number}-{at}"] = f"{tmp_path}/{number}.jsonl:{at}"
        (tmp_path / f"{number}.jsonl").write_bytes(b"".join(line + b"\r\n" for line in lines))
        names.append(tmp_path / f"{number}.jsonl")
    done, rejects = rejects_of(tmp_path, *names, partitions=partitions)
    assert done.returncode == 0
    assert {json.loads(reject["raw"])["record_id"]: reject["where"] for reject in rejects if reject["reason"] != "late"} == wrong


def test_a_late_record_names_its_line_too(tmp_path):
    times = ["2026-05-09T10:00:00Z", "2026-05-01T10:00:00Z", "2026-05-09T10:00:01Z"]
    (tmp_path / "in.jsonl").write_bytes(b"".join(encoded(record_id=f"r{at}", event_time=time) + b"\n" for at, time in enumerate(times)))
    _, rejects = rejects_of(tmp_path, tmp_path / "in.jsonl")
    assert [(reject["reason"], reject["where"]) for reject in rejects] == [("late", f"{tmp_path}/in.jsonl:2")]


def test_escaped_names_nested_ones_a_byte_order_mark_and_gzip_on_stdin_are_read_as_a_worker_reads_them(tmp_path):
    plain = encoded()
    odd = [
        plain.replace(b'"C1"', b'"\\u00431"').replace(b'"customer_id"', b'"related_party": {"customer_id": "OTHER", "record_type": "payment"}, "customer_id"'),
        plain.replace(b'"customer_id"', b'"customer\\u005fid"').replace(b'"record_type"', b'"record\\u005ftype"'),
        plain.replace(b'"record_id"', b'"record_type": "balance_change", "record_id"'),
    ]
    for number, line in enumerate(odd):
        whole = b"\xef\xbb\xbf" + line.replace(b'"r-1"', f'"r-{number}"'.encode()) + b"\n"
        for stdin in (whole, gzip.compress(whole)):
            done, rejects = rejects_of(tmp_path, "-", partitions=4, stdin=stdin)
            assert (done.returncode, rejects) == (0, [])
            assert [event["data"]["customer_id"] for event in events_of(tmp_path / "events.jsonl")] == ["C1"]


REASONS = [
    (b'{"a": 1}', "missing_field", "record_type"),
    (encoded(customer_id=5), "wrong_type", "customer_id: wanted a text of 1 to 64 characters, got a whole number"),
    (encoded("voice_usage") + encoded("voice_usage"), "bad_json", "two objects on one line?"),
    (encoded().replace(b"src", b"sr\xff"), "bad_utf8", f"got an invalid byte at {encoded().index(b'src') + 2}"),
    (encoded(channel="telegram"), "bad_value", "channel: wanted one of agent_dealer, app, call_agent, "),
    (encoded(channel="telegram"), "bad_value", ", web, got 'telegram'"),
    (encoded(event_time=1_777_599_072), "bad_time", "are these seconds?"),
    (encoded(valid_until=1_777_599_072_000_000), "bad_time", "are these microseconds?"),
    (encoded(event_time="2026-05-01T10:00:00"), "bad_time", "got a time without offset"),
    (encoded()[:-1] + b', "record_type": "voice_usage"}', "doubled_field", "record_type: wanted the field once, got it twice"),
    (encoded()[:-1] + b', "delta": "x"}', "doubled_field", "delta: wanted the field once, got it twice"),
    (encoded(balance_after=500.0), "wrong_type", "balance_after: wanted a whole number from "),
    (encoded("state_change", attribute="line.owner", old_value="C0", new_value="C1"), "owner_key", "the old owner's"),
]


@pytest.mark.parametrize(("line", "reason", "says"), REASONS)
def test_a_fault_names_field_wanted_and_got(tmp_path, line, reason, says):
    (tmp_path / "input.jsonl").write_bytes(encoded(record_id="well") + b"\n" + line + b"\n")
    done, rejects = rejects_of(tmp_path, tmp_path / "input.jsonl")
    assert done.returncode == 0
    assert [(reject["reason"], says in reject["detail"]) for reject in rejects] == [(reason, True)], rejects
    assert rejects[0]["detail"].endswith("input.jsonl:2)")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"calldate,clid,src,dst\n2026-05-01,a,b,c\n", "looks like CSV"),
        (b"<cdr><a/></cdr>\n", "looks like XML"),
        (b'[{"record_type": "payment"}]', "looks like a JSON array"),
        (b'{\n "record_type": "payment"\n}\n', "JSON over several lines"),
        (b'{"specversion": "1.0", "type": "x", "data": {}}', "CloudEvents"),
        (b"PAR1\x15\x04", "Parquet"),
    ],
)
def test_where_everything_is_refused_the_command_fails_with_a_hint_and_leaves_the_output_alone(tmp_path, content, says):
    (tmp_path / "in").write_bytes(content)
    (tmp_path / "events.jsonl").write_bytes(b"old\n")
    done, rejects = rejects_of(tmp_path, tmp_path / "in")
    assert done.returncode == 2
    assert says in done.stderr.decode()
    assert "was accepted" in done.stderr.decode()
    assert rejects
    assert (tmp_path / "events.jsonl").read_bytes() == b"old\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.jsonl", "events.jsonl", "in"]


def test_an_empty_file_is_no_mistake(tmp_path):
    (tmp_path / "in").write_bytes(b"\n")
    assert rejects_of(tmp_path, tmp_path / "in")[0].returncode == 0


@pytest.mark.parametrize("arguments", [["in.jsonl", "broken.gz"], ["in.jsonl", "missing"], ["in.jsonl", "--set", "balance.low.low=-5"], ["in.jsonl", "--until", "tomorrow"]])
def test_a_replay_that_fails_leaves_the_output_as_it_was(tmp_path, arguments, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.jsonl").write_bytes(encoded() + b"\n")
    (tmp_path / "broken.gz").write_bytes(gzip.compress(encoded() * 50)[:-30])
    (tmp_path / "e.jsonl").write_bytes(b"old\n")
    before = sorted(path.name for path in tmp_path.iterdir())
    done = kairos("replay", *arguments, "--out", "e.jsonl")
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert (tmp_path / "e.jsonl").read_bytes() == b"old\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_an_output_is_written_through_a_link_and_keeps_its_rights(tmp_path):
    (tmp_path / "in.jsonl").write_bytes(encoded() + b"\n")
    (tmp_path / "real").write_bytes(b"old\n")
    (tmp_path / "real").chmod(0o600)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert kairos("replay", tmp_path / "in.jsonl", "--out", tmp_path / "link").returncode == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o600
    assert len(events_of(tmp_path / "real")) == 1
    assert kairos("replay", tmp_path / "in.jsonl", "--out", "/dev/null").returncode == 0
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["replay", "nowhere.jsonl"], "nowhere.jsonl: wanted a readable file"),
        (["replay", "x", "--set", "balance.low"], "--set: wanted EVENT.PARAMETER=VALUE"),
        (["replay", "x", "--set", "balance.low.low=many"], "balance.low.low: wanted an integer (minor), got 'many'"),
        (["replay", "x", "--set", "balance.low.low=-5"], "wanted >= 0 minor, got -5"),
        (["replay", "x", "--only", "balance.lo"], "did you mean balance.low"),
        (["replay", "README.md", "--out", "README.md"], "--out: wanted another file than the input, got README.md"),
        (["replay", "README.md", "--rejects", "streams/../README.md"], "--rejects: wanted another file than the input"),
        (["replay", "README.md", "--out", "e", "--rejects", "./e"], "--out and --rejects: wanted two files"),
        (["replay", "README.md", "--out", "nowhere/e"], "--out: wanted a file in a folder that is there, got nowhere/e"),
        (["replay", "README.md", "--out", "tests"], "--out: wanted a file, got the folder tests"),
        (["replay", "README.md", "--until", "2026-05-02T03:00:00"], "--until: wanted a time with its offset, such as 2026-05-02T03:00:00+08:00, got '2026-05-02T03:00:00'"),
        (["replay", "README.md", "--until", "2026-05-02"], "--until: wanted a time with its offset"),
        (["replay", "README.md", "--until", "tomorrow"], "--until: wanted a time with its offset"),
        (["replay", "x", "--reference", "nowhere"], "wanted a folder"),
        (["worker", "--config", "nowhere.toml"], "wanted a readable TOML file"),
        (["worker", "--clock", "moon"], "clock: wanted one of wall, records, got 'moon'"),
        (["catalog", "balance.lo"], "did you mean balance.low"),
    ],
)
def test_mistakes_are_reported_in_one_line(arguments, says):
    done = kairos(*arguments)
    assert done.returncode == 2
    assert says in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert done.stderr.startswith(b"kairos: ")


def test_the_catalogue_and_the_contracts_are_shown():
    assert f"{len(CATALOGUE)} events".encode() in kairos("catalog").stdout
    shown = kairos("catalog", "balance.low").stdout.decode()
    assert "below this the balance is" in shown
    assert kairos("schemas", "--check", "schemas/contracts").returncode == 0, "run: kairos schemas --out schemas/contracts"
    for command in ("worker", "demo", "replay", "catalog", "topics", "schemas"):
        assert b"Example: kairos" in kairos(command, "--help").stdout


def test_keys_go_to_the_partitions_that_kafka_gives_them():
    """Kafka's own test values of murmur2, masked."""
    assert partition_of(b"21", 2**31) == -973932308 & 0x7FFFFFFF
    assert partition_of(b"foobar", 2**31) == -790332482 & 0x7FFFFFFF
    assert 0 <= partition_of(b"C1042", 4) < 4


def test_with_a_wait_the_order_of_the_lines_does_not_matter_as_far_as_it_reaches(city, tmp_path):
    """Lines up to twelve hours behind; without the setting some events differ."""
    dice, lines = random.Random(1), (city / "all.jsonl").read_bytes().splitlines()[:4000]
    time_of = lambda line: json.loads(line)["event_time"]
    arriving = sorted(lines, key=lambda line: time_of(line) + dice.randrange(12 * 3_600_000))
    (tmp_path / "arriving.jsonl").write_bytes(b"\n".join(arriving))
    (tmp_path / "sorted.jsonl").write_bytes(b"\n".join(sorted(arriving, key=time_of)))
    waits = [argument for topic in ("usage", "billing", "service", "network") for argument in ("--set", f"wait.{topic}=12h")]

    def replayed(name, *arguments):
        done = kairos("replay", tmp_path / name, "--out", tmp_path / "e.jsonl", "--reference", city / "reference", *arguments)
        assert done.returncode == 0, done.stderr
        return sorted((tmp_path / "e.jsonl").read_bytes().splitlines())

    wanted = replayed("sorted.jsonl")
    assert replayed("arriving.jsonl") != wanted
    assert replayed("arriving.jsonl", *waits) == wanted
    (tmp_path / "k.toml").write_text("\n".join(f'wait.{topic} = "12h"' for topic in ("usage", "billing", "service", "network")))
    assert replayed("arriving.jsonl", "--config", tmp_path / "k.toml", "--partitions", "3") == wanted


def test_what_a_valve_holds_back_is_counted_and_written_apart(tmp_path):
    records = [good("balance_change", record_id=f"r{n}", customer_id=f"C{n}", delta=-600, balance_after=900, event_time=MIDNIGHT_MS + n * 1000) for n in range(50)]
    (tmp_path / "in.jsonl").write_bytes(b"\n".join(json.dumps(record).encode() for record in records))
    (tmp_path / "k.toml").write_text('[valve]\n"balance.low" = "500 per 1,000 customers a day"\n')
    outputs = ["--out", tmp_path / "e.jsonl", "--missed", tmp_path / "m.jsonl"]
    chosen = ["--config", tmp_path / "k.toml", "--only", "balance.low"]
    done = kairos("replay", tmp_path / "in.jsonl", *outputs, *chosen, "--json")
    summary = json.loads(done.stdout)
    assert (summary["by_event"]["balance.low"], summary["valved"]) == (50, {"balance.low": 25})
    published = [event["data"]["trigger"]["record_id"] for event in events_of(tmp_path / "e.jsonl")]
    held = [event["data"]["trigger"]["record_id"] for event in events_of(tmp_path / "m.jsonl")]
    assert sorted([*published, *held]) == sorted(f"r{n}" for n in range(50))
    assert published[:20] == [f"r{n}" for n in range(20)]
    shown = kairos("replay", tmp_path / "in.jsonl", *chosen).stderr.decode()
    assert re.search(r"balance\.low\W+50\W+25\W+25\W+500 per 1,000", shown), shown
    assert "held back" not in kairos("replay", tmp_path / "in.jsonl", "--only", "balance.low").stderr.decode()


def test_rates_are_a_table_of_the_settings(city, tmp_path):
    done = kairos("replay", city / "all.jsonl", "--reference", city / "reference", "--rates", "--out", tmp_path / "e.jsonl")
    assert done.returncode == 0, done.stderr
    table = tomllib.loads(done.stdout.decode())["expect"]
    events = events_of(tmp_path / "e.jsonl")
    days = sorted({event["data"]["local_time"][:10] for event in events})
    for event in ("web.session_closed", "topup.completed"):
        number = sum(one["data"]["event"] == event and one["data"]["local_time"][:10] in days[:7] for one in events)
        low, high, _ = rate_of(table[event])
        customers = len({json.loads(line)["customer_id"] for line in (city / "all.jsonl").read_bytes().splitlines()})
        rate = number / 7 / customers
        assert (float(low), float(high)) == (pytest.approx(rate / 2, rel=0.05), pytest.approx(rate * 2, rel=0.05))
    assert b'# "voice.weekly_decline": 0 events, too few to say' in done.stdout
    (tmp_path / "k.toml").write_bytes(done.stdout)
    assert kairos("catalog", "web.session_closed", "--config", tmp_path / "k.toml").stdout.decode().count(table["web.session_closed"]) == 1
    assert b"Too short to measure" in kairos("replay", "-", "--rates", stdin=b"".join((city / "all.jsonl").read_bytes().splitlines(keepends=True)[:200])).stdout
