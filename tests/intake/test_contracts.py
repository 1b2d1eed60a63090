"""The contracts of raw records and the decoder agree: what a contract refuses is refused, and what it allows fails on rules it cannot say."""

from __future__ import annotations

import json
from functools import cache

import msgspec
import pytest
from jsonschema import Draft202012Validator

from schemas.raw import fields_of
from streams.definitions.catalogue import Catalogue
from streams.definitions.contracts import contracts
from tests.intake.hostile import DATES, NUMBERS, TEXTS, TIMES, bounds, struct_of
from tests.intake.test_decode import TOPIC_OF, chunk_of, encoded
from tests.streams.records import GOOD, good

FILES = contracts(Catalogue.load(only=["balance.low"]))
BEYOND_A_CONTRACT = {"broken_rule", "owner_key", "correction", "key_mismatch", "unsupported_version"}
"""Reasons about several fields at once, and about what is supported so far."""
CALENDAR = {"bad_time", "too_old"}
"""Of texts alone: whether a well-formed time is in the calendar, and in range in UTC."""


@cache
def validator(record_type):
    return Draft202012Validator(FILES[f"raw/{record_type}.json"])


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
