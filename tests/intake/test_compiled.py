"""The compiled reader gives what msgspec gives: column by column and reject by reject, for valid and hostile records."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from random import Random

import msgspec
import numpy as np
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.raw import RECORD_TYPES, TOPICS, fields_of, type_name
from streams.intake import decode
from streams.intake.compiled.hashing import hash_all
from streams.intake.compiled.reading import COMPILED
from tests.intake.hostile import BYTES, DATES, MOMENTS, NUMBERS, RAW, WORDS, bounds, struct_of
from tests.intake.test_decode import BAD, BROKEN, TOPIC_OF, chunk_of, encoded
from tests.intake.ways import compare
from tests.streams.records import GOOD, good

SAMPLE = 1 if COMPILED else 40
"""Of a corpus one record in so many, and so much shorter values: the interpreted kernels are slow."""
WITHIN = not COMPILED or "NUMBA_BOUNDSCHECK" in os.environ
NOT_NESTED = {"bill_issued": {"lines": None}, "message_usage": {"command": None}}
"""What of the good records is not for the compiled reader: a map, and a text with a pattern of its own."""


def wrong_ones(record_type):
    """Every field left out, named twice, and with every value that may be wrong for it, as values and their keys."""
    plain = good(record_type) | NOT_NESTED.get(record_type, {})
    struct = struct_of(record_type)
    properties = msgspec.json.schema(struct)["$defs"][struct.__name__]["properties"]
    for name in ["record_type", *fields_of(struct)]:
        rest = {other: own for other, own in plain.items() if other != name}
        texts = [json.dumps(value) for value in [*NUMBERS, *WORDS, *DATES, *MOMENTS, *bounds(properties.get(name, {}))]]
        texts += [json.dumps(value, ensure_ascii=False) for value in [*WORDS, *DATES, *MOMENTS]]
        for text in dict.fromkeys([*texts, *RAW]):
            value = json.dumps(rest)[:-1] + f', "{name}": {text}}}'
            yield value.encode("utf-8", "surrogatepass"), key_of(text) if name == "customer_id" else b"C1"
        for piece in BYTES:
            yield json.dumps({**rest, name: "@"}).encode().replace(b"@", piece), piece if name == "customer_id" else b"C1"
        yield encoded(rest), b"C1"
        if name in plain:
            yield encoded(plain)[:-1] + f', "{name}": {json.dumps(plain[name])}}}'.encode(), b"C1"


def key_of(text):
    try:
        found = json.loads(text)
        return found.encode("utf-8", "surrogatepass") if isinstance(found, str) else b"C1"
    except (ValueError, RecursionError):
        return b"C1"


@pytest.mark.parametrize("record_type", GOOD)
def test_every_wrong_value_of_every_field_is_read_as_by_msgspec(record_type):
    cases = list(wrong_ones(record_type))[::SAMPLE]
    read, number = compare(TOPIC_OF[record_type], [value for value, _ in cases], [key for _, key in cases])
    assert 0.02 < read / number < 0.9


def test_corpora_of_bad_and_broken_records_are_refused_alike():
    for topic in TOPICS:
        values = [value for _, value in BAD] + [encoded(good(record_type, **changes)) for record_type, changes, _ in BROKEN]
        values += [encoded(good(record_type)) for record_type in GOOD]
        compare(topic, values, [b"C1"] * len(values))


def shaken(record, chance):
    """A record's JSON with its fields in another order, blanks everywhere, and a few more or other bytes."""
    pairs = [(json.dumps(name), json.dumps(value, ensure_ascii=chance.random() < 0.5)) for name, value in record.items()]
    chance.shuffle(pairs)
    for _ in range(chance.choice((0, 0, 1, 2))):
        extra = chance.choice([('"unknown"', "1"), ('"später"', "1"), ('"un\\u006bnown"', "1"), ('"x"', '{"a": [1, 2.5]}'), ('""', '""'), ('"record_idx"', "null"), ('"customer_i"', '"C2"'),
                               ('"end"', "1.5e3"), ('"\\u0063ustomer_id"', '"C1"'), chance.choice(pairs)])  # fmt: skip
        pairs.insert(chance.randrange(len(pairs) + 1), extra)

    def blank():
        return chance.choice(("", "", "", " ", "\n", "\t", "\r\n  "))

    text = blank() + "{" + ",".join(f"{blank()}{name}{blank()}:{blank()}{value}{blank()}" for name, value in pairs) + "}" + blank()
    data = text.encode()
    match chance.randrange(12):
        case 0:
            data = data[: chance.randrange(len(data) + 1)]
        case 1:
            at = chance.randrange(len(data))
            data = data[:at] + bytes([chance.choice(b'\x00\x1f "\\{}[],:0-.eE\x7f\x80\xff')]) + data[at + 1 :]
        case 2:
            at = chance.randrange(len(data))
            data = data[:at] + chance.choice((b"\x00", b" ", b",", b'"', b"}", b"\xef\xbb\xbf", b"\xc3\xa4")) + data[at:]
        case 3:
            data = chance.choice((b"\xef\xbb\xbf", b"\x00", b"x", b"")) + data + chance.choice((b"{}", b"\x00", b"]", b"\n", b"\xef\xbb\xbf", b""))
    return data


def random_record(chance):
    """A record of any type with some fields changed, and the key it comes with."""
    record_type = chance.choice(list(GOOD))
    struct = next(one for one in RECORD_TYPES if type_name(one) == record_type)
    changes = {}
    for name, info in fields_of(struct).items():
        if chance.random() < 0.08:
            pools = {
                "time": MOMENTS,
                "date": DATES,
                "int": [*NUMBERS, *range(-3, 400, 37)],
                "bool": [True, False, None, 1],
                "text": [*WORDS, *(info.domain or ()), None, ...],
                "map": [None, {"tax": 1}, {}],
            }
            changes[name] = chance.choice(pools[info.kind])
    record = good(record_type, **changes)
    customer = record.get("customer_id")
    key = customer.encode("utf-8", "surrogatepass") if isinstance(customer, str) else b"C1"
    return TOPIC_OF[record_type], shaken(record, chance), key if chance.random() < 0.95 else chance.choice((None, b"", b"C2", b"C", b"C11", b"\xff"))


@settings(max_examples=150 if COMPILED else 6, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.sampled_from(TOPICS), st.integers(1, 60), st.booleans())
def test_random_runs_are_read_as_by_msgspec(seed, topic, size, narrow):
    chance = Random(seed)
    records = []
    while len(records) < size:
        own, value, key = random_record(chance)
        if own == topic or chance.random() < 0.02:
            records.append((value, key))
    values = [chance.choice((None, b"")) if chance.random() < 0.01 else value for value, _ in records]
    compare(topic, values, [key for _, key in records], max_bytes=700 if narrow else 1_000_000, latest_ms=1_777_599_072_000 if narrow else None)


@settings(max_examples=300 if COMPILED else 10, deadline=None, derandomize=True)
@given(st.lists(st.binary(max_size=60), max_size=5), st.sampled_from(TOPICS))
def test_any_bytes_are_refused_alike(values, topic):
    compare(topic, values, values[::-1])


def test_large_and_empty_and_many_are_read_as_by_msgspec():
    big = encoded(good("page_view"))[:-1] + b', "unknown": "' + b"x" * (5_000_000 // SAMPLE) + b'"}'
    small = encoded(good("page_view"))
    compare("raw.service", [small, big, small, b"", None, small + b" " * (1_000_000 // SAMPLE)], [b"C1"] * 6, max_bytes=1_000_000 // SAMPLE)
    compare("raw.service", [small, big, small], [b"C1"] * 3, max_bytes=10_000_000)
    compare("raw.service", [], [])
    deep = [encoded(good("page_view"))[:-1] + b', "unknown": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"]
    compare("raw.service", deep, [b"C1"])


def test_hashes_are_those_of_the_library():
    chance = Random(1)
    texts = [chance.randbytes(length) for length in [*range(300), *range(1000, 1200, 7), 4096, 20_000][:: max(1, SAMPLE // 10)]]
    ends = np.cumsum([len(text) for text in texts])
    found = np.zeros(len(texts), np.uint64)
    with np.errstate(over="ignore"):
        hash_all(np.frombuffer(bytearray().join([*texts, bytes(8)]), np.uint8), ends - [len(text) for text in texts], ends, np.zeros(8, np.uint64), found)
    assert found.tolist() == [xxhash.xxh3_64_intdigest(text) for text in texts]


def test_a_plain_run_is_read_without_msgspec():
    """Also of other order, with unknown fields, UTF-8 and blanks: none of them is worth a struct."""
    for record_type in GOOD:
        record = {**good(record_type), "unknown": "x", "other": 5, "flag": None} | NOT_NESTED.get(record_type, {})
        record |= {"customer_id": "客户", "record_id": "r-é", "msisdn": "13800000100"}
        values = [json.dumps(dict(pairs), ensure_ascii=False, indent=2).encode() for pairs in (record.items(), reversed(record.items()))]
        assert compare(TOPIC_OF[record_type], values, ["客户".encode()] * 2) == (2, 2)


def test_a_setting_has_msgspec_read_all_and_so_has_a_process_without_a_compiler(monkeypatch):
    calls = []
    real = decode.reading.read
    monkeypatch.setattr(decode.reading, "read", lambda *run: calls.append(run) or real(*run))
    monkeypatch.setattr(decode.Way, "compiled", None)
    for way, compiled in (("compiled", COMPILED), ("msgspec", False)):
        decode.decode_by(way)
        calls.clear()
        assert len(chunk_of([encoded(good("balance_change"))])) == 1
        assert bool(calls) == compiled


@pytest.mark.skipif(WITHIN, reason="this is the run interpreted or with bounds checked: it does not start itself again")
@pytest.mark.parametrize("environment", [{"NUMBA_DISABLE_JIT": "1"}, {"NUMBA_BOUNDSCHECK": "1"}], ids=["interpreted", "with bounds checked"])
def test_the_same_holds(environment, tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "pytest", __file__, "-q", "-p", "no:cacheprovider"],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-3000:]
