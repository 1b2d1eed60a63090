"""Why a raw record becomes a dead letter: the closed list of reason codes."""

from __future__ import annotations

from typing import Literal, get_args

Reason = Literal[
    "null_value", "empty_value", "too_large", "bom", "bad_utf8", "bad_json", "too_deep", "doubled_field", "undecodable",
    "unknown_record_type", "wrong_topic", "missing_field", "wrong_type", "bad_value", "unsupported_version",
    "null_key", "key_mismatch", "bad_time", "too_old", "future", "broken_rule", "owner_key", "correction", "late", "engine_failed", "bad_row",
]  # fmt: skip

MEANING: dict[Reason, str] = {
    "null_value": "the record has no value",
    "empty_value": "the value has no bytes",
    "too_large": "the value is larger than the setting max_record_bytes",
    "bom": "a byte order mark is before the JSON",
    "bad_utf8": "the value is no UTF-8",
    "bad_json": "the value is not one JSON object",
    "too_deep": "the JSON is nested too deeply",
    "doubled_field": "record_type, or a field of which one value is wrong, is named twice",
    "undecodable": "the reader itself failed on this record; please report it",
    "unknown_record_type": "record_type is none of the 15",
    "wrong_topic": "the record type belongs to another topic",
    "missing_field": "a required field is missing",
    "wrong_type": "a field has a value of another JSON type",
    "bad_value": "a value is out of its range, too long, holds a control character, or is none of those allowed",
    "unsupported_version": "schema_version is not 1",
    "null_key": "the Kafka record has no key",
    "key_mismatch": "the Kafka key is not the customer_id",
    "bad_time": "a time or date cannot be read, has no offset, or is out of range",
    "too_old": "event_time is before 2000-01-01",
    "future": "event_time is more than 300 s ahead of the wall clock",
    "broken_rule": "fields contradict each other",
    "owner_key": "a line.owner record came under the new owner's key; it belongs under the old one's",
    "correction": "corrections and reversals are not supported yet",
    "late": "the record is later than the setting late_limit_ms allows",
    "engine_failed": "the engine itself raised an error at the record; please report it",
    "bad_row": "a row of an own format cannot be split into the columns of its mapping (`kairos ingest`)",
}
assert MEANING.keys() == set(get_args(Reason))
