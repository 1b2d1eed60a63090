"""Records of topic `raw.service`: orders, states, contacts, tickets, page views, devices (`docs/records.md`)."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from msgspec import Meta

from schemas.codes import NULL, code
from schemas.columns import Bools
from schemas.raw.envelope import (
    CURRENCY,
    DATE,
    ENVELOPE_REPAIRS,
    ENVELOPE_RULES,
    MSISDN,
    TAC,
    AppCategory,
    Cell,
    Channel,
    Currency,
    Date,
    Envelope,
    Id,
    Millis,
    Minor,
    Repair,
    Rule,
    Seconds,
    Tac,
    Text64,
    Text128,
    Time,
    among,
    given,
    implies,
    is_date,
    luhn,
    matches,
    present,
    whole,
    with_luhn,
)


class ProductOrder(Envelope, kw_only=True, frozen=True, gc=False, tag="product_order"):
    """One order item at one state (TMF622 ProductOrder)."""

    code: ClassVar[str] = "O"
    topic: ClassVar[str] = "raw.service"

    order_id: Id
    """TMF622 `ProductOrder.id`."""
    item_id: Id = "1"
    """TMF622 `productOrderItem.id`."""
    order_state: Literal["acknowledged", "rejected", "pending", "held", "inProgress", "cancelled", "completed", "failed", "partial"]
    """How far it is; TMF622 `ProductOrderStateType`."""
    item_action: Literal["add", "modify", "delete"]
    """Whether the offering is added, changed or taken away."""
    offering_id: Id
    """What is ordered; TMF622 `productOffering.id`."""
    offering_kind: Literal["plan", "addon", "data_pack", "roaming_pack", "vas", "device", "family", "broadband", "other"]
    """What kind of offering."""
    previous_offering_id: Id | None = None
    """What it replaces."""
    price_minor: Minor | None = None
    """Its price, by the month if `price_recurring`."""
    currency: Currency | None = None
    """Of the price."""
    price_recurring: bool = False
    """Whether it is paid every month."""
    term_start: Time | None = None
    """When it begins to hold; TMF622 `itemTerm`."""
    term_end: Time | None = None
    """When it ends; TMF622 `itemTerm`."""
    channel: Channel
    """Where it was ordered."""
    reason: Text64 | None = None
    """Why it was cancelled; TMF622 `cancellationReason`."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        *ENVELOPE_RULES,
        Rule("currency", "ISO 4217, given with price_minor", lambda r: matches(CURRENCY, r.currency) & implies(present(r.price_minor), given(r.currency))),
        Rule(
            "previous_offering_id",
            "given when a plan is modified",
            lambda r: implies((r.item_action == code("modify")) & (r.offering_kind == code("plan")), given(r.previous_offering_id)),
        ),
        Rule("term_end", "term_start < term_end", lambda r: implies(present(r.term_start) & present(r.term_end), r.term_start < r.term_end)),
    )


STATES: dict[str, tuple[str, frozenset[str] | str | None]] = {
    "line.status": ("line", frozenset({"created", "pendingActive", "active", "suspended", "pendingTerminate", "terminated"})),
    "line.number": ("line", MSISDN),
    "line.owner": ("line", None),
    "line.port": ("line", frozenset({"auth_code_issued", "out_requested", "out_cancelled", "out_done", "in_done"})),
    "agreement.status": ("agreement", frozenset({"inProcess", "approved", "rejected", "expired", "terminated"})),
    "agreement.end_date": ("agreement", DATE),
    "customer.tier": ("customer", None),
    "customer.city": ("customer", None),
    "customer.birth_date": ("customer", DATE),
    "customer.marketing_consent": ("customer", frozenset({"granted", "withdrawn"})),
    "customer.email": ("customer", frozenset({"set", "unset"})),
    "customer.kyc": ("customer", frozenset({"pending", "verified", "failed"})),
}
"""Attribute to its entity and the values it can have: a set, a pattern, or anything."""


def entity_fits(r: Any) -> Bools:
    """Whether the attribute is one of the entity's, and the entity is the record's own."""
    fits = np.logical_or.reduce([(r.attribute == code(attribute)) & (r.entity == code(entity)) for attribute, (entity, _) in STATES.items()])
    own = np.where(r.entity == code("line"), r.subscription_id, np.where(r.entity == code("customer"), r.customer_id, r.entity_id))
    return np.asarray(fits & (own == r.entity_id))


def values_fit(r: Any) -> Bools:
    """Whether old and new values are ones the attribute can have."""
    holds = np.ones(len(r), bool)
    for attribute, (_, allowed) in STATES.items():
        here = np.flatnonzero(r.attribute == code(attribute))
        for column in (r.old_value[here], r.new_value[here]) if len(here) and allowed is not None else ():
            fits = matches(allowed, column, is_date if allowed == DATE else None) if isinstance(allowed, str) else ~given(column) | among(column, *allowed or ())
            holds[here] &= fits
    return holds


class StateChange(Envelope, kw_only=True, frozen=True, gc=False, tag="state_change"):
    """A changed attribute or life-cycle state of a line, agreement or customer (TMF637, TMF651, TMF629 change events)."""

    code: ClassVar[str] = "L"
    topic: ClassVar[str] = "raw.service"

    entity: Literal["line", "agreement", "customer"]
    """What has changed."""
    entity_id: Id
    """Of a line its subscription_id, of a customer the customer_id."""
    attribute: Literal[
        "line.status",
        "line.number",
        "line.owner",
        "line.port",
        "agreement.status",
        "agreement.end_date",
        "customer.tier",
        "customer.city",
        "customer.birth_date",
        "customer.marketing_consent",
        "customer.email",
        "customer.kyc",
    ]
    """Which property of it."""
    old_value: Id | None = None
    """The value before."""
    new_value: Id
    """The value now."""
    reason: Text64 | None = None
    """TMF637 `statusReason`."""
    channel: Channel | None = None
    """Where the change was made."""
    valid_until: Date | None = None
    """TMF651 `agreementPeriod.endDateTime`."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        *ENVELOPE_RULES,
        Rule("entity_id", "the attribute's entity; a line's subscription_id, a customer's customer_id", entity_fits),
        Rule("new_value", "a value of the attribute", values_fit),
        Rule("old_value", "differs from new_value", lambda r: r.old_value != r.new_value),
        Rule(
            "customer_id",
            "the old owner's: line.owner comes under the key of the customer that gives the line away",
            lambda r: (r.attribute != code("line.owner")) | (r.new_value != r.customer_id),
            "owner_key",
        ),
    )


class Interaction(Envelope, kw_only=True, frozen=True, gc=False, tag="interaction"):
    """A contact with the customer, in or out, at one status (TMF683 PartyInteraction)."""

    code: ClassVar[str] = "C"
    topic: ClassVar[str] = "raw.service"

    interaction_id: Id
    """The records of one contact share it; TMF683 `PartyInteraction.id`."""
    direction: Literal["inbound", "outbound"]
    """Whether the customer came (inbound) or was approached."""
    channel: Channel
    """The touchpoint."""
    status: Literal["opened", "inProgress", "completed"]
    """How far it is."""
    reason: Literal["billing", "network", "product", "complaint", "cancel", "port_out", "roaming", "device", "praise", "offer", "balance_query", "other"]
    """What it is about."""
    start_time: Time
    """TMF683 `interactionDate.startDateTime`."""
    duration_s: Seconds | None = None
    """How long it lasted."""
    wait_s: Seconds | None = None
    """How long the customer waited."""
    resolution: Literal["resolved", "unresolved", "abandoned", "accepted", "declined", "no_response"] | None = None
    """How it ended."""
    csat: Annotated[int, whole("1", ge=1, le=5)] | None = None
    """The mark that the customer gave, 5 is best."""
    offering_id: Id | None = None
    """What was offered."""
    city_code: Id | None = None
    """The city of the store."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        *ENVELOPE_RULES,
        Rule("start_time", "start_time <= event_time", lambda r: r.start_time <= r.event_time),
        Rule(
            "resolution",
            "given when completed; accepted, declined, no_response only for an offer",
            lambda r: implies(r.status == code("completed"), given(r.resolution)) & implies(among(r.resolution, "accepted", "declined", "no_response"), r.reason == code("offer")),
        ),
        Rule("offering_id", "given for an offer", lambda r: implies(r.reason == code("offer"), given(r.offering_id))),
    )


class TroubleTicket(Envelope, kw_only=True, frozen=True, gc=False, tag="trouble_ticket"):
    """A trouble ticket at one status (TMF621 TroubleTicket)."""

    code: ClassVar[str] = "T"
    topic: ClassVar[str] = "raw.service"

    ticket_id: Id
    """The records of one ticket share it; TMF621 `TroubleTicket.id`."""
    ticket_type: Literal["incident", "complaint", "request"]
    """TMF621 `ticketType`."""
    status: Literal["acknowledged", "rejected", "pending", "held", "inProgress", "cancelled", "resolved", "closed"]
    """How far it is; TMF621 `TroubleTicketStatusType`."""
    category: Literal["network", "billing", "product", "device", "service", "other"]
    """What it is about."""
    severity: Literal["critical", "major", "minor"] = "minor"
    """TMF621 `severity`."""
    channel: Channel | None = None
    """Where it was opened."""
    creation_date: Time
    """When it was opened; TMF621 `creationDate`."""
    expected_resolution_date: Time | None = None
    """Until when it was promised to be solved; TMF621 `expectedResolutionDate`."""
    cell_id: Cell | None = None
    """Where the trouble is."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        *ENVELOPE_RULES,
        Rule("creation_date", "creation_date <= event_time", lambda r: r.creation_date <= r.event_time),
        Rule(
            "expected_resolution_date",
            ">= creation_date",
            lambda r: (r.expected_resolution_date == NULL) | (r.expected_resolution_date >= r.creation_date),
        ),
    )


PageCategory = Literal[
    "home", "login", "account", "bill", "topup", "usage", "plan_list", "plan_detail", "device_detail", "roaming", "vas",
    "cart", "checkout", "order_done", "help", "complaint", "cancel", "port_out", "promo", "search", "error", "other",
]  # fmt: skip
Referrer = Literal[
    "home", "login", "account", "bill", "topup", "usage", "plan_list", "plan_detail", "device_detail", "roaming", "vas",
    "cart", "checkout", "order_done", "help", "complaint", "cancel", "port_out", "promo", "search", "error", "other", "external",
]  # fmt: skip


class PageView(Envelope, kw_only=True, frozen=True, gc=False, tag="page_view"):
    """Logged-in behaviour in the operator's web, app or mini-program."""

    code: ClassVar[str] = "W"
    topic: ClassVar[str] = "raw.service"

    view_id: Id | None = None
    """Of this one view."""
    platform: Literal["web", "app", "mini_program"]
    """Where it was seen."""
    visitor_id: Id | None = None
    """A token of the browser or device."""
    page: Text128
    """The path alone, no query."""
    page_category: PageCategory
    """What the page is about."""
    outcome: Literal["view", "click", "submit", "error"] = "view"
    """What the customer did on it."""
    offering_id: Id | None = None
    """The offering that it shows."""
    dwell_ms: Millis | None = None
    """How long it was looked at."""
    referrer_category: Referrer | None = None
    """The page before it."""

    RULES: ClassVar[tuple[Rule, ...]] = (*ENVELOPE_RULES, Rule("page", "a path without query", lambda r: matches(r"[^?]+", r.page)))


IMEI = r"[0-9]{15}|(?![0-9]+$).{1,64}"
ICCID = r"[0-9]{18,20}|(?![0-9]+$).{1,64}"


def phone_fits(r: Any) -> Bools:
    """Whether IMEIs are tokens, or 15 digits with a Luhn digit, and TACs 8 digits."""
    return imei(r.new_imei) & imei(r.old_imei) & matches(TAC, r.new_tac) & matches(TAC, r.old_tac)


def imei(column: Any) -> Bools:
    """Where an IMEI is 15 digits with a Luhn digit, or a token, which is not all digits."""
    return matches(IMEI, column, lambda given_text: luhn(given_text) if re.fullmatch("[0-9]+", given_text) else True)


def without_version(imeis: list[str | None]) -> list[str | None]:
    """An IMEISV of 16 digits as the IMEI of its device: the first 14 digits and their Luhn digit; others as they are."""
    return [with_luhn(given_imei[:14]) if given_imei is not None and re.fullmatch("[0-9]{16}", given_imei) else given_imei for given_imei in imeis]


class DeviceChange(Envelope, kw_only=True, frozen=True, gc=False, tag="device_change"):
    """Another terminal or SIM in use (CAMARA device-swap, sim-swap)."""

    code: ClassVar[str] = "X"
    topic: ClassVar[str] = "raw.service"

    subscription_id: Id
    change_type: Literal["device", "sim", "esim_profile"]
    """What was changed."""
    old_imei: Id | None = None
    """The phone before; may be a token."""
    new_imei: Id | None = None
    """3GPP `servedIMEI`, PEI; may be a token. An IMEISV is read as the IMEI of its device."""
    old_tac: Tac | None = None
    """The model before."""
    new_tac: Tac | None = None
    """The model: the first 8 digits of the IMEI."""
    old_iccid: Id | None = None
    """The SIM before; may be a token."""
    new_iccid: Id | None = None
    """The SIM now; may be a token."""
    sim_form: Literal["uicc", "euicc"] | None = None
    """A SIM card (uicc), or built in (euicc); GSMA SGP.22."""
    reason: Literal["lost", "damaged", "upgrade", "swap", "unknown"] = "unknown"
    """Why it was changed."""

    REPAIRS: ClassVar[tuple[Repair, ...]] = (
        *ENVELOPE_REPAIRS,
        Repair("old_imei", without_version, keeps="not 16 digits"),
        Repair("new_imei", without_version, keeps="not 16 digits"),
    )
    RULES: ClassVar[tuple[Rule, ...]] = (
        *ENVELOPE_RULES,
        Rule("new_imei", "new_imei and new_tac, given for a device", lambda r: implies(r.change_type == code("device"), given(r.new_imei) & given(r.new_tac))),
        Rule("imei", "IMEI with Luhn digit, IMEISV or token; TAC of 8 digits", phone_fits),
        Rule("old_imei", "differs from new_imei", lambda r: ~given(r.old_imei) | (r.old_imei != r.new_imei)),
        Rule(
            "new_iccid",
            "new_iccid and sim_form, given for a SIM",
            lambda r: implies(among(r.change_type, "sim", "esim_profile"), given(r.new_iccid) & given(r.sim_form)),
        ),
        Rule(
            "iccid",
            "18 to 20 digits, or a token",
            lambda r: matches(ICCID, r.new_iccid) & matches(ICCID, r.old_iccid),
        ),
    )


__all__ = ["AppCategory", "DeviceChange", "Interaction", "Meta", "PageView", "ProductOrder", "StateChange", "TroubleTicket"]
