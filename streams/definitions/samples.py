"""Synthetic valid records of every raw type, made from their declarations: one with all fields that can be given, one with as few as can be."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import inspect

from schemas.columns import DAY_MS
from schemas.raw import type_name
from streams.intake.decode import decode_chunk

if TYPE_CHECKING:
    from schemas.raw.envelope import Envelope

Raw = dict[str, Any]
MOMENT_MS = 1_777_600_800_000
"""2026-05-01T02:00:00Z."""
TRIES, AT_ONCE = 60, 32
FIXED: Raw = {"schema_version": 1, "source_system": "rehearsal", "action": "new", "ref_record_id": None, "event_time": MOMENT_MS}
TEXTS = ("x-1", "CNY", "CN", "460-00", "2026-05-01", "+8613800000100", "35693803", "356938035643809", "310000-1", "{}")
"""Texts of all forms that fields have; those that fit a field are tried."""


class NoSample(Exception):
    """No valid record of a type was found: its declarations contradict each other, or a form of text is missing above."""


@cache
def samples_of(record: type[Envelope]) -> tuple[Raw, Raw]:
    """A full and a minimal valid record, as JSON has them. Raises NoSample."""
    return sample(record, full=True), sample(record, full=False)


def sample(record: type[Envelope], *, full: bool, given: Raw | None = None) -> Raw:
    """The valid record with the most, or the fewest, fields; `given`: values of some of them. Raises NoSample.

    Starts from random records and changes what the reader finds wrong with them, until some are valid; of those the fullest or the
    barest. The same one every time.
    """
    chance = Random(f"{type_name(record)} {full}")
    fixed = {**FIXED, **(given or {})}
    known = [value for value in (given or {}).values() if isinstance(value, str)]
    choices = {field.name: candidates(field, known) for field in inspect.type_info(record).fields if field.name not in fixed}  # type: ignore[attr-defined]  # of a struct
    drafts = [draft(record, choices, chance, fixed, full=full) for _ in range(AT_ONCE)]
    best: Raw | None = None
    for _ in range(TRIES):
        wrong = faults_in(record, drafts)
        valid = [raw for at, raw in enumerate(drafts) if at not in wrong]
        for raw in valid:
            if best is None or (count(raw) > count(best) if full else count(raw) < count(best)):
                best = raw
        if best is not None and (not full or count(best) >= max(map(count, drafts))):
            break
        drafts = [repaired(raw, wrong.get(at), choices, chance) for at, raw in enumerate(drafts)]
    if best is None:
        raise NoSample(f"{type_name(record)}: wanted a valid {'full' if full else 'minimal'} record, got {sorted(set(wrong.values()))[:3]}")
    return best


def count(raw: Raw) -> int:
    """How many fields are given."""
    return sum(value is not None for value in raw.values())


def draft(record: type[Envelope], choices: dict[str, list[Any]], chance: Random, fixed: Raw, *, full: bool) -> Raw:
    """A record at random: every field that can be given, or only those that must be, and those of `fixed`."""
    raw = {"record_type": type_name(record), "record_id": f"rehearsal-{'full' if full else 'minimal'}", **fixed}
    for name, values in choices.items():
        given = [value for value in values if value is not None]
        raw.setdefault(name, chance.choice(given) if full or None not in values else None)
    return {**raw, "customer_id": fixed.get("customer_id", "C-full" if full else "C-minimal")}


def repaired(raw: Raw, fault: str | None, choices: dict[str, list[Any]], chance: Random) -> Raw:
    """The record with a new value for the field that is wrong, and sometimes for another one."""
    names = [name for name in choices if fault and name in fault]
    changed = {name: chance.choice(choices[name]) for name in names[: 1 + chance.randrange(3)]}
    if chance.random() < 0.5 or not names:
        other = chance.choice(list(choices))
        changed[other] = chance.choice(choices[other])
    return {**raw, **changed, "customer_id": raw["customer_id"], "record_id": raw["record_id"]}


def faults_in(record: type[Envelope], drafts: list[Raw]) -> dict[int, str]:
    """By position, what the reader finds wrong."""
    keys: list[bytes | None] = [raw["customer_id"].encode() for raw in drafts]
    values: list[bytes | None] = [encoded(raw) for raw in drafts]
    chunk = decode_chunk(record.topic, 0, range(len(drafts)), keys, values, next_offset=len(drafts), latest_ms=None, max_bytes=1 << 20)
    return {reject.offset: reject.detail for reject in chunk.rejects}


def encoded(raw: Raw) -> bytes:
    """A record as it comes on its topic; fields that are not given are left out."""
    return msgspec.json.encode({name: value for name, value in raw.items() if value is not None})


def candidates(field: Any, known: list[str]) -> list[Any]:
    """Values that a field may have by its type, texts of `known` among them; None where it may be missing."""
    kind = field.type
    arms = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    values = [value for arm in arms for value in values_of(arm)]
    values += known if any(isinstance(getattr(arm, "type", arm), inspect.StrType) for arm in arms) else []
    optional = any(isinstance(arm, inspect.NoneType) for arm in arms)
    return [*dict.fromkeys(value for value in values if not isinstance(value, dict)), *(value for value in values if isinstance(value, dict)), *([None] if optional else [])]


def values_of(arm: Any) -> list[Any]:
    """Values of one type: bounds and a few between, all labels, texts that fit, moments around the record's own."""
    match arm:
        case inspect.Metadata() if "RFC 3339" in str(arm.extra_json_schema):
            return [MOMENT_MS + shift for shift in (-2 * DAY_MS, -DAY_MS, -60_000, 0, 60_000, DAY_MS)]
        case inspect.Metadata():
            return values_of(arm.type)
        case inspect.UnionType():
            return [value for one in arm.types for value in values_of(one)]
        case inspect.BoolType():
            return [False, True]
        case inspect.LiteralType():
            return list(arm.values)
        case inspect.IntType():
            low, high = arm.ge if arm.ge is not None else 0, arm.le if arm.le is not None else 10**6
            return [value for value in (-100, 0, 1, 60, 100, 1_000) if low <= value <= high] or [low]
        case inspect.StrType():
            return [text for text in TEXTS if (arm.min_length or 0) <= len(text) <= (arm.max_length or 64)]
        case inspect.DictType():
            return [{}]
    return []
