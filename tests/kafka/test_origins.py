"""What is kept of raw records until they are committed: time and headers, found again by offset, and no more than that."""

from __future__ import annotations

import random
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.emit import ORIGINAL_HEADER, ORIGINAL_TIME, dead_letter
from streams.kafka.origins import Origins
from streams.kafka.raw_run import RawRun
from streams.kafka.transaction import Transactions


def record(offset, headers=()):
    return SimpleNamespace(offset=offset, timestamp=1_000_000 + offset * 7, key=b"k", value=b"v", headers=headers)


def completed(origins, topic, offset):
    return dict(origins.complete(dead_letter("late", "…", (topic, 0, offset), b"k", b"v")).headers)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_time_and_headers_of_each_uncommitted_record_are_found_and_those_of_no_other(seed):
    chance, origins, topics = random.Random(seed), Origins(), ("raw.usage", "raw.billing")
    kept = {topic: {} for topic in topics}
    ends = dict.fromkeys(topics, 0)
    for _ in range(30):
        topic = chance.choice(topics)
        if chance.random() < 0.3 and kept[topic]:
            following = chance.randint(min(kept[topic]), ends[topic])
            origins.forget({topic: following})
            kept[topic] = {offset: value for offset, value in kept[topic].items() if offset >= following}
            continue
        if chance.random() < 0.2 and kept[topic]:  # a rewind: the same offsets come again, perhaps cut otherwise
            ends[topic] = min(kept[topic])
        run = []
        for _ in range(chance.randint(0, 5)):
            ends[topic] += chance.randint(1, 3)  # markers and compacted records leave holes
            run.append(record(ends[topic], ((f"h{ends[topic]}", b"x"),) if chance.random() < 0.4 else ()))
        if run:
            kept[topic] = {offset: value for offset, value in kept[topic].items() if offset < run[0].offset}
        kept[topic] |= {one.offset: one for one in run}
        origins.remember(topic, RawRun.of(run))
    for topic in topics:
        for offset in range(max(ends.values()) + 3):
            found, one = completed(origins, topic, offset), kept[topic].get(offset)
            if one is not None:
                assert found[ORIGINAL_TIME] == str(one.timestamp).encode()
                assert {name for name in found if name.startswith(ORIGINAL_HEADER)} == {ORIGINAL_HEADER + name for name, _ in one.headers}


def test_what_is_committed_is_not_kept():
    origins = Origins()
    for begin in range(0, 100, 10):
        origins.remember("raw.usage", RawRun.of([record(offset, (("a", b"1"),)) for offset in range(begin, begin + 10)]))
    origins.forget({"raw.usage": 95})
    assert len(origins.runs["raw.usage"]) == 1
    assert completed(origins, "raw.usage", 94).keys() >= {ORIGINAL_TIME}, "a run is forgotten as a whole"
    assert ORIGINAL_TIME not in completed(origins, "raw.usage", 89)
    assert ORIGINAL_TIME not in completed(origins, "raw.billing", 97)
    origins.forget({"raw.usage": 100})
    assert not origins.runs["raw.usage"]


def test_a_dead_letter_fits_its_topic_with_its_record_s_headers():
    own = Transactions.__new__(Transactions)
    own.dead_letter_bytes = 20_000
    for header, value in ((10, 10), (10, 30_000), (3_000, 30_000), (19_000, 100), (30_000, 30_000)):
        origins = Origins()
        origins.remember("raw.usage", RawRun.of([record(1, (("large", b"h" * header), ("small", None)))]))
        letter = own._fitting(origins.complete(dead_letter("late", "…", ("raw.usage", 0, 1), b"k", b"v" * value)))
        headers = dict(letter.headers)
        size = len(letter.value) + sum(len(name) + len(one or b"") for name, one in letter.headers)
        assert size < 20_000
        assert headers["offset"] == b"1"
        assert ("cut_from_bytes" in headers) == (len(letter.value) < value)
        assert ("cut_headers_bytes" in headers) == ("header.large" not in headers)
        if header + value < 12_000:
            assert headers["header.large"] == b"h" * header
            assert len(letter.value) == value
