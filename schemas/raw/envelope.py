"""The fields that every raw record has, and the types of fields (`docs/records.md`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from schemas.codes import NULL, code, text_of
from schemas.columns import Bools
from schemas.raw.reasons import Reason

MOST = 2**53 - 1
"""The largest whole number that every JSON reader keeps exact."""
MOST_BYTES = 2**45
"""35 TB: more than a line moves in one charging record."""
MOST_MONEY = 2**45
"""3.5e13 minor units: a company's bill in the least of currencies."""
MOST_QUANTITY = 2**50
"""Of any unit of a bucket: unlimited quotas are sent as a petabyte."""
MOST_VERSION = 2**31 - 1
OLDEST_MS = 946_684_800_000
"""2000-01-01T00:00:00Z: nothing real is older."""
NEWEST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999."""
NEWEST_EVENT_MS = 253_370_764_799_999
"""The last millisecond of the year 9998: local times, days and spans counted from it are dates too."""


def whole(unit: str, ge: int = 0, le: int = MOST) -> Meta:
    """A bounded whole number of `unit`s."""
    return Meta(ge=ge, le=le, extra_json_schema={"unit": unit})


def exactly(pattern: str) -> str:
    """A regular expression that matches whole texts alone, in ECMAScript and in Python, where `$` matches before a last line end too."""
    return f"^(?:{pattern})$(?!\\n)"


PRINTABLE = exactly(r"[^\x00-\x1f\x7f]*")
TIME_UNIT = "RFC 3339 with offset, or epoch ms"
DATE_UNIT = "civil date YYYY-MM-DD"


def text(most: int, least: int = 1, pattern: str | None = None, standard: str | None = None) -> Meta:
    """A text of `least` to `most` characters, none of them a control character.

    The pattern is only for the contract: the decoder searches whole runs for control characters, and the rules check patterns.
    """
    return Meta(min_length=least, max_length=most, extra_json_schema={"pattern": exactly(pattern) if pattern else PRINTABLE} | ({"standard": standard} if standard else {}))


CONTROL = re.compile(r"[\x00-\x1f\x7f]")
"""Characters that no text of a record may hold: keys of state are joined with them."""
MSISDN = r"\+[1-9][0-9]{4,14}"
PLMN = r"[0-9]{3}-[0-9]{2,3}"
CURRENCY = r"[A-Z]{3}"
COUNTRY = r"[A-Z]{2}"
TAC = r"[0-9]{8}"
COMMAND = r"[A-Z0-9#*]{1,16}"
MONTH_DAY = r"(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
DATE = rf"(?:(?:19|20|21)[0-9]{{2}}|2200)-{MONTH_DAY}"
CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
OFFSET = r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])"
TIME = rf"(?:1999|[2-9][0-9]{{3}})-{MONTH_DAY}[Tt ]{CLOCK}{OFFSET}"
EpochMs = Annotated[int, Meta(extra_json_schema={"minimum": OLDEST_MS, "maximum": NEWEST_MS})]
EventMs = Annotated[int, Meta(extra_json_schema={"minimum": OLDEST_MS, "maximum": NEWEST_EVENT_MS})]
Rfc3339 = Annotated[str, Meta(extra_json_schema={"pattern": exactly(TIME)})]

Id = Annotated[str, text(64)]
"""Every identifier: 1 to 64 characters, none of them a control character."""
Text64 = Annotated[str, text(64)]
"""Words that identify nothing, such as a reason."""
Text128 = Annotated[str, text(128)]
Cell = Annotated[str, text(32)]
Time = Annotated[EpochMs | Rfc3339, Meta(extra_json_schema={"unit": TIME_UNIT})]
"""From 2000-01-01 to the end of 9999; what is finer than a millisecond is cut off."""
EventTime = Annotated[EventMs | Rfc3339, Meta(extra_json_schema={"unit": TIME_UNIT})]
Date = Annotated[str, Meta(min_length=10, max_length=10, extra_json_schema={"unit": DATE_UNIT, "pattern": exactly(DATE)})]
"""From 1900-01-01 to 2200-12-31."""
Seconds = Annotated[int, whole("s", le=86_400)]
CallSeconds = Annotated[int, whole("s", le=604_800)]
SessionSeconds = Annotated[int, whole("s", le=7_776_000)]
"""A data session may be open for 90 days."""
Millis = Annotated[int, whole("ms", le=86_400_000)]
Bytes = Annotated[int, whole("byte", le=MOST_BYTES)]
Minor = Annotated[int, whole("minor unit of currency", le=MOST_MONEY)]
SignedMinor = Annotated[int, whole("minor unit of currency", ge=-MOST_MONEY, le=MOST_MONEY)]
Quantity = Annotated[int, whole("`unit`", ge=-MOST_QUANTITY, le=MOST_QUANTITY)]
Count = Annotated[int, whole("1")]
Currency = Annotated[str, text(3, 3, CURRENCY, "ISO 4217")]
Country = Annotated[str, text(2, 2, COUNTRY, "ISO 3166-1 alpha-2")]
Plmn = Annotated[str, text(7, 6, PLMN, "3GPP PLMN, MCC-MNC")]
Tac = Annotated[str, Meta(extra_json_schema={"pattern": exactly(TAC), "standard": "3GPP TAC"})]
Rat = Literal["2G", "3G", "4G", "5G", "WIFI", "UNKNOWN"]
Channel = Literal[
    "ivr", "call_agent", "store", "kiosk", "web", "app", "mini_program", "sms", "email", "chat", "social", "agent_dealer", "ussd", "push", "rcs", "outbound_call",
]  # fmt: skip
PayChannel = Literal[Channel, "third_party"]
PartyClass = Literal["onnet", "offnet", "fixed", "international", "own_hotline", "competitor_hotline", "premium", "emergency", "service", "unknown"]
RatingTag = Literal["in_bundle", "out_of_bundle", "free"]
AppCategory = Literal["video", "music", "game", "social", "map", "travel", "finance", "shopping", "work", "other"]


class Rule(NamedTuple):
    """A rule over the fields of one record: `holds` takes columns and gives one truth value a record."""

    name: str
    says: str
    holds: Callable[[Any], Bools]
    reason: Reason = "broken_rule"


class Repair(NamedTuple):
    """A text that is corrected on reading; `counted` names the counter of those that became null.

    `keeps`: the form of texts that stay as they are, where the compiled reader knows it; what has another form becomes null, or is read by msgspec.
    """

    field: str
    repaired: Callable[[list[str | None]], list[str | None]]
    counted: str | None = None
    keeps: Literal["e164", "not 16 digits"] | None = None


class Note(NamedTuple):
    """Something odd that is counted while the record stays: `holds` takes columns and gives one truth value a record."""

    counted: str
    holds: Callable[[Any], Bools]


def only_numbers(texts: list[str | None]) -> list[str | None]:
    """E.164 numbers as they are, other texts as None. One search covers all of them where all are valid, since most are different."""
    joined = "".join([f"{number}\n" for number in texts if number is not None])
    if joined.count("\n") == len(texts) - texts.count(None) and re.fullmatch(f"(?:{MSISDN}\n)*", joined):
        return texts
    compiled = re.compile(MSISDN)
    return [number if number is not None and compiled.fullmatch(number) else None for number in texts]


ENVELOPE_REPAIRS = (Repair("msisdn", only_numbers, "bad_msisdn", "e164"),)


class Envelope(msgspec.Struct, kw_only=True, frozen=True, gc=False, tag_field="record_type"):
    """The fields of all raw records. Keyed by `customer_id`; unknown fields are ignored."""

    code: ClassVar[str]
    topic: ClassVar[str]
    RULES: ClassVar[tuple[Rule, ...]] = ()
    REPAIRS: ClassVar[tuple[Repair, ...]] = ENVELOPE_REPAIRS
    NOTES: ClassVar[tuple[Note, ...]] = ()

    record_id: Id
    """CloudEvents `id`; 3GPP `callReference` and `localSequenceNumber`. Unique within `source_system`."""
    schema_version: Annotated[int, Meta(ge=1, le=MOST_VERSION)]
    """CloudEvents `dataschema`; 1 is understood."""
    source_system: Id
    """CloudEvents `source`; TMF688 `reportingSystem`."""
    event_time: EventTime
    """CloudEvents `time`; TMF688 `timeOccurred`: when the fact was complete."""
    ingest_time: Time | None = None
    """CloudEvents extension `recordedtime`; never read by a rule."""
    customer_id: Id
    """TMF629 `Customer.id`; the Kafka key."""
    account_id: Id | None = None
    """TMF666 `BillingAccount.id`."""
    subscription_id: Id | None = None
    """TMF637 `Product.id` of the line; never reused."""
    msisdn: str | None = None
    """CAMARA `phoneNumber`, 3GPP `servedMSISDN`; shown, never a key. What is no E.164 number is read as null."""
    action: Literal["new", "correction", "reversal"] = "new"
    """TMF635 `status`: rerated, rejected."""
    ref_record_id: Id | None = None
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
    given_ones: Bools = r.has(name)
    return given_ones


def among(column: npt.NDArray[np.int64], *texts: str) -> Bools:
    """Where a text is one of `texts`."""
    return np.isin(column, [code(text) for text in texts])


def implies(condition: Bools, consequence: Bools) -> Bools:
    """Where `consequence` holds or `condition` does not."""
    return ~condition | consequence


_matched: dict[tuple[str, int], bool] = {}
MOST_MATCHED = 1_000_000
_usual: dict[str, tuple[int, ...]] = {}
"""By pattern, the texts of the last column of few different ones; all of them match."""
MOST_USUAL = 8


def matches(pattern: str, column: npt.NDArray[np.int64], check: Callable[[str], bool] | None = None) -> Bools:
    """Where a text is not given or matches `pattern` (and passes `check`); each different text is looked at once."""
    if len(_matched) > MOST_MATCHED:
        _matched.clear()
    usual = column == 0
    for number in _usual.get(pattern, ()) if check is None else ():
        usual |= column == number
    if usual.all():
        return usual
    compiled = re.compile(pattern)
    texts = column.tolist()
    distinct = set(texts)
    for number in distinct:
        if (pattern, number) not in _matched:
            given_text = text_of(number) if number else ""
            _matched[pattern, number] = not number or (compiled.fullmatch(given_text) is not None and (check is None or check(given_text)))
    if all(_matched[pattern, number] for number in distinct):
        if len(distinct) <= MOST_USUAL and check is None:
            _usual[pattern] = tuple(distinct - {0})
        return np.ones(len(texts), bool)
    return np.fromiter((_matched[pattern, number] for number in texts), bool, len(texts))


def is_date(day: str) -> bool:
    """Whether a text of the form YYYY-MM-DD is a day of the calendar."""
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True


def luhn(digits: str) -> bool:
    """Whether the last digit of an IMEI is its Luhn digit (3GPP TS 23.003 annex B)."""
    doubled = [int(d) * (1 + (i % 2)) for i, d in enumerate(reversed(digits))]
    return sum(d // 10 + d % 10 for d in doubled) % 10 == 0


def with_luhn(digits: str) -> str:
    """The digits with their Luhn digit behind them."""
    return next(whole_number for last in "0123456789" if luhn(whole_number := digits + last))


ENVELOPE_RULES = (Rule("ref_record_id", "given for a correction or reversal", lambda r: implies(r.action != code("new"), has(r, "ref_record_id"))),)
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
