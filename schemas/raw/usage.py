"""Records of topic `raw.usage`: what the customer used (`docs/records.md`)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from schemas.codes import code
from schemas.raw.envelope import (
    CHARGE_RULES,
    COMMAND,
    CURRENCY,
    ENVELOPE_RULES,
    PARTY_RULES,
    ROAMING_RULES,
    AppCategory,
    Bytes,
    CallSeconds,
    Cell,
    Count,
    Country,
    Currency,
    Envelope,
    Id,
    Minor,
    PartyClass,
    Plmn,
    Rat,
    RatingTag,
    Rule,
    SessionSeconds,
    Text64,
    Time,
    among,
    exactly,
    given,
    implies,
    matches,
    present,
    whole,
)


class VoiceUsage(Envelope, kw_only=True, frozen=True, gc=False, tag="voice_usage"):
    """One finished or failed call leg of the line (3GPP TS 32.298 MOCallRecord, MTCallRecord). `event_time` is `releaseTime`."""

    code: ClassVar[str] = "V"
    topic: ClassVar[str] = "raw.usage"

    subscription_id: Id
    direction: Literal["mo", "mt", "forwarded"]
    """Made (mo), received (mt) or forwarded; 32.298 `recordType`."""
    bearer: Literal["cs", "volte", "vonr", "vowifi"] = "cs"
    """32.298 `basicService`, or an IMS record."""
    other_party: Id | None = None
    """32.298 `calledNumber` or `callingNumber`; may be a keyed hash. Null: withheld."""
    call_id: Id | None = None
    """32.298 `callReference`, IMS ICID: legs of one call share it."""
    other_class: PartyClass
    """Whom the other number belongs to."""
    other_country: Country | None = None
    """The country of the other number."""
    start_time: Time
    """When it was dialled; 32.298 `seizureTime`."""
    answer_time: Time | None = None
    """32.298 `answerTime`."""
    duration_s: CallSeconds
    """How long they talked; 32.298 `callDuration`."""
    outcome: Literal["answered", "no_answer", "busy", "failed", "dropped"]
    """From 32.298 `CauseForTerm`."""
    cause_for_term: Annotated[int, whole("1", le=255)] | None = None
    """32.298 `CauseForTerm`."""
    roaming: bool
    """Whether it was used in a foreign network; CAMARA `roaming`."""
    visited_plmn: Plmn | None = None
    """The network that it was used in; 3GPP `servingNodePLMNIdentifier`."""
    cell_id: Cell | None = None
    """Where it was used."""
    rating_tag: RatingTag | None = None
    """Whether an allowance covered it; TMF635 `usageRatingTag`."""
    charge_minor: Minor | None = None
    """What it cost, tax included; TMF635 `taxIncludedRatingAmount`."""
    currency: Currency | None = None
    """Of the charge."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        *ENVELOPE_RULES,
        *PARTY_RULES,
        *ROAMING_RULES,
        *CHARGE_RULES,
        Rule("start_time", "start_time <= event_time", lambda r: r.start_time <= r.event_time),
        Rule("answer_time", "given if and only if answered or dropped", lambda r: present(r.answer_time) == among(r.outcome, "answered", "dropped")),
        Rule(
            "answer_order",
            "start_time <= answer_time <= event_time",
            lambda r: implies(present(r.answer_time), (r.start_time <= r.answer_time) & (r.answer_time <= r.event_time)),
        ),
        Rule("duration_s", "0 unless answered or dropped", lambda r: (r.duration_s == 0) | among(r.outcome, "answered", "dropped")),
    )


class MessageUsage(Envelope, kw_only=True, frozen=True, gc=False, tag="message_usage"):
    """One SMS or MMS to or from one party (3GPP TS 32.298 SCSMORecord, MMO1SRecord)."""

    code: ClassVar[str] = "M"
    topic: ClassVar[str] = "raw.usage"

    subscription_id: Id
    kind: Literal["sms", "mms"]
    """Text or picture message."""
    direction: Literal["mo", "mt"]
    """Sent (mo) or received (mt)."""
    other_party: Id | None = None
    """32.298 `recipientInfo`, `originatorInfo`."""
    other_class: PartyClass
    """Whom the other number belongs to."""
    other_country: Country | None = None
    """The country of the other number."""
    command: Annotated[str, Meta(pattern=exactly(COMMAND))] | None = None
    """The keyword sent to the own hotline, in capitals."""
    message_size: Annotated[int, whole("byte", ge=1, le=5_000_000)] | None = None
    """32.298 `messageSize`."""
    result: Literal["delivered", "failed", "expired"]
    """32.298 `sMSResult`."""
    roaming: bool
    """Whether it was used in a foreign network; CAMARA `roaming`."""
    visited_plmn: Plmn | None = None
    """The network that it was used in; 3GPP `servingNodePLMNIdentifier`."""
    cell_id: Cell | None = None
    """Where it was used."""
    rating_tag: RatingTag | None = None
    """Whether an allowance covered it; TMF635 `usageRatingTag`."""
    charge_minor: Minor | None = None
    """What it cost, tax included; TMF635 `taxIncludedRatingAmount`."""
    currency: Currency | None = None
    """Of the charge."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        *ENVELOPE_RULES,
        *PARTY_RULES,
        *ROAMING_RULES,
        *CHARGE_RULES,
        Rule(
            "command",
            "only from the customer to the own hotline",
            lambda r: implies(given(r.command), (r.other_class == code("own_hotline")) & (r.direction == code("mo"))),
        ),
    )


class DataUsage(Envelope, kw_only=True, frozen=True, gc=False, tag="data_usage"):
    """One closed charging record of a data session (3GPP TS 32.298 PGWRecord, ChargingRecord of a CHF)."""

    code: ClassVar[str] = "D"
    topic: ClassVar[str] = "raw.usage"

    subscription_id: Id
    session_id: Id
    """The parts of a session share it; 32.298 `chargingID`, `pDUSessionChargingID`."""
    part: Count = 0
    """Which part of the session; 32.298 `recordSequenceNumber`."""
    start_time: Time
    """When the session, or this part of it, began; 32.298 `recordOpeningTime`."""
    duration_s: SessionSeconds
    """How long the session was open."""
    uplink_bytes: Bytes
    """CHF `dataVolumeUplink`."""
    downlink_bytes: Bytes
    """CHF `dataVolumeDownlink`."""
    total_bytes: Bytes
    """Up and down together; CHF `dataTotalVolume`."""
    rat: Rat
    """The kind of network; CAMARA `ConnectedNetworkType`."""
    dnn: Id | None = None
    """The access point; 32.298 `accessPointNameNI`."""
    rating_group: Count | None = None
    """32.298 `ratingGroup`."""
    app_category: AppCategory = "other"
    """What it was mostly used for."""
    app_name: Text64 | None = None
    """The application it was mostly used for."""
    tethering: bool = False
    """Whether another device used the line."""
    close_reason: Literal["normal", "volume_limit", "time_limit", "abnormal", "other"] | None = None
    """Why the record was closed; 32.298 `causeForRecClosing`."""
    avg_kbps: Annotated[int, whole("kbit/s", le=1_000_000_000)] | None = None
    """The mean speed."""
    roaming: bool
    """Whether it was used in a foreign network; CAMARA `roaming`."""
    visited_plmn: Plmn | None = None
    """The network that it was used in; 3GPP `servingNodePLMNIdentifier`."""
    cell_id: Cell | None = None
    """Where it was used."""
    rating_tag: RatingTag | None = None
    """Whether an allowance covered it; TMF635 `usageRatingTag`."""
    charge_minor: Minor | None = None
    """What it cost, tax included; TMF635 `taxIncludedRatingAmount`."""
    currency: Currency | None = None
    """Of the charge."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        *ENVELOPE_RULES,
        *ROAMING_RULES,
        *CHARGE_RULES,
        Rule("start_time", "start_time <= event_time", lambda r: r.start_time <= r.event_time),
        Rule("duration_s", "event_time - start_time, to 1 s", lambda r: abs(r.event_time - r.start_time - 1000 * r.duration_s) <= 1000),
        Rule("total_bytes", "uplink_bytes + downlink_bytes", lambda r: r.total_bytes == r.uplink_bytes + r.downlink_bytes),
    )


class VasUsage(Envelope, kw_only=True, frozen=True, gc=False, tag="vas_usage"):
    """A value-added service consumed, or bought once (TMF635 Usage)."""

    code: ClassVar[str] = "S"
    topic: ClassVar[str] = "raw.usage"

    subscription_id: Id
    service_code: Id
    """TMF635 `usageSpecification.id`."""
    service_category: Literal["music", "video", "reading", "game", "cloud", "ringback", "payment", "other"]
    """What kind of service."""
    provider_id: Id | None = None
    """Who provides it."""
    offering_id: Id | None = None
    """The offering that it belongs to."""
    quantity: Annotated[int, whole("1", ge=1, le=1_000_000)]
    """CHF `serviceSpecificUnits`."""
    charge_minor: Minor
    """What it cost, tax included; TMF635 `taxIncludedRatingAmount`."""
    currency: Currency
    """Of the charge."""

    RULES: ClassVar[tuple[Rule, ...]] = (*ENVELOPE_RULES, Rule("currency", "ISO 4217", lambda r: matches(CURRENCY, r.currency)))
