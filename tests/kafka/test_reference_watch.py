"""A worker's reference tables: a good version is applied to all shards, a bad one is refused as a start refuses it, and the one before stays."""

from __future__ import annotations

import asyncio

import pytest

from streams.builder import shard_builder
from streams.kafka.reference_watch import ReferenceWatch
from streams.metrics import Metrics
from streams.reference_reading import read
from streams.settings import load

HEAD = "subscription_id,customer_id,account_id,tz\n"
GOOD = HEAD + "S1,C1,A1,Asia/Tokyo\n"


def watched(folder):
    (folder / "lines.csv").write_text(GOOD, "utf-8")
    settings = load({"reference": str(folder), "only": ("balance.low",)}, environ={})
    builder, _ = shard_builder(settings)
    shards = [builder(0), builder(1)]
    return ReferenceWatch(settings, builder, Metrics(), lambda: shards), builder, shards


def look_twice(watch):
    for _ in range(2):
        asyncio.run(watch.look())


def value(watch, name, **labels):
    return watch.metrics.registry.get_sample_value(name, labels)


def test_a_good_version_is_used_by_all_shards_and_by_those_that_are_built_later(tmp_path, caplog):
    watch, builder, shards = watched(tmp_path)
    old = builder.reference
    assert (value(watch, "kairos_reference_version"), value(watch, "kairos_reference_rows", table="lines")) == (1, 1)
    (tmp_path / "lines.csv").write_text(GOOD + "S2,C1,A1,Europe/Berlin\n", "utf-8")
    asyncio.run(watch.look())
    assert builder.reference is old, "it may still be written"
    with caplog.at_level("INFO", "kairos.reference"):
        asyncio.run(watch.look())
    assert builder.reference is not old
    assert {id(shard.engine.world.reference) for shard in [*shards, builder(2)]} == {id(builder.reference)}
    assert builder.reference.line.size == 2
    assert (value(watch, "kairos_reference_version"), value(watch, "kairos_reference_rows", table="lines")) == (2, 2)
    assert value(watch, "kairos_reference_loaded_seconds") > 0
    (line,) = [line for line in caplog.records if line.message == "reference tables applied"]
    assert line.fields["changed"] == {"lines": {"added": 1, "changed": 0, "removed": 0}}


def test_a_bad_version_is_refused_with_the_sentence_of_a_start_and_a_good_one_ends_it(tmp_path):
    watch, builder, _ = watched(tmp_path)
    old = builder.reference
    (tmp_path / "lines.csv").write_text(GOOD + "S2,C1,A1,Mars\n", "utf-8")
    look_twice(watch)
    assert builder.reference is old
    assert "lines.csv:3: tz: wanted a zone by the IANA such as Asia/Shanghai, got 'Mars'" in watch.note()
    assert (value(watch, "kairos_reference_version"), value(watch, "kairos_reference_refused")) == (1, 1)
    (tmp_path / "new.tmp").write_text(GOOD + "S2,C1,A1,\n", "utf-8")
    (tmp_path / "new.tmp").replace(tmp_path / "lines.csv")
    look_twice(watch)
    assert builder.reference.line.size == 2
    assert watch.note() is None
    assert (value(watch, "kairos_reference_version"), value(watch, "kairos_reference_refused")) == (2, 0)


def test_a_deleted_file_is_refused_until_it_is_back(tmp_path):
    watch, builder, _ = watched(tmp_path)
    old = builder.reference
    (tmp_path / "lines.csv").rename(tmp_path / "away")
    look_twice(watch)
    assert "wanted lines.csv, whose rows are in use, got no such file" in watch.note()
    assert builder.reference is old
    (tmp_path / "away").rename(tmp_path / "lines.csv")
    asyncio.run(watch.look())
    assert watch.note() is None
    assert value(watch, "kairos_reference_version") == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lines.csv", HEAD),
        ("lines.csv", "subscription_id,customer\nS1,C1\n"),
        ("lines.csv", HEAD + "S1,C1\n"),
        ("lines.csv", GOOD + "S1,C2,A2,\n"),
        ("lines.csv", GOOD + '"S2,C1,A1,\n'),
        ("line.csv", GOOD),
        ("lines.json", "[]"),
        ("plmn.csv", "plmn,country\n460-0,CN\n"),
        ("cities.csv", "city_code,lat,lon\n310000,31,\n"),
        ("cells.csv", b"cell_id,city_code\n\xff,310000\n"),
    ],
)
def test_what_a_start_refuses_is_refused_with_the_same_sentence(tmp_path, name, content):
    settings = load({"reference": str(tmp_path), "only": ("balance.low",)}, environ={})
    (tmp_path / "lines.csv").write_text(GOOD, "utf-8")
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(Exception, match="wanted") as start:
        shard_builder(settings)
    found = read(settings)
    assert (found.reference, found.refused) == (None, str(start.value))


@pytest.mark.parametrize(("executable", "says"), [("/bin/false", "got exit code 1"), ("/nowhere/python", "got FileNotFoundError"), ("/bin/true", "got exit code 0")])
def test_a_reading_that_dies_is_a_refusal(tmp_path, monkeypatch, executable, says):
    watch, builder, _ = watched(tmp_path)
    old = builder.reference
    (tmp_path / "lines.csv").write_text(GOOD + "S2,C1,A1,\n", "utf-8")
    monkeypatch.setattr("streams.kafka.reference_watch.sys.executable", executable)
    look_twice(watch)
    assert builder.reference is old
    assert says in watch.note()
