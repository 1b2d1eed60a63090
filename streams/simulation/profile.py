"""What the operator's CRM says of customers: tiers, consent, birth dates, and the ends of agreements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.simulation.offerings import TIERS
from streams.simulation.times import DAY, date_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.simulation.customer import Customer
    from streams.simulation.happenings import Happenings
    from streams.simulation.records import Record

AHEAD = (3, 9, 32, 93)
"""In so many days from when it is recorded an agreement ends: each soon enough for one of its reminders."""


def tier(customer: Customer, midnight: int) -> Iterator[Record]:
    """One loyalty tier up or down."""
    old = customer.tier
    customer.tier = customer.chance.choice([step for step in (old - 1, old + 1) if 0 <= step < len(TIERS)])
    yield customer.state(customer.at(midnight, 8, 18), "customer.tier", TIERS[customer.tier], TIERS[old])


def consent(customer: Customer, midnight: int) -> Iterator[Record]:
    """Consent to marketing is withdrawn, or given again."""
    new, old = ("withdrawn", "granted") if customer.consents else ("granted", "withdrawn")
    customer.consents = not customer.consents
    yield customer.state(customer.at(midnight), "customer.marketing_consent", new, old, channel="app")


def birth_date(customer: Customer, midnight: int) -> Iterator[Record]:
    """The customer is identified, with the birth date that was missing."""
    if not customer.born:
        customer.born = True
        yield customer.state(customer.at(midnight, 7, 8.5), "customer.birth_date", date_in(midnight, -customer.chance.randrange(18 * 365, 75 * 365)))


def agreement(customer: Customer, midnight: int) -> Iterator[Record]:
    """The CRM records when the agreement of the line ends; some are renewed soon after."""
    if customer.agreed is not None:
        return
    at, days = customer.at(midnight, 7, 20), customer.chance.choice(AHEAD) + customer.chance.randrange(2)
    customer.agreed = date_in(midnight, days)
    base = {"entity": "agreement", "entity_id": f"AG-{customer.line}"}
    yield customer.state(at, "agreement.end_date", customer.agreed, **base)
    if customer.chance.random() < 0.4:
        renewed = customer.at(midnight + customer.chance.randrange(1, 5) * DAY, 9, 20)
        yield customer.state(renewed, "agreement.end_date", date_in(midnight, days + 365), customer.agreed, channel="store", **base)


HAPPENINGS: Happenings = ((0.004, tier), (0.0015, consent), (0.03, birth_date), (0.02, agreement))
