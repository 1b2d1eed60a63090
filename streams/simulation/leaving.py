"""Customers who think of leaving: pages about it, calls to a competitor, porting codes, and those who go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.simulation.times import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.simulation.customer import Customer
    from streams.simulation.happenings import Happenings
    from streams.simulation.records import Record


def curious(customer: Customer, midnight: int) -> Iterator[Record]:
    """Looks at how to leave, no more."""
    yield customer.view(customer.at(midnight), "cancel", dwell_ms=20_000)


def compares(customer: Customer, midnight: int) -> Iterator[Record]:
    """Asks a competitor."""
    yield customer.call(customer.at(midnight, 9, 20), seconds=customer.chance.randrange(20, 600), other_class="competitor_hotline", other_party="t:competitor")


def leaves(customer: Customer, midnight: int) -> Iterator[Record]:
    """Looks, calls us and a competitor, asks for the porting code; half of them go with it some days later, some of the others think again."""
    at = customer.at(midnight, 9, 15)
    yield customer.view(at, "port_out", dwell_ms=40_000)
    yield from customer.contact(at + HOUR, "call_agent", "port_out", "unresolved", 600, wait_s=90)
    yield from compares(customer, midnight + DAY)
    asked = customer.at(midnight + 2 * DAY, 9, 20)
    yield customer.state(asked, "line.port", "auth_code_issued", channel="app")
    if customer.chance.random() < 0.5 and customer.gone_at is None:
        gone = asked + customer.chance.randrange(24, 90) * HOUR
        yield customer.state(gone - 1000, "line.port", "out_done", "auth_code_issued", channel="web")
        yield customer.leave(gone, "ported_out")
    elif customer.chance.random() < 0.5:
        yield customer.state(asked + customer.chance.randrange(4, 60) * HOUR, "line.port", "out_cancelled", "auth_code_issued", channel="app")


def ends(customer: Customer, midnight: int) -> Iterator[Record]:
    """The line is given up."""
    if customer.gone_at is None:
        yield customer.leave(customer.at(midnight, 9, 20), "customer_request")


HAPPENINGS: Happenings = ((0.001, curious), (0.001, compares), (0.0015, leaves), (0.0004, ends))
