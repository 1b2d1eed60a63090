"""What makes figures worth nothing is found: wrong events, missing folders; and what runs is what is said."""

from __future__ import annotations

import logging
import re
from collections import Counter

import pytest
from typer.testing import CliRunner

from streams.definitions.catalogue import Catalogue
from streams.logs import JsonLines
from streams.tools.check import check
from tests.speed.__main__ import app
from tests.speed.curves import CURVES
from tests.speed.lab import WrongOutput, compare, held
from tests.speed.peers import NEEDED, PeersFault, checked, copied, equal_to_oracle
from tests.speed.selections import FIRST, FIVE, FIVE_IDS, PROBE, some, twice

HOUR_MS = 3_600_000
PLAIN = re.compile(r"\x1b\[[0-9;]*m")


def event(name, customer, time, number, **detail):
    return {"id": f"{number:032x}", "time": time, "data": {"event": name, "customer_id": customer, "detail": detail}}


@pytest.mark.parametrize(
    ("got", "refused", "said"),
    [
        ({"a": 1}, 0, "1 missing, 0 others, 0 twice, 0 dead letters"),
        ({"a": 1, "b": 1, "c": 1}, 0, "0 missing, 1 others"),
        ({"a": 1, "b": 2}, 0, "0 missing, 1 others, 1 twice"),
        ({"a": 1, "b": 1}, 3, "3 dead letters"),
    ],
)
def test_wrong_output_is_refused(got, refused, said):
    with pytest.raises(WrongOutput, match=f"wanted the 2 events of a replay, each once, and no dead letter: got .*{said}"):
        compare(Counter(got), Counter("ab"), refused)
    compare(Counter("ab"), Counter("ab"), 0)


def lines(*said):
    """The log of a worker that says so of its shards."""
    form = JsonLines({"app": "bench"})
    return "\n".join(form.format(logging.makeLogRecord({"name": "kairos.worker", "levelname": "INFO", "msg": what, "fields": {"shard": shard}})) for what, shard in said)


def test_a_worker_that_loses_shards_while_it_restores_has_those_that_it_gets_then():
    assert held(lines()) == set()
    first = [("shard released", shard) for shard in range(4)]  # another worker came while this one restored all four
    assert held(lines(*first, ("shard restored", 0), ("shard restored", 1))) == {0, 1}
    assert held(lines(("shard restored", 10), ("shard restored", 1), ("shard released", 1), ("worker starts", 1))) == {10}


def test_events_are_compared_with_the_oracle_one_by_one():
    low, gone = "2026-05-01T02:00:00.000Z", "topup.missing_after_low"
    expected = {"max_event_time_ms": 1_777_600_800_000 + 3 * HOUR_MS, "events": {"balance.fell_low": [["C1", 1_777_600_800_000]], gone: [["C1", 1_777_600_800_000]]}}
    right = [event("balance.fell_low", "C1", low, 1), event(gone, "C1", "2026-05-01T03:00:00.000Z", 2, low_at=low)]
    equal_to_oracle(right, 0, expected)
    equal_to_oracle([*right, event(gone, "C2", "2026-05-01T05:00:00Z", 3, low_at="2026-05-01T04:00:00Z")], 0, expected)  # its wait ends with the data
    for wrong, refused in (
        (right[:1], 0),
        ([*right, event("balance.fell_low", "C2", low, 3)], 0),
        ([right[0], event(gone, "C1", "2026-05-01T03:00:00.000Z", 2, low_at="2026-05-01T02:00:00.001Z")], 0),
        ([*right, right[1]], 0),
        (right, 1),
    ):
        with pytest.raises(WrongOutput, match="wanted the oracle's 2 events"):
            equal_to_oracle(wrong, refused, expected)


def test_a_folder_of_peers_is_asked_for(tmp_path):
    with pytest.raises(PeersFault, match="PEERS=FOLDER: wanted the folder .*, got none"):
        checked(None)
    with pytest.raises(PeersFault, match=re.escape(f"got {tmp_path} without gen.py, oracle.py")):
        checked(tmp_path)
    assert CliRunner().invoke(app, ["peers"]).exit_code == 1


def test_the_folder_of_peers_is_only_read(tmp_path):
    peers, lab = tmp_path / "peers", tmp_path / "lab"
    for name in (*NEEDED, "java/shared/Rec.java"):
        (peers / name).parent.mkdir(parents=True, exist_ok=True)
        (peers / name).write_text(name)
        (peers / name).chmod(0o444)
    link = peers / "java" / "flink" / "src" / "main" / "java" / "peer" / "common"
    link.parent.mkdir(parents=True)
    link.write_text("../../../../../shared")
    before = {path: path.stat().st_mtime_ns for path in peers.rglob("*")}
    work = copied(checked(peers), lab)
    (work / "results").mkdir()
    assert (work / "java/flink/src/main/java/peer/common/Rec.java").read_text() == "java/shared/Rec.java"
    (work / "gen.py").write_text("changed")
    assert copied(peers, lab) == work
    assert (work / "gen.py").read_text() == "gen.py"
    assert (work / "results").is_dir()
    assert {path: path.stat().st_mtime_ns for path in peers.rglob("*")} == before


@pytest.mark.parametrize("folder", [FIVE, PROBE])
def test_the_benchmarks_own_definitions_hold_their_cases(folder):
    report = check([str(folder)])
    assert not report.faults
    assert report.cases


def test_selections_name_events_that_are_there(tmp_path):
    built_in = Catalogue.load()
    assert set(FIRST.only) <= set(built_in.by_id)
    assert len(FIRST.only) == 25
    assert set(FIVE_IDS) == set(Catalogue.load((str(FIVE),)).by_id) - set(built_in.by_id)
    assert len(some(128).only) == 128
    assert some(10_000).only == ()
    doubled = Catalogue.load(twice(tmp_path).folders)
    assert set(doubled.by_id) == {name for event in built_in.by_id for name in (event, f"{event}_copy")}


def test_help_has_an_example_of_every_command():
    for name in ("bench", "everything", "page", "peers", "soak", *CURVES):
        text = PLAIN.sub("", CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"}).output)
        assert "Example:" in text, name
        assert re.search(rf"(tests\.speed {name}|make bench-peers)", text), name
