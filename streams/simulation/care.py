"""Contacts with the operator: calls to the hotline, visits to stores, tickets, and offers that are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.simulation.offerings import DATA_PACKS
from streams.simulation.times import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.simulation.customer import Customer
    from streams.simulation.happenings import Happenings
    from streams.simulation.records import Record

REASONS = ("billing", "network", "product", "roaming", "device")
CATEGORIES = ("network", "billing", "product", "device", "service")


def hotline(customer: Customer, midnight: int) -> Iterator[Record]:
    """One contact that solves the problem, or three that do not."""
    chance, reason = customer.chance, customer.chance.choice(REASONS)
    for _ in range(chance.choices((1, 3), (5, 1))[0]):
        resolution, wait = chance.choices(("unresolved", "resolved", "abandoned"), (60, 30, 10))[0], chance.randrange(10, 300)
        rating = {"csat": chance.choices((1, 2, 3, 4, 5), (2, 1, 2, 3, 3))[0]} if resolution != "abandoned" and chance.random() < 0.3 else {}
        yield from customer.contact(customer.at(midnight, 9, 20), chance.choice(("ivr", "call_agent", "chat")), reason, resolution, 300 + wait, wait_s=wait, **rating)


def store(customer: Customer, midnight: int) -> Iterator[Record]:
    """A visit to a store of the city."""
    at = customer.at(midnight, 10, 19)
    yield from customer.contact(at, customer.chance.choice(("store", "kiosk")), customer.chance.choice(REASONS), "resolved", 900, city_code=customer.home)


def help_in_vain(customer: Customer, midnight: int) -> Iterator[Record]:
    """The help pages do not help: a call."""
    at = customer.at(midnight, 9, 20)
    yield customer.view(at, "help", page=f"/help/{customer.chance.choice(REASONS)}", dwell_ms=90_000)
    yield from customer.contact(at + customer.chance.randrange(3, 25) * MINUTE, "call_agent", customer.chance.choice(REASONS), "resolved")


def ticket(customer: Customer, midnight: int, *, at: int | None = None, kind: str | None = None, category: str | None = None) -> Iterator[Record]:
    """A ticket that is solved in time, late or, as far as one can see, never."""
    chance = customer.chance
    opened = customer.at(midnight, 9, 20) if at is None else at
    promised = opened + chance.choice((24, 48, 72)) * HOUR
    base = {
        "ticket_id": customer.token("TT"),
        "ticket_type": kind or chance.choice(("complaint", "incident", "request")),
        "category": category or chance.choice(CATEGORIES),
        "channel": "call_agent",
        "creation_date": opened,
        "expected_resolution_date": promised,
    }
    yield customer.record("trouble_ticket", "tt-1", opened, status="acknowledged", **base)
    yield customer.record("trouble_ticket", "tt-1", opened + HOUR, status="inProgress", **base)
    if chance.random() < 0.9:
        took = chance.randrange(2, 24) if chance.random() < 0.6 else chance.randrange(50, 170)
        if took > 72 and base["ticket_type"] == "complaint":  # asks in a store where it stands
            yield from customer.contact(opened + 49 * HOUR, "store", "complaint", "unresolved", 900, city_code=customer.home)
        yield customer.record("trouble_ticket", "tt-1", opened + took * HOUR, status="resolved", **base)
        yield customer.record("trouble_ticket", "tt-1", opened + took * HOUR + DAY, status="closed", **base)


def offer(customer: Customer, midnight: int) -> Iterator[Record]:
    """An offer by message: most people do not want it."""
    at, answer = customer.at(midnight, 10, 20), customer.chance.choices(("declined", "no_response", "accepted"), (4, 4, 2))[0]
    if customer.consents:
        yield from customer.contact(at, "sms", "offer", answer, 3600, direction="outbound", offering_id=customer.chance.choice(DATA_PACKS).id)


HAPPENINGS: Happenings = ((0.03, hotline), (0.003, store), (0.003, help_in_vain), (0.008, ticket), (0.05, offer))
