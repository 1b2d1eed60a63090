"""The contracts of raw records and the decoder agree: what a contract refuses is refused, and what it allows fails on rules it cannot say."""

from __future__ import annotations

import json
from functools import cache

import msgspec
import pytest
from jsonschema import Draft202012Validator

from schemas.raw import RECORD_TYPES, fields_of, type_name
from streams.definitions.catalogue import Catalogue
from streams.definitions.contracts import contracts
from tests.intake.test_decode import TOPIC_OF, chunk_of, encoded
from tests.streams.records import GOOD, good

FILES = contracts(Catalogue.load(only=["balance.low"]))
BEYOND_A_CONTRACT = {"broken_rule", "owner_key", "correction", "key_mismatch", "unsupported_version"}
"""Reasons about several fields at once, and about what is supported so far."""
CALENDAR = {"bad_time", "too_old"}
"""Of texts alone: whether a well-formed time is in the calendar, and in range in UTC."""
NUMBERS = [5, 5.5, -1, 0, 2**31, 2**53, 2**63, True, "5", None, [], {}, {"a": 1}, {"a": "x"}, {"A": 1}, {"a\n": 1}, {f"a{'_' * at}": 1 for at in range(33)}]
TEXTS = [
    "",
    "x",
    "x" * 16,
    "x" * 32,
    "x" * 64,
    "x" * 65,
    "x" * 128,
    "x" * 129,
    "😀" * 64,
    "a\nb",
    "ab\n",
    "a\x1fb",
    "\x7f",
    "CN",
    "CNY",
    "cny",
    "CNY\n",
    "CNYX",
    "460-00",
    "460-000",
    "460-0",
    "46000-",
]
DATES = ["2026-05-01", "2026-5-01", "1899-12-31", "1900-01-01", "2200-12-31", "2201-01-01", "2026-05-01\n", "2026-13-01"]
TIMES = [
    "2026-05-01T09:30:00Z",
    "2026-05-01 09:30:00+0800",
    "2026-05-01t09:30:00.123456789z",
    "2026-05-01T09:30:00",
    "2026-05-01T09:30Z",
    "2026-05-01T24:00:00Z",
    "2026-05-01T09:60:00Z",
    "2026-05-01T09:30:60Z",
    "2026-05-01T09:30:61Z",
    "2026-05-01T09:30:00.Z",
    "2026-05-01T09:30:00+24:00",
    "2026-05-01T09:30:00+08",
    "2026-05-01T09:30:00Z\n",
    "1998-05-01T09:30:00Z",
    "10000-01-01T00:00:00Z",
    946_684_799_999,
    946_684_800_000,
    253_370_764_799_999,
    253_370_764_800_000,
    253_402_300_799_999,
    253_402_300_800_000,
    1_777_599_072,
    5.5,
]


@cache
def validator(record_type):
    return Draft202012Validator(FILES[f"raw/{record_type}.json"])


def struct_of(record_type):
    return next(record for record in RECORD_TYPES if type_name(record) == record_type)


def bounds(schema):
    """Both sides of every bound that a field's contract names, and every value of an enum."""
    for arm in [schema, *schema.get("anyOf", [])]:
        for bound, outside in (("minimum", -1), ("maximum", 1)):
            if bound in arm:
                yield from (arm[bound], arm[bound] + outside)
        for length, step in (("minLength", -1), ("maxLength", 1)):
            if length in arm:
                yield from ("7" * arm[length], "7" * max(0, arm[length] + step))
        yield from arm.get("enum", ())
        yield from (f"{word}x" for word in arm.get("enum", ()))


def variants(record_type):
    """Every field left out, and with every value that may be wrong for it."""
    plain = good(record_type)
    yield "none", ..., plain
    properties = msgspec.json.schema(struct_of(record_type))["$defs"][struct_of(record_type).__name__]["properties"]
    for name in fields_of(struct_of(record_type)):
        yield name, ..., {other: own for other, own in plain.items() if other != name}
        for value in [*NUMBERS, *TEXTS, *DATES, *TIMES, *bounds(properties[name])]:
            yield name, value, {**plain, name: value}


@pytest.mark.parametrize("record_type", GOOD)
def test_a_contract_and_the_decoder_agree_on_every_field(record_type):
    cases = list(variants(record_type))
    lines = [encoded(record) for *_, record in cases]
    keys = [key.encode() if isinstance(key := record.get("customer_id"), str) else b"C1" for *_, record in cases]
    found = {reject.offset - 100: reject.reason for reject in chunk_of(lines, TOPIC_OF[record_type], keys).rejects}
    accepted = 0
    for at, (name, value, _) in enumerate(cases):
        allowed, reason = validator(record_type).is_valid(json.loads(lines[at])), found.get(at)
        beyond = BEYOND_A_CONTRACT | (CALENDAR if isinstance(value, str) else set())
        assert reason is None or reason in beyond if allowed else reason is not None, (name, value, allowed, reason)
        accepted += reason is None
    assert accepted > 100


def test_where_a_contract_cannot_agree_it_says_so():
    """JSON Schema calls 500.0 an integer, and readers of JSON keep the last of two values of one name."""
    fraction = encoded(good("balance_change", balance_after=500)).replace(b"500", b"500.0")
    assert validator("balance_change").is_valid(json.loads(fraction))
    assert [reject.reason for reject in chunk_of([fraction]).rejects] == ["wrong_type"]
    twice = encoded(good("balance_change"))[:-1] + b', "balance_after": 500}'
    (columns,) = chunk_of([twice]).groups.values()
    assert columns.balance_after.tolist() == [500]
    first_wrong = twice.replace(b'"balance_after": 840', b'"balance_after": "x"')
    assert validator("balance_change").is_valid(json.loads(first_wrong))
    assert [reject.reason for reject in chunk_of([first_wrong]).rejects] == ["doubled_field"]
    for record_type in GOOD:
        description = FILES[f"raw/{record_type}.json"]["description"]
        for words in ("500.0", "named twice", "dead letter"):
            assert words in description


def test_every_reason_is_in_the_contract():
    from schemas.raw.reasons import MEANING
    from tests.intake.test_decode import BAD

    headers = FILES["asyncapi.json"]["channels"]["dead-letter"]["messages"]["dead-letter"]["headers"]
    assert {reason for reason, _ in BAD} <= set(MEANING)
    assert headers["properties"]["reason"]["enum"] == list(MEANING)
    assert all(meaning in headers["properties"]["reason"]["description"] for meaning in MEANING.values())
