"""Calls and messages beyond the everyday ones: abroad, to many, and those of fraud."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.simulation.places import ABROAD
from streams.simulation.times import DAY, MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.simulation.customer import Customer
    from streams.simulation.happenings import Happenings
    from streams.simulation.records import Record


def foreign(country: str, party: str) -> dict[str, Any]:
    """The other side of a call is abroad."""
    return {"other_class": "international", "other_country": country, "other_party": party}


def call_abroad(customer: Customer, midnight: int) -> Iterator[Record]:
    """A call to another country."""
    yield customer.call(customer.at(midnight), **foreign(customer.chance.choice(ABROAD)[1], customer.party()))


def family_abroad(customer: Customer, midnight: int) -> Iterator[Record]:
    """A call home on each of four days."""
    other = foreign(customer.chance.choice(ABROAD)[1], customer.party())
    for number in range(4):
        yield customer.call(customer.at(midnight + number * DAY, 18, 22), **other)


def rang_once(customer: Customer, midnight: int) -> Iterator[Record]:
    """Rings once from abroad and is called back: the number is a dear one."""
    at, other = customer.at(midnight, 9, 22), foreign("LV", f"t:w{customer.chance.randrange(99)}")
    yield customer.call(at, "mt", "no_answer", **other)
    yield customer.call(at + 9 * MINUTE, seconds=100, **other)


def calls_everywhere(customer: Customer, midnight: int) -> Iterator[Record]:
    """A stolen line calls number after number in many countries."""
    at = customer.at(midnight, 1, 5)
    for number in range(12):
        yield customer.call(at + number * 3 * MINUTE, seconds=60, **foreign(("LV", "CU", "SO")[number % 3], f"t:f{number}"))


def calls_strangers(customer: Customer, midnight: int) -> Iterator[Record]:
    """Dials stranger after stranger, who all hang up at once."""
    at = customer.at(midnight, 9, 19)
    for number in range(36):
        yield customer.call(at + number * 80_000, seconds=customer.chance.randrange(2, 10), other_party=f"t:x{customer.chance.randrange(100_000)}")


def many_messages(customer: Customer, midnight: int) -> Iterator[Record]:
    """A quick exchange of messages."""
    at, party = customer.at(midnight, 9, 22), customer.party()
    for number in range(35):
        yield customer.text(at + number * 12_000, other_party=party)


def greets(customer: Customer, midnight: int) -> Iterator[Record]:
    """Greetings or an invitation to many people."""
    at, first = customer.at(midnight, 9, 20), customer.chance.randrange(400)
    for number in range(customer.chance.randrange(8, 20)):
        yield customer.text(at + number * 2 * MINUTE, other_party=f"t:{(first + number) % 400:04x}")


def codes(customer: Customer, midnight: int) -> Iterator[Record]:
    """One-time codes that someone else has asked for."""
    at = customer.at(midnight, 0, 23)
    for number in range(18):
        yield customer.text(at + number * 20_000, "mt", other_class="service", other_party="t:bank")


HAPPENINGS: Happenings = (
    (0.005, call_abroad),
    (0.0015, family_abroad),
    (0.001, rang_once),
    (0.0008, calls_everywhere),
    (0.0006, calls_strangers),
    (0.001, many_messages),
    (0.01, greets),
    (0.0008, codes),
)
