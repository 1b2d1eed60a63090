"""The benchmark's records: the same from the same seed, valid, Zipf customers, RFC 3339 times, balances that chain."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from datetime import datetime, timedelta

import orjson
import pytest

from streams.intake.decode import decode_chunk
from tests.speed.traffic import SPAN_MS, START_MS, Traffic, reference, rfc3339

SIZE = 30_000


@pytest.fixture(scope="module")
def records():
    return Traffic.of_size(SIZE).records(SIZE)


def test_a_seed_gives_the_same_records_however_they_are_taken(records):
    pieces = Traffic.of_size(SIZE)
    assert [*pieces.records(1), *pieces.records(4999), *pieces.records(15_000), *pieces.records(10_000)] == records
    assert Traffic.of_size(SIZE, seed=2).records(100) != records[:100]


def test_every_record_is_valid_for_the_decoder(records):
    by_topic = defaultdict(list)
    for topic, key, value in records:
        by_topic[topic].append((key, value))
    assert set(by_topic) == {"raw.usage", "raw.billing", "raw.service", "raw.network"}
    for topic, own in by_topic.items():
        keys, values = zip(*own, strict=True)
        chunk = decode_chunk(topic, 0, range(len(own)), keys, values, next_offset=len(own), latest_ms=None, max_bytes=1_048_576)
        assert not chunk.rejects, chunk.rejects[0]


def test_times_are_texts_with_offset_in_order_over_ten_days(records):
    texts = [orjson.loads(value)["event_time"] for _, _, value in records]
    moments = [datetime.fromisoformat(text) for text in texts]
    assert {moment.utcoffset() for moment in moments} == {timedelta(hours=8)}
    assert all(before <= after for before, after in itertools.pairwise(moments))
    assert START_MS <= moments[0].timestamp() * 1000 < START_MS + 1000
    assert timedelta(days=9.9) < moments[-1] - moments[0] <= timedelta(milliseconds=SPAN_MS)
    for at in (0, START_MS - 1, START_MS, START_MS + 59_999, START_MS + 60_000):
        assert datetime.fromisoformat(rfc3339(at)).timestamp() * 1000 == at


def test_customers_are_zipf_fifteen_records_each(records):
    counts = Counter(key for _, key, _ in records)
    assert SIZE // 15 * 0.95 < len(counts) <= SIZE // 15
    ordered = sorted(counts.values(), reverse=True)
    weights = [rank**-0.6 for rank in range(1, SIZE // 15 + 1)]
    expected = [SIZE * sum(weights[low:high]) / sum(weights) for low, high in ((0, 20), (20, 200), (200, 2000))]
    assert [sum(ordered[low:high]) for low, high in ((0, 20), (20, 200), (200, 2000))] == pytest.approx(expected, rel=0.1)
    assert len({records[number][1] for number in range(100)}) > 50


def test_a_hot_customer_has_its_share():
    counts = Counter(key for _, key, _ in Traffic.of_size(20_000, hot=0.5).records(20_000))
    [(hot, most), (_, next_most)] = counts.most_common(2)
    assert hot == b"C0000000"
    assert 0.47 * 20_000 < most < 0.54 * 20_000
    assert next_most < 500


def test_few_of_many_customers_go_on():
    traffic = Traffic(2000, in_turn=True)
    assert len({key for _, key, _ in traffic.records(2000)}) == 2000
    traffic.among(50)
    counts = Counter(key for _, key, _ in traffic.records(5000))
    assert len(counts) == 50
    assert max(counts.values()) < 1000


def test_balances_chain_and_fall_and_rise(records):
    balances: dict[str, int] = {}
    kinds = Counter()
    for topic, _, value in records:
        if topic == "raw.billing":
            record = orjson.loads(value)
            before = record["balance_after"] - record["delta"]
            assert balances.setdefault(record["subscription_id"], before) == before
            balances[record["subscription_id"]] = record["balance_after"]
            kinds[record["operation"]] += 1
    assert min(kinds["charge"], kinds["topup"]) > 500


def test_cells_are_in_the_reference_tables(records, tmp_path):
    folder = reference(tmp_path / "tables")
    cells = dict(line.split(",") for line in (folder / "cells.csv").read_text().splitlines()[1:])
    used = {orjson.loads(value).get("cell_id") for topic, _, value in records if topic in {"raw.usage", "raw.network"}}
    assert used <= cells.keys()
    assert len({cells[cell] for cell in used}) > 200


def test_records_of_a_size_are_like_those_of_an_operator(records):
    assert 440 < sum(len(value) for _, _, value in records) / SIZE < 520
