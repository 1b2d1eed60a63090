"""The marks by which a run is measured are those of its shards: what is fed begins it, what is committed is counted, and the worker goes on as without them."""

from __future__ import annotations

from collections import Counter

import pytest

from streams.engine.state.changes import Changes
from streams.kafka.shard_task import ShardTask
from streams.shard import Step
from tests.kafka.test_shard_task import charges, made, run_of
from tests.speed import marks


@pytest.fixture
def watched(monkeypatch, tmp_path):
    """A file that gets the marks of all shards, until the test ends."""
    for name in ("feed", "commit"):
        monkeypatch.setattr(ShardTask, name, getattr(ShardTask, name))
    file = tmp_path / "marks"
    with file.open("w") as out:
        marks.watch(out)
        yield file


async def test_the_first_run_that_is_taken_begins_and_each_commit_is_counted(watched):
    task = made()
    assert not task.feed("raw.billing", run_of(3, charges(1))), "a hole"
    assert marks.read(watched) == []
    assert task.feed("raw.billing", run_of(0, charges(2)))
    assert task.feed("raw.billing", run_of(2, charges(1, 2)))
    await task.commit(Step([], [], [], Changes(), {"raw.billing": 3}, Counter(), [], 3))
    assert [mark.records for mark in marks.read(watched)] == [0, 3]
