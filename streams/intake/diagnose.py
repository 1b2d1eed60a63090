"""Says what is wrong with bytes that could not be decoded, without any personal value."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from schemas.raw import RECORD_TYPES, type_name

if TYPE_CHECKING:
    from schemas.raw import Envelope
    from schemas.raw.reasons import Reason

Fault = tuple["Reason", str]
"""A reason code, and the detail."""
NAMES = {type_name(record): record for record in RECORD_TYPES}
FIELD = re.compile(r"`\$\.([a-z_0-9]+)|missing required field `([a-z_0-9]+)`")
WORD = re.compile(r"(?!(?:.*[0-9]){4})[A-Za-z][A-Za-z0-9 _.-]*", re.DOTALL)
"""The form in which an enum's wrong value may be shown: no number, token or identifier has it."""
MOST_SHOWN = 24
BOM = b"\xef\xbb\xbf"


def diagnose(topic: str, value: bytes, error: Exception) -> Fault:
    """A reason code, and the decoder's error as field, wanted and got."""
    if isinstance(error, RecursionError):
        return "too_deep", "value: wanted nesting that can be read, got deeper"
    if value.startswith(BOM):
        return "bom", "value: wanted JSON, got a byte order mark before it"
    try:
        value.decode()
    except UnicodeDecodeError as invalid:
        return "bad_utf8", f"value: wanted UTF-8, got an invalid byte at {invalid.start}"
    if isinstance(error, msgspec.ValidationError) and str(error).startswith("Expected `object`") and "$" not in str(error):
        return "wrong_type", f"value: wanted a JSON object, got {kind_of(msgspec_value(value))}"
    try:
        whole = msgspec.json.decode(value)
    except RecursionError:
        return "too_deep", "value: wanted nesting that can be read, got deeper"
    except msgspec.ValidationError:
        whole = {}  # a number beyond all doubles: only its field's own reader can name it
    except msgspec.DecodeError as malformed:
        return "bad_json", malformed_json(str(malformed))
    return field_fault(topic, value, whole, str(error))


def malformed_json(text: str) -> str:
    """The detail for bytes that are no JSON."""
    hint = "; two objects on one line?" if "trailing characters" in text else ""
    return f"value: wanted one JSON object: {re.sub(r'^JSON is malformed: ', '', bare(text))}{hint}"


def field_fault(topic: str, value: bytes, whole: dict[str, Any], text: str) -> Fault:
    """What is wrong with a JSON object."""
    found = FIELD.search(text)
    if found is not None and found[1] in doubled(value):
        return "doubled_field", f"{found[1]}: wanted the field once, got it twice"
    if "record_type" in whole and (fault := record_type_fault(topic, whole["record_type"])):
        return fault
    if found is None:
        return "bad_value", f"value: {bare(text)}"
    if found[2]:
        return "missing_field", f"{found[2]}: wanted the field, got none"
    name = found[1]
    record = NAMES.get(str(whole.get("record_type")))
    wanted = wanted_of(record, name) if record is not None else "another value"
    got = whole.get(name)
    if name == "schema_version" and type(got) is int:
        return "unsupported_version", "schema_version: wanted 1, got another"
    reason: Reason = "wrong_type" if "Expected" in text and ", got" in text else "bad_value"
    return reason, f"{name}: wanted {wanted}, got {shown(got) if 'enum' in text else kind_of(got) if reason == 'wrong_type' else measured(got)}"


def doubled(value: bytes) -> list[str]:
    """The field names that a JSON object has more than once."""
    names: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        names[:] = [name for name, _ in found]  # the outermost object comes last
        return found

    try:
        json.loads(value, object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        return []
    return [name for name, number in Counter(names).items() if number > 1]


def record_type_fault(topic: str, name: Any) -> Fault | None:
    """Whether a record type is unknown, or one of another topic."""
    if not isinstance(name, str):
        return "wrong_type", f"record_type: wanted a text, got {kind_of(name)}"
    record = NAMES.get(name)
    if record is None:
        return "unknown_record_type", f"record_type: wanted one of {', '.join(sorted(NAMES))}, got {shown(name)}"
    if record.topic != topic:
        return "wrong_topic", f"record_type: {name} belongs to {record.topic}, got it on {topic}"
    return None


@cache
def properties(record: type[Envelope]) -> dict[str, Any]:
    """The JSON schemas of a record's fields."""
    return dict(msgspec.json.schema(record)["$defs"][record.__name__]["properties"])


def wanted_of(record: type[Envelope], name: str) -> str:
    """What a field may be, as a phrase, from its contract."""
    schema = properties(record).get(name, {})
    arms = [arm for arm in schema.get("anyOf", [schema]) if arm.get("type") != "null"]
    unit = schema.get("unit") or (arms[0].get("unit") if arms else None)
    if len(arms) > 1 or "anyOf" in arms[0]:
        return str(unit)
    (arm,) = arms
    if "enum" in arm:
        return f"one of {', '.join(sorted(arm['enum']))}"
    if arm.get("type") == "integer":
        return f"a whole number from {arm['minimum']} to {arm['maximum']}" + (f" ({unit})" if unit not in (None, "1") else "")
    if arm.get("type") == "string":
        return str(arm.get("unit") or f"a text of {arm.get('minLength', 0)} to {arm.get('maxLength', 'any')} characters")
    return {"boolean": "true or false", "object": "an object of whole numbers"}.get(str(arm.get("type")), "another value")


def kind_of(value: Any) -> str:
    """The kind of a JSON value, never the value."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    kinds: dict[type, str] = {int: "a whole number", float: "a number with a fraction or exponent", str: "a text", list: "a list", dict: "an object"}
    return kinds.get(type(value), "another value")


def measured(value: Any) -> str:
    """How a value of the right kind misses what is wanted, never the value."""
    if isinstance(value, str):
        return f"one of {len(value)}"
    if isinstance(value, int):
        return "a number below 0" if value < 0 else "0" if value == 0 else "another number"
    return f"other content of {kind_of(value)}"


def shown(value: Any) -> str:
    """A wrong value of an enum, shortened, where it can be no number and no identifier."""
    if not isinstance(value, str):
        return kind_of(value)
    if WORD.fullmatch(value[: MOST_SHOWN + 1]) is None:
        return "another text"
    return f"'{value[:MOST_SHOWN]}…'" if len(value) > MOST_SHOWN else f"'{value}'"


def msgspec_value(value: bytes) -> Any:
    """The first JSON value in the bytes, used only for its kind."""
    first = value.lstrip()[:1]
    return {b"[": [], b'"': "", b"t": True, b"f": False, b"n": None}.get(first, 0)


def bare(text: str) -> str:
    """An error's text without quoted values, which may be personal; names of fields stay."""
    return re.sub(r"(['\"]).*?\1", "a value", text)
