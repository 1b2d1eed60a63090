"""Records of topic `raw.billing`: balances, bills and payments (`docs/records.md`)."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from msgspec import Meta

from schemas.codes import NULL, code
from schemas.columns import Bools
from schemas.raw.envelope import (
    CURRENCY,
    ENVELOPE_RULES,
    MOST_MONEY,
    MOST_QUANTITY,
    Channel,
    Count,
    Currency,
    Date,
    Envelope,
    Id,
    Minor,
    Note,
    PayChannel,
    Quantity,
    Rule,
    SignedMinor,
    Text64,
    Time,
    among,
    given,
    has,
    implies,
    matches,
    present,
    text,
    whole,
)

UNITS = {"money": "minor", "credit": "minor", "data": "byte", "voice": "second", "sms": "message", "points": "point"}


def unit_fits(r: Any) -> Bools:
    """Whether `unit` is the one of the bucket's kind."""
    return np.logical_or.reduce([(r.bucket_kind == code(kind)) & (r.unit == code(unit)) for kind, unit in UNITS.items()])


class BalanceChange(Envelope, kw_only=True, frozen=True, gc=False, tag="balance_change"):
    """One effect on one prepaid balance, allowance or credit bucket (TMF654 Bucket and its operations).

    The balance before is `balance_after - delta`.
    """

    code: ClassVar[str] = "B"
    topic: ClassVar[str] = "raw.billing"

    account_id: Id
    bucket_id: Id
    """Which balance or allowance of the line; TMF654 `Bucket.id`."""
    bucket_kind: Literal["money", "data", "voice", "sms", "points", "credit"]
    """What it holds: money, an allowance, points, or postpaid credit left; TMF654 `Bucket.usageType`."""
    main: bool = True
    """False for promotional money."""
    unit: Literal["minor", "byte", "second", "message", "point"]
    """What `delta` and `balance_after` are counted in; TMF654 `Quantity.units`."""
    currency: Currency | None = None
    """Of money and credit."""
    operation: Literal["charge", "topup", "adjust_credit", "adjust_debit", "transfer_in", "transfer_out", "grant", "expire"]
    """What was done; TMF654 `TopupBalance`, `AdjustBalance.adjustType`, `TransferBalance`."""
    delta: Quantity
    """The change: below zero for what is taken; TMF654 `amount`, with the sign of the operation."""
    balance_after: Quantity
    """What is left behind it; the balance before is this less `delta`; TMF654 `remainingValue`."""
    bucket_initial: Annotated[int, whole("`unit`", ge=1, le=MOST_QUANTITY)] | None = None
    """The size it was granted with."""
    valid_from: Time | None = None
    """When it begins to hold; TMF654 `Bucket.validFor`."""
    valid_until: Time | None = None
    """When it lapses; TMF654 `Bucket.validFor`."""
    offering_id: Id | None = None
    """What granted it."""
    shared: bool = False
    """Whether several lines use it; TMF654 `isShared`."""
    charge_reason: Literal["voice", "sms", "data", "vas", "recurring", "purchase", "other"] | None = None
    """What was paid for."""
    channel: Channel | None = None
    """Where it was done."""
    auto: bool = False
    """Whether it was an automatic top-up; TMF654 `isAutoTopup`."""
    counterpart: Id | None = None
    """The other side of a transfer; TMF654 `receiver`, `requestor`; may be a keyed hash."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        *ENVELOPE_RULES,
        Rule("subscription_id", "given unless bucket_kind is credit", lambda r: has(r, "subscription_id") | (r.bucket_kind == code("credit"))),
        Rule("unit", "the unit of the bucket's kind", unit_fits),
        Rule("currency", "ISO 4217, given for minor", lambda r: matches(CURRENCY, r.currency) & implies(r.unit == code("minor"), given(r.currency))),
        Rule(
            "delta",
            "<= 0 for charge, adjust_debit, transfer_out, expire, else >= 0; 0 only for charge",
            lambda r: (
                np.where(among(r.operation, "charge", "adjust_debit", "transfer_out", "expire"), r.delta <= 0, r.delta >= 0) & ((r.delta != 0) | (r.operation == code("charge")))
            ),
        ),
        Rule("balance_after", ">= 0 for data, voice, sms, points", lambda r: implies(among(r.bucket_kind, "data", "voice", "sms", "points"), r.balance_after >= 0)),
        Rule(
            "bucket_initial",
            "given for data, voice, sms, credit, and >= balance_after",
            lambda r: (
                implies(among(r.bucket_kind, "data", "voice", "sms", "credit"), present(r.bucket_initial)) & implies(present(r.bucket_initial), r.balance_after <= r.bucket_initial)
            ),
        ),
        Rule(
            "valid_until",
            "valid_from < valid_until",
            lambda r: implies(present(r.valid_from) & present(r.valid_until), r.valid_from < r.valid_until),
        ),
        Rule("charge_reason", "given for charge", lambda r: implies(r.operation == code("charge"), given(r.charge_reason))),
        Rule("counterpart", "given for a transfer", lambda r: implies(among(r.operation, "transfer_in", "transfer_out"), given(r.counterpart))),
    )


LINE = r"[a-z_]{1,32}"
MOST_LINES = 32


def lines_fit(r: Any) -> Bools:
    """Whether the lines of a bill, where given, are at most 32 and their keys well formed."""
    return np.array([lines is None or (len(lines) <= MOST_LINES and all(re.fullmatch(LINE, key) for key in lines)) for lines in r.objects("lines")], bool)


def lines_add_up(r: Any) -> Bools:
    """Whether the lines of a bill, where given, add up to the amount due."""
    return np.array([lines is None or sum(lines.values()) == due for lines, due in zip(r.objects("lines"), r.amount_due_minor.tolist(), strict=True)], bool)


class BillIssued(Envelope, kw_only=True, frozen=True, gc=False, tag="bill_issued"):
    """A published bill (TMF678 CustomerBill)."""

    code: ClassVar[str] = "I"
    topic: ClassVar[str] = "raw.billing"

    account_id: Id
    bill_id: Id
    """TMF678 `CustomerBill.id`."""
    bill_no: Id | None = None
    """The number printed on it."""
    category: Literal["normal", "interim", "last", "credit_note", "duplicate"]
    """TMF678 `category`; `normal` and `last` ask for money."""
    run_type: Literal["onCycle", "offCycle"] = "onCycle"
    """Whether it is of the regular run; TMF678 `runType`."""
    bill_date: Date
    """TMF678 `billDate`."""
    period_start: Date
    """TMF678 `billingPeriod`, both days included."""
    period_end: Date
    """TMF678 `billingPeriod`, both days included."""
    due_date: Date
    """The last day to pay; TMF678 `paymentDueDate`."""
    amount_due_minor: SignedMinor
    """TMF678 `amountDue`; below zero it is a credit to the customer."""
    remaining_minor: SignedMinor | None = None
    """What of it is still to be paid; TMF678 `remainingAmount`."""
    currency: Currency
    """Of its amounts."""
    lines: Annotated[dict[Annotated[str, text(32, 1, LINE)], SignedMinor], Meta(max_length=MOST_LINES)] | None = None
    """TMF678 `AppliedCustomerBillingRate`: category, such as recurring, tax or carried_over, to minor units."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        *ENVELOPE_RULES,
        Rule("currency", "ISO 4217", lambda r: matches(CURRENCY, r.currency)),
        Rule("period_end", "period_start <= period_end", lambda r: r.period_start <= r.period_end),
        Rule("due_date", "bill_date <= due_date", lambda r: r.bill_date <= r.due_date),
        Rule("remaining_minor", "<= amount_due_minor", lambda r: (r.remaining_minor == NULL) | (r.remaining_minor <= r.amount_due_minor)),
        Rule("lines", "at most 32 keys of 1 to 32 of a-z and _", lines_fit),
    )
    NOTES: ClassVar[tuple[Note, ...]] = (Note("bill_lines_differ", lines_add_up),)


class Payment(Envelope, kw_only=True, frozen=True, gc=False, tag="payment"):
    """A payment or refund attempt at its final status (TMF676 Payment, Refund)."""

    code: ClassVar[str] = "P"
    topic: ClassVar[str] = "raw.billing"

    account_id: Id
    payment_id: Id
    """TMF676 `Payment.id`."""
    kind: Literal["payment", "refund"]
    """Paid by the customer, or paid back."""
    status: Literal["done", "failed", "denied", "canceled"]
    """How it ended; TMF676 `status`."""
    amount_minor: Annotated[int, whole("minor unit of currency", ge=1, le=MOST_MONEY)]
    """TMF676 `totalAmount`, tax included."""
    currency: Currency
    """Of the amount."""
    purpose: Literal["bill", "topup", "purchase"]
    """What is paid; TMF676 `paymentItem`."""
    method: Literal["bank_card", "wallet", "bank_debit", "cash", "voucher", "other"]
    """TMF676 `paymentMethod`."""
    channel: PayChannel
    """Where it was paid."""
    auto: bool = False
    """Whether it was collected automatically."""
    bill_id: Id | None = None
    """The bill that is paid."""
    failure_reason: Text64 | None = None
    """Why it failed."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        *ENVELOPE_RULES,
        Rule("currency", "ISO 4217", lambda r: matches(CURRENCY, r.currency)),
        Rule("bill_id", "given when a bill is paid", lambda r: implies(r.purpose == code("bill"), given(r.bill_id))),
    )


__all__ = ["BalanceChange", "BillIssued", "Count", "Minor", "Payment"]
