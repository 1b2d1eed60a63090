"""Visits to the operator's web and app beyond a look at the account, and paid content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.simulation.offerings import DATA_PACKS, PHONE, PLANS
from streams.simulation.orders import bought
from streams.simulation.times import DAY, MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.simulation.customer import Customer
    from streams.simulation.happenings import Happenings
    from streams.simulation.records import Record

CONTENT = {"song": "music", "episode": "video", "chapter": "reading", "level": "game"}
"""Category by code of the service."""


def compares_plans(customer: Customer, midnight: int) -> Iterator[Record]:
    """Looks at plan after plan."""
    at = customer.at(midnight, 9, 22)
    yield customer.view(at, "plan_list")
    for number, plan in enumerate(PLANS, 1):
        yield customer.view(at + number * 2 * MINUTE, "plan_detail", page=f"/plans/{plan.id}", offering_id=plan.id, dwell_ms=60_000)


def looks_again(customer: Customer, midnight: int) -> Iterator[Record]:
    """Looks at the same phone on each of three days."""
    for number in range(3):
        yield customer.view(customer.at(midnight + number * DAY), "device_detail", page=f"/phones/{PHONE.id}", offering_id=PHONE.id, dwell_ms=30_000)


def cart(customer: Customer, midnight: int) -> Iterator[Record]:
    """Puts a pack into the cart: half of them buy it, others leave it there, or the checkout fails."""
    at, pack = customer.at(midnight, 9, 22), customer.chance.choice(DATA_PACKS)
    yield customer.view(at, "cart", offering_id=pack.id)
    end = customer.chance.choices(("bought", "left", "error"), (5, 3, 2))[0]
    if end == "left":
        return
    yield customer.view(at + MINUTE, "checkout", offering_id=pack.id, outcome="submit" if end == "bought" else "error")
    if end == "bought":
        yield customer.view(at + 2 * MINUTE, "order_done", offering_id=pack.id)
        yield from bought(customer, at + 2 * MINUTE, pack)


def plans_a_journey(customer: Customer, midnight: int) -> Iterator[Record]:
    """Reads about roaming."""
    yield customer.view(customer.at(midnight), "roaming", dwell_ms=customer.chance.randrange(2000, 90_000))


def buys_content(customer: Customer, midnight: int) -> Iterator[Record]:
    """A song, an episode, a chapter, a level: some buy one, some one a day for some days."""
    for number in range(customer.chance.choices((1, 4), (4, 1))[0]):
        yield customer.content(customer.at(midnight + number * DAY), customer.favourite, CONTENT[customer.favourite], 200)


HAPPENINGS: Happenings = ((0.004, compares_plans), (0.002, looks_again), (0.006, cart), (0.004, plans_a_journey), (0.01, buys_content))
