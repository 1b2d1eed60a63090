"""What prepaid customers do with their money besides use and top-ups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.simulation.bills import paid
from streams.simulation.offerings import CURRENCY
from streams.simulation.times import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.simulation.customer import Customer
    from streams.simulation.happenings import Happenings
    from streams.simulation.records import Record


def gift_money(customer: Customer, midnight: int) -> Iterator[Record]:
    """Promotional money that lapses after some days."""
    if customer.postpaid:
        return
    at, amount = customer.at(midnight), customer.chance.choice((500, 1000, 2000))
    until = midnight + customer.chance.randrange(4, 15) * DAY
    bucket = {"bucket_id": customer.token("promo"), "bucket_kind": "money", "main": False, "unit": "minor", "currency": CURRENCY, "valid_from": at, "valid_until": until}
    yield customer.record("balance_change", "ocs-1", at, operation="grant", delta=amount, balance_after=amount, **bucket)
    if customer.chance.random() < 0.3:  # unused money lapses; other customers have used it up
        yield customer.record("balance_change", "ocs-1", until, operation="expire", delta=-amount, balance_after=0, **bucket)
        return
    spent = customer.at(until - DAY, 18, 23)
    yield customer.record("balance_change", "ocs-1", spent, operation="charge", charge_reason="data", delta=-amount, balance_after=0, **bucket)


def transfer(customer: Customer, midnight: int) -> Iterator[Record]:
    """Gives some of the balance to another line."""
    if not customer.postpaid:
        yield customer.money(customer.at(midnight), "transfer_out", -customer.chance.choice((300, 500, 1000)), counterpart=customer.party())


def robbed(customer: Customer, midnight: int) -> Iterator[Record]:
    """Someone else has got a SIM of the line, tops up with a stolen card, and moves the money on."""
    if customer.postpaid:
        return
    at = customer.at(midnight, 9, 12)
    yield customer.sim(at, "unknown")
    yield customer.money(at + 40 * MINUTE, "topup", 10_000, channel="web")
    yield customer.money(at + 2 * HOUR, "transfer_out", -9000, counterpart=customer.party())


def refused(customer: Customer, midnight: int) -> Iterator[Record]:
    """Tries to recharge with a card that is refused, two or three times within minutes."""
    if customer.postpaid:
        return
    at, recharge = customer.at(midnight, 9, 21), {"amount_minor": 5000, "currency": CURRENCY}
    for number in range(customer.chance.randrange(2, 4)):
        yield paid(customer, at + number * 4 * MINUTE, recharge, "failed", purpose="topup", method="bank_card", failure_reason="card_declined")


HAPPENINGS: Happenings = ((0.006, gift_money), (0.003, transfer), (0.001, robbed), (0.002, refused))
