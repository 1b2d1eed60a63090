"""Trouble with the network, the phone and the SIM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.simulation.care import ticket
from streams.simulation.places import CITIES
from streams.simulation.times import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streams.simulation.customer import Customer
    from streams.simulation.happenings import Happenings
    from streams.simulation.records import Record


def cut_off(customer: Customer, midnight: int) -> Iterator[Record]:
    """A call is cut, and dialled again at once; some complain about it."""
    at, party = customer.at(midnight, 9, 18), customer.party()
    yield customer.call(at, outcome="dropped", seconds=120, other_party=party)
    yield customer.call(at + 6 * MINUTE, seconds=270, other_party=party)
    if customer.chance.random() < 0.3:
        yield from ticket(customer, midnight, at=at + 2 * HOUR, kind="complaint", category="network")


def no_connection(customer: Customer, midnight: int) -> Iterator[Record]:
    """Calls are not set up for a while."""
    begin = customer.at(midnight, 8, 22)
    for number in range(customer.chance.randrange(2, 6)):
        yield customer.quality(begin + number * 5 * MINUTE, "call_setup_failure", 34)


def stalls(customer: Customer, midnight: int) -> Iterator[Record]:
    """A video stops again and again."""
    begin = customer.at(midnight, 18, 23)
    for number in range(customer.chance.randrange(3, 7)):
        yield customer.quality(begin + number * 4 * MINUTE, "data_stall", customer.chance.randrange(8000, 20_000), app_category="video")


def off(customer: Customer, midnight: int) -> Iterator[Record]:
    """The phone leaves the network, and is back the next day."""
    begin = customer.at(midnight, 17, 22)
    end = begin + customer.chance.randrange(13, 20) * HOUR
    customer.pause(begin, end, network=True)
    yield customer.seen(begin, "detach")
    yield customer.seen(end, "attach")


def vanished(customer: Customer, midnight: int) -> Iterable[Record]:
    """The phone is not seen for days: no record says so."""
    customer.pause(customer.at(midnight), customer.at(midnight + 3 * DAY), network=True)
    return ()


def lost(customer: Customer, midnight: int) -> Iterator[Record]:
    """The phone is lost: the line is barred until there is a new SIM."""
    if customer.pauses:  # barred or off already
        return
    begin = customer.at(midnight, 9, 20)
    end = begin + customer.chance.randrange(3, 40) * HOUR
    customer.pause(begin, end)
    yield customer.state(begin, "line.status", "suspended", "active", reason="lost")
    yield customer.sim(end - 5 * MINUTE, "lost")
    yield customer.state(end, "line.status", "active", "suspended", reason="found")


def new_sim(customer: Customer, midnight: int) -> Iterator[Record]:
    """A SIM of another form."""
    yield customer.sim(customer.at(midnight, 9, 20), "upgrade")


def cloned(customer: Customer, midnight: int) -> Iterator[Record]:
    """A copy of the SIM is seen far away, minutes after the real one."""
    if customer.abroad:
        return
    at = customer.at(midnight, 9, 22)
    yield customer.seen(at)
    yield customer.seen(at + 15 * MINUTE, city=customer.chance.choice([city for city in CITIES if city != customer.city]))
    yield customer.seen(at + 16 * MINUTE)


HAPPENINGS: Happenings = (
    (0.004, cut_off),
    (0.002, no_connection),
    (0.002, stalls),
    (0.001, off),
    (0.0015, vanished),
    (0.0008, lost),
    (0.0015, new_sim),
    (0.0008, cloned),
)
