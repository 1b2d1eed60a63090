"""Bills of postpaid accounts, and how they are paid: in time, late, by direct debit that bounces, and not before the line is barred."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.simulation.offerings import CURRENCY
from streams.simulation.times import DAY, HOUR, MINUTE, civil, date_in, term

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.simulation.customer import Customer
    from streams.simulation.happenings import Happenings
    from streams.simulation.records import Record


def billing(customer: Customer, midnight: int) -> Iterator[Record]:
    """The bill of the period that ended yesterday, on the day of the cycle, and all that follows from it."""
    if not customer.postpaid or not is_due(customer, midnight):
        return
    amount, at = next_amount(customer), customer.at(midnight, 2, 6)
    begin = midnight - customer.period * DAY if customer.period else term(midnight - DAY, customer.cycle_day)[0]
    days = 5 if customer.period else 10  # until it is to be paid
    tax = amount * 6 // 106
    bill = {"bill_id": customer.token("BL"), "currency": CURRENCY}
    yield customer.record(
        "bill_issued", "bill-1", at, category="normal", bill_date=date_in(midnight, 0), period_start=date_in(begin, 0), period_end=date_in(midnight, -1),
        due_date=date_in(midnight, days), amount_due_minor=amount, remaining_minor=amount, lines={"recurring": amount - tax, "tax": tax}, **bill,
    )  # fmt: skip
    yield from PAYERS[customer.payer](customer, midnight, days, {"amount_minor": amount, **bill})
    if customer.chance.random() < 0.05:  # a mistake in the bill is paid back
        yield paid(customer, customer.at(midnight + (days + 4) * DAY, 9, 17), {**bill, "amount_minor": amount // 10}, kind="refund")


def is_due(customer: Customer, midnight: int) -> bool:
    """Whether the account is billed on this day."""
    today = civil(midnight)
    return today.day == customer.cycle_day if customer.period is None else (today.toordinal() - customer.cycle_day) % customer.period == 0


def next_amount(customer: Customer) -> int:
    """The amount of the next bill by the trend of the account, minor units."""
    customer.bills += 1
    match customer.trend:
        case "rising":
            customer.bill += max(600, customer.bill // 8)
            customer.trend = "rising" if customer.bill < 60_000 else "falling"
        case "falling":
            customer.bill -= max(600, customer.bill // 8)
            customer.trend = "falling" if customer.bill > 4000 else "rising"
        case "wild" if customer.bills % 4 == 0:
            return customer.bill * 5 // 2
    return customer.bill + customer.chance.randrange(40)


def paid(customer: Customer, at: int, bill: dict[str, Any], status: str = "done", **more: Any) -> Record:
    """A payment of a bill."""
    fields = {
        "payment_id": customer.token("PY"),
        "kind": "payment",
        "purpose": "bill",
        "method": customer.chance.choice(("wallet", "bank_card")),
        "channel": "app",
        "status": status,
    }
    return customer.record("payment", "pay-1", at, **{**fields, **bill, **more})


def by_debit(customer: Customer, midnight: int, days: int, bill: dict[str, Any]) -> Iterator[Record]:
    """Four days before the bill is due it is debited; where that bounces, the customer pays on the next day."""
    at = midnight + (days - 4) * DAY + 2 * HOUR
    debit: dict[str, Any] = {"auto": True, "method": "bank_debit"}
    if customer.chance.random() < 0.9:
        yield paid(customer, at, bill, **debit)
        return
    yield paid(customer, at, bill, "failed", failure_reason="insufficient_funds", **debit)
    yield paid(customer, customer.at(midnight + (days - 3) * DAY, 10, 21), bill)


def promptly(customer: Customer, midnight: int, days: int, bill: dict[str, Any]) -> Iterator[Record]:
    """Before the bill is due, sometimes at the second attempt, or in two parts."""
    at = customer.at(midnight + customer.chance.randrange(1, days) * DAY, 10, 21)
    if customer.chance.random() < 0.1:
        yield paid(customer, at - 5 * MINUTE, bill, "denied", failure_reason="card_declined")
    if customer.chance.random() < 0.1:
        half = bill["amount_minor"] // 2
        yield paid(customer, at - DAY, {**bill, "amount_minor": half})
        bill = {**bill, "amount_minor": bill["amount_minor"] - half}
    yield paid(customer, at, bill)


def late(customer: Customer, midnight: int, days: int, bill: dict[str, Any]) -> Iterator[Record]:
    """Some days after the bill was due."""
    yield paid(customer, customer.at(midnight + (days + customer.chance.randrange(2, 4)) * DAY, 11, 21), bill)


def when_barred(customer: Customer, midnight: int, days: int, bill: dict[str, Any]) -> Iterator[Record]:
    """Only after the line was barred, which is then free again within minutes."""
    barred = midnight + (days + 4) * DAY + 9 * HOUR
    at = barred + customer.chance.randrange(2, 50) * HOUR
    customer.pause(barred, at + 10 * MINUTE)
    yield customer.state(barred, "line.status", "suspended", "active", reason="nonpayment")
    yield paid(customer, at, bill)
    yield customer.state(at + 10 * MINUTE, "line.status", "active", "suspended", reason="paid")


PAYERS = {"auto": by_debit, "prompt": promptly, "late": late, "reluctant": when_barred}
HAPPENINGS: Happenings = ((1.0, billing),)
