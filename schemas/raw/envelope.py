"""What every raw record carries, and the types that fields are made of (`docs/records.md`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from schemas.codes import NULL, code, text_of

Bools = npt.NDArray[np.bool_]
MOST = 2**53 - 1
"""The largest whole number that every JSON reader keeps exact."""


def whole(unit: str, ge: int = 0, le: int = MOST) -> Meta:
    """A bounded whole number of `unit`s."""
    return Meta(ge=ge, le=le, extra_json_schema={"unit": unit})


Text64 = Annotated[str, Meta(min_length=1, max_length=64)]
Text128 = Annotated[str, Meta(min_length=1, max_length=128)]
Cell = Annotated[str, Meta(min_length=1, max_length=32)]
Time = Annotated[int | str, Meta(extra_json_schema={"unit": "RFC 3339 with offset, or epoch ms"})]
Date = Annotated[str, Meta(min_length=10, max_length=10, extra_json_schema={"unit": "civil date YYYY-MM-DD"})]
Seconds = Annotated[int, whole("s", le=86_400)]
Millis = Annotated[int, whole("ms", le=86_400_000)]
Bytes = Annotated[int, whole("byte")]
Minor = Annotated[int, whole("minor unit of currency")]
SignedMinor = Annotated[int, whole("minor unit of currency", ge=-MOST)]
Count = Annotated[int, whole("1")]
Currency = Annotated[str, Meta(min_length=3, max_length=3, extra_json_schema={"standard": "ISO 4217"})]
Country = Annotated[str, Meta(min_length=2, max_length=2, extra_json_schema={"standard": "ISO 3166-1 alpha-2"})]
Plmn = Annotated[str, Meta(min_length=6, max_length=7, extra_json_schema={"standard": "3GPP PLMN, MCC-MNC"})]
Rat = Literal["2G", "3G", "4G", "5G", "WIFI", "UNKNOWN"]
Channel = Literal["ivr", "call_agent", "store", "kiosk", "web", "app", "mini_program", "sms", "email", "chat", "social", "agent_dealer"]
PayChannel = Literal["ivr", "call_agent", "store", "kiosk", "web", "app", "mini_program", "sms", "email", "chat", "social", "agent_dealer", "third_party"]
PartyClass = Literal["onnet", "offnet", "fixed", "international", "own_hotline", "competitor_hotline", "premium", "emergency", "service", "unknown"]
RatingTag = Literal["in_bundle", "out_of_bundle", "free"]
AppCategory = Literal["video", "music", "game", "social", "map", "travel", "finance", "shopping", "work", "other"]


class Rule(NamedTuple):
    """A rule over the fields of one record: `holds` judges columns, one truth value a record."""

    name: str
    says: str
    holds: Callable[[Any], Bools]


class Envelope(msgspec.Struct, kw_only=True, frozen=True, gc=False, tag_field="record_type"):
    """The fields of all raw records. Keyed by `customer_id`; unknown fields are ignored."""

    code: ClassVar[str]
    topic: ClassVar[str]
    RULES: ClassVar[tuple[Rule, ...]] = ()

    record_id: Text64
    """CloudEvents `id`; 3GPP `callReference` and `localSequenceNumber`. Unique within `source_system`."""
    schema_version: Annotated[int, Meta(ge=1)]
    """CloudEvents `dataschema`; 1 is understood."""
    source_system: Text64
    """CloudEvents `source`; TMF688 `reportingSystem`."""
    event_time: Time
    """CloudEvents `time`; TMF688 `timeOccurred`: when the fact was complete."""
    ingest_time: Time | None = None
    """CloudEvents extension `recordedtime`; never read by a rule."""
    customer_id: Text64
    """TMF629 `Customer.id`; the Kafka key."""
    account_id: Text64 | None = None
    """TMF666 `BillingAccount.id`."""
    subscription_id: Text64 | None = None
    """TMF637 `Product.id` of the line; never reused."""
    msisdn: str | None = None
    """CAMARA `phoneNumber`, 3GPP `servedMSISDN`; shown, never a key."""
    action: Literal["new", "correction", "reversal"] = "new"
    """TMF635 `status`: rerated, rejected."""
    ref_record_id: Text64 | None = None
    """The record corrected or reversed."""
    seq: Count = 0
    """3GPP `localSequenceNumber`: order inside one event time."""


def present(column: npt.NDArray[np.int64]) -> Bools:
    """Where a number, time or date is given."""
    return np.asarray(column != NULL)


def given(column: npt.NDArray[np.int64]) -> Bools:
    """Where a text is given."""
    return np.asarray(column != 0)


def has(r: Any, name: str) -> Bools:
    """Where a text is given; for texts that are mostly different, whose codes nobody needs."""
    return np.fromiter((value is not None for value in r.objects(name)), bool, len(r))


def among(column: npt.NDArray[np.int64], *texts: str) -> Bools:
    """Where a text is one of `texts`."""
    return np.isin(column, [code(text) for text in texts])


def implies(condition: Bools, consequence: Bools) -> Bools:
    """Where `consequence` holds or `condition` does not."""
    return ~condition | consequence


_verdicts: dict[tuple[str, int], bool] = {}
MOST_VERDICTS = 1_000_000


def matches(pattern: str, column: npt.NDArray[np.int64], check: Callable[[str], bool] | None = None) -> Bools:
    """Where a text is not given or matches `pattern` (and passes `check`); each different text is looked at once."""
    if len(_verdicts) > MOST_VERDICTS:
        _verdicts.clear()
    compiled = re.compile(pattern)
    texts = column.tolist()
    distinct = set(texts)
    for number in distinct:
        if (pattern, number) not in _verdicts:
            text = text_of(number) if number else ""
            _verdicts[pattern, number] = not number or (compiled.fullmatch(text) is not None and (check is None or check(text)))
    if all(_verdicts[pattern, number] for number in distinct):
        return np.ones(len(texts), bool)
    return np.fromiter((_verdicts[pattern, number] for number in texts), bool, len(texts))


def all_different(pattern: str, texts: list[str | None]) -> Bools:
    """Where a text is not given or matches `pattern`, for texts that are mostly different: one search over all of them."""
    given_texts = [text for text in texts if text is not None]
    if re.fullmatch(f"(?:{pattern}\n)*", "".join([f"{text}\n" for text in given_texts])):
        return np.ones(len(texts), bool)
    compiled = re.compile(pattern)
    return np.fromiter((text is None or compiled.fullmatch(text) is not None for text in texts), bool, len(texts))


def luhn(digits: str) -> bool:
    """Whether the last digit of an IMEI is its Luhn digit (3GPP TS 23.003 annex B)."""
    doubled = [int(d) * (1 + (i % 2)) for i, d in enumerate(reversed(digits))]
    return sum(d // 10 + d % 10 for d in doubled) % 10 == 0


MSISDN = r"\+[1-9][0-9]{4,14}"
PLMN = r"[0-9]{3}-[0-9]{2,3}"
CURRENCY = r"[A-Z]{3}"
COUNTRY = r"[A-Z]{2}"
TAC = r"[0-9]{8}"

ENVELOPE_RULES = (
    Rule("msisdn", "E.164: + and 5 to 15 digits", lambda r: all_different(MSISDN, r.objects("msisdn"))),
    Rule("ref_record_id", "given for a correction or reversal", lambda r: implies(r.action != code("new"), has(r, "ref_record_id"))),
)
ROAMING_RULES = (Rule("visited_plmn", "MCC-MNC, given when roaming", lambda r: matches(PLMN, r.visited_plmn) & implies(r.roaming, given(r.visited_plmn))),)
CHARGE_RULES = (
    Rule("charge", "charge_minor and currency: both or neither", lambda r: present(r.charge_minor) == given(r.currency)),
    Rule("currency", "ISO 4217", lambda r: matches(CURRENCY, r.currency)),
)
PARTY_RULES = (
    Rule(
        "other_country",
        "alpha-2, given for international",
        lambda r: matches(COUNTRY, r.other_country) & implies(r.other_class == code("international"), given(r.other_country)),
    ),
)
