"""Two versions of the code over one state, as in a rolling upgrade and a rollback (`docs/upgrading.md`): it goes on exactly, or it is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from schemas.raw import TOPICS
from streams.engine.state.store import HEAD_KEY
from streams.tools.backfill import Filling, rebuilt
from tests.engine.test_backfill import city, epoch_of, feed
from tests.shards import CATALOGUE, TOPIC_OF, Bench
from tests.versions import FIRST_OF_FORMAT_4, LAST_OF_FORMAT_3, PROJECT, code_of

RUN = Path(__file__).parent / "versions" / "run.py"
RULES = (
    "net.unreachable",
    "web.session_closed",
    "bill.due_soon",
    "bill.overdue",
    "bill.settled",
    "bill.first",
    "balance.low",
    "data.surge",
    "travel.city_changed",
    "voice.missed_calls",
)
"""Of many kinds, timers and texts among them."""
DAY = 86_400_000


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    """The folder with the code of a commit."""

    return cache(lambda commit: code_of(commit, tmp_path_factory.mktemp("version")))


def run(code: Path, records: list[Any], state: list[Any] | None = None, *, begin: int = 0, clock: int = 0) -> Any:
    """What the code makes of state and records, in a process of its own, interpreted."""
    given = {"records": records, "state": state or [], "begin": begin, "clock": clock, "only": RULES, "reference": str(PROJECT / "tests" / "events" / "reference_berlin")}
    environment = {**os.environ, "PYTHONPATH": str(code), "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, str(RUN)], input=json.dumps(given), capture_output=True, text=True, check=False, cwd=code, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@cache
def halves() -> tuple[list[Any], list[Any], int]:
    records = city()[0][:800]
    return records[:500], records[500:], epoch_of(records[-1]) + 10 * DAY


@cache
def before() -> Any:
    """The state of the present code."""
    return run(PROJECT, halves()[0])["state"]


def test_an_upgrade_and_a_rollback_within_a_format_go_on_with_the_same_events(version):
    earlier, after, clock = halves()
    old = version(FIRST_OF_FORMAT_4)
    expected = run(PROJECT, after, before(), begin=10_000, clock=clock)["ids"]
    assert len(expected) > 10
    assert run(PROJECT, after, run(old, earlier)["state"], begin=10_000, clock=clock)["ids"] == expected, "upgrade"
    assert run(old, after, before(), begin=10_000, clock=clock)["ids"] == expected, "rollback"


def test_across_formats_both_directions_are_refused_with_a_sentence(version):
    earlier, _, _ = halves()
    old = version(LAST_OF_FORMAT_3)
    says = "state: wanted format {}, it was written with {}: state of another edition cannot be read; run the version that wrote it, or start with another --app and replay history"
    assert run(PROJECT, [], run(old, earlier)["state"]) == {"refused": says.format(4, 3)}
    assert run(old, [], before()) == {"refused": says.format(3, 4)}


def test_state_of_an_older_format_is_rebuilt_from_history_and_nothing_of_it_is_left(version):
    """What `kairos backfill --all` writes over it."""
    earlier, _, _ = halves()
    old = {b64decode(key): b64decode(value) for key, value in run(version(LAST_OF_FORMAT_3), earlier)["state"]}
    catalogue = CATALOGUE.chosen(only=RULES)
    whole, bench = Bench(catalogue=catalogue), Bench(catalogue=catalogue)
    whole.feed(earlier)
    filling, rows = Filling(bench._new()), {}
    for topic in TOPICS:
        feed(filling, topic, [record for record in earlier if TOPIC_OF[record["record_type"]] == topic])
    for step in filling.end(0):
        rows.update(step.rows)
    bench.log = [*old.items(), *rebuilt(filling.donor, filling, old, rows, catalogue).changes, (HEAD_KEY, rows[HEAD_KEY])]
    bench.restart()
    assert bench.state() == whole.state()
