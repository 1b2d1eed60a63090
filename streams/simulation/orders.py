"""Orders: packs, other plans, services on trial, phones and family plans; some get stuck."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.simulation import allowances
from streams.simulation.offerings import DATA_PACKS, FAMILY, PHONE, PLANS, ROAMING_PACKS, SERVICES, Pack
from streams.simulation.times import DAY, MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.simulation.customer import Customer
    from streams.simulation.happenings import Happenings
    from streams.simulation.records import Record


def data_pack(customer: Customer, midnight: int) -> Iterator[Record]:
    """A data pack, by one order."""
    yield from bought(customer, customer.at(midnight), customer.chance.choice(DATA_PACKS))


def bought(customer: Customer, at: int, pack: Pack) -> Iterator[Record]:
    """A pack, and its allowance where the line has allowances."""
    minutes = customer.chance.randrange(1, 20)
    yield from customer.order(at, pack, minutes)
    if customer.postpaid and pack.kind == "data_pack":
        yield allowances.add(customer, at + minutes * MINUTE + 1, pack)


def booster(customer: Customer, midnight: int) -> Iterator[Record]:
    """A pack, some time after the data allowance is used up."""
    if customer.postpaid and not any(bucket.left for bucket in customer.buckets if bucket.kind == "data") and customer.chance.random() < 0.3:
        yield from data_pack(customer, midnight)


def pack_after_pack(customer: Customer, midnight: int) -> Iterator[Record]:
    """A day pack on each of three days."""
    for number in range(3):
        yield from bought(customer, customer.at(midnight + number * DAY), DATA_PACKS[0])


def roaming_pack(customer: Customer, midnight: int) -> Iterator[Record]:
    """A pack for a journey."""
    yield from customer.order(customer.at(midnight), customer.chance.choice(ROAMING_PACKS), 5)


def other_plan(customer: Customer, midnight: int) -> Iterator[Record]:
    """A better plan, or one that costs less."""
    old = customer.plan
    customer.plan = customer.chance.choice([plan for plan in PLANS if plan is not old])
    change = {"item_action": "modify", "previous_offering_id": old.id, "price_recurring": True}
    yield from customer.order(customer.at(midnight, 9, 21), Pack(customer.plan.id, "plan", customer.plan.price, 365), customer.chance.randrange(2, 60), **change)


def trial(customer: Customer, midnight: int) -> Iterator[Record]:
    """A service for nothing, for some days."""
    at = customer.at(midnight)
    yield from customer.order(at, customer.chance.choice(SERVICES), 1, price_minor=0, term_end=at + customer.chance.randrange(4, 10) * DAY)


def phone(customer: Customer, midnight: int) -> Iterator[Record]:
    """A phone that is out of stock: delivered after days, or never."""
    at, days = customer.at(midnight, 9, 21), customer.chance.randrange(1, 6)
    yield from customer.order(at, PHONE, days * 24 * 60 if customer.chance.random() < 0.7 else None, channel="web")


def second_line(customer: Customer, midnight: int) -> Iterator[Record]:
    """A line for the child, and sometimes a family plan soon after."""
    if customer.shares:
        return
    customer.shares = True
    at, line = customer.at(midnight, 9, 19), {"subscription_id": f"{customer.line}-2", "msisdn": None}
    yield customer.state(at, "line.status", "active", "pendingActive", entity_id=line["subscription_id"], channel="store", **line)
    if customer.chance.random() < 0.7:
        yield {**customer.session(at + 90 * MINUTE, 600, 40_000_000), **line}
    if customer.chance.random() < 0.4:
        yield from customer.order(customer.at(midnight + 4 * DAY), FAMILY, 10)


HAPPENINGS: Happenings = (
    (0.010, data_pack),
    (1.0, booster),
    (0.0015, pack_after_pack),
    (0.002, roaming_pack),
    (0.003, other_plan),
    (0.003, trial),
    (0.002, phone),
    (0.0012, second_line),
)
