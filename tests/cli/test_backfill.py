"""`kairos backfill`: what it refuses before it asks a broker, files split by shard, and what it reports."""

from __future__ import annotations

import gzip
import sys
from collections import Counter
from datetime import UTC, datetime

import numpy as np
import orjson
import pytest

from schemas.raw import TOPICS
from streams.cli import main
from streams.cli.backfill import Report, since_of
from streams.kafka.backfill import Done
from streams.kafka.history import Seam
from streams.kafka.partitioner import partition_of
from streams.settings import SettingsError
from streams.tools.backfill import Reach
from streams.tools.replay import InputFault
from streams.tools.spool import Spool
from tests.streams.records import good

DAY = 86_400_000
MAY = round(datetime(2026, 5, 2, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--since", "yesterday"], "--since: wanted a length of time such as 28d or 36h"),
        (["--since", "0d"], "--since: wanted a length of time"),
        (["--since", "2026-05-02"], "--since: wanted a time with its offset"),
        (["--all", "balance.low"], "--all: wanted no rules by name, got balance.low"),
        (["balance.lo"], "balance.lo: no such event: did you mean balance.low"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_a_broker_is_asked(arguments, says, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["kairos", "backfill", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_since_counts_from_the_clock_of_the_shard():
    assert since_of("28d")(MAY) == MAY - 28 * DAY
    assert since_of("36h")(MAY) == MAY - 36 * 3_600_000
    assert since_of("2026-05-02T08:00:00+08:00")(0) == MAY
    assert since_of(None)(MAY) == 0
    with pytest.raises(SettingsError):
        since_of("3 MB")


def test_files_are_split_by_shard_and_topic_in_their_order(tmp_path):
    calls = [good("voice_usage", record_id=f"v{n}", customer_id=f"C{n % 3}") for n in range(7)]
    charges = [good("balance_change", record_id=f"b{n}", customer_id=f"C{n % 3}") for n in range(5)]
    lines = [*calls[:4], *charges, {"no": "record"}]
    (tmp_path / "first.jsonl").write_bytes(b"\n".join(map(orjson.dumps, lines)))
    (tmp_path / "second.jsonl.gz").write_bytes(gzip.compress(b"\n\n".join(map(orjson.dumps, calls[4:])) + b"\r\n"))
    folder = tmp_path / "spool"
    folder.mkdir()
    spool = Spool(folder, 4)
    assert spool.take([str(tmp_path / "first.jsonl"), str(tmp_path / "second.jsonl.gz")]) == 13
    for partition in range(4):
        for topic, records in (("raw.usage", calls), ("raw.billing", charges)):
            found = [(key, orjson.loads(value)) for keys, values in spool.read(partition, topic) for key, value in zip(keys, values, strict=True) if key is not None]
            own = [record for record in records if partition_of(record["customer_id"].encode(), 4) == partition]
            assert found == [(record["customer_id"].encode(), record) for record in own]
    assert not [*spool.read(0, "raw.network")]
    with pytest.raises(InputFault):
        spool.take([str(tmp_path / "third.jsonl")])


def test_the_seam_of_a_topic_that_waits_has_holes():
    """Records 0 to 4, 7 and 8 are done: the live run reads 5, 6 and what comes."""
    seam = Seam(5, np.array([7, 9]))
    assert [offset for offset in range(12) if seam.is_done(offset)] == [0, 1, 2, 3, 4, 7, 8]
    assert seam.upto == 9
    assert Seam(5).upto == 5


def test_the_last_line_says_what_is_complete_and_since_when(capsys):
    report = Report()
    report.show(0.0)
    assert capsys.readouterr().out == "nothing to fill: no rule is new or begins again; name a rule to fill it again, or give --all\n"
    whole, later = Reach(0, 0), Reach(MAY, MAY + DAY)
    report.take(Done(0, Counter(taken=10, before=2), 3, 0, {"a.b": whole, "a.c": whole}, {}))
    report.take(Done(1, Counter(taken=1000, live=1), 4, 2, {"a.b": later, "a.c": whole}, {TOPICS[1]: MAY}))
    report.show(1.0)
    assert capsys.readouterr().out.splitlines() == [
        "a.b: reaches back to 2026-05-02T00:00:00.000Z: complete from 2026-05-03T00:00:00.000Z of the shard's clock",
        "a.c: complete, from the very first record",
        f"{TOPICS[1]}: the history begins at 2026-05-02T00:00:00.000Z, later than was asked for: what was before is deleted there, or in no file",
        "1,010 records replayed, 2 from before --since, 1 left to the live run; 7 rows written in 2 shards, 2 events published to missed; 1.0 s",
        "complete: 1 of 2 rules; what they read is known since 2026-05-02T00:00:00.000Z; a worker goes on exactly where this ended",
    ]


def test_of_two_shards_the_worse_reach_counts():
    complete, counts, shared = Reach(MAY, 0), Reach(MAY + 1, None), Reach(0, 0, ("a.b",))
    assert complete.worse(counts) == counts.worse(complete) == counts
    assert shared.worse(complete) == Reach(MAY, 0, ("a.b",))
    assert complete.worse(None) == complete
