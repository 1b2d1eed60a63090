"""What the simulated operator sells, and its loyalty tiers."""

from __future__ import annotations

from typing import NamedTuple

CURRENCY = "CNY"
GIB = 1024**3


class Plan(NamedTuple):
    """A plan with its monthly price (minor units), data (bytes) and talk (seconds)."""

    id: str
    price: int
    data: int
    talk: int


class Pack(NamedTuple):
    """A pack or service, by `kind` of orders. `zone`: roaming zone, empty: none."""

    id: str
    kind: str
    price: int
    days: int
    data: int = 0
    zone: str = ""


PLANS = (Plan("plan-s", 3900, 10 * GIB, 3600), Plan("plan-m", 7900, 25 * GIB, 9000), Plan("plan-l", 12_900, 60 * GIB, 18_000))
"""From the least to the best."""
DATA_PACKS = (Pack("pack-day", "data_pack", 300, 2, GIB), Pack("pack-week", "data_pack", 1000, 7, 3 * GIB), Pack("pack-month", "data_pack", 2500, 30, 10 * GIB))
ROAMING_PACKS = (Pack("roam-asia", "roaming_pack", 4900, 7, 2 * GIB, "asia"), Pack("roam-europe", "roaming_pack", 6900, 7, 2 * GIB, "europe"))
SERVICES = (Pack("music-plus", "vas", 1500, 30), Pack("cloud-100", "vas", 600, 30))
FAMILY = Pack("family-duo", "family", 2000, 365)
PHONE = Pack("phone-b7", "device", 299_900, 365)
PACKS = (*DATA_PACKS, *ROAMING_PACKS, *SERVICES, FAMILY, PHONE)
TIERS = ("bronze", "silver", "gold", "platinum")
"""From the lowest to the highest."""

HEADER = ["offering_id", "kind", "rank", "price_minor", "currency", "monthly", "quota_bytes", "quota_seconds", "duration", "auto_renew", "zone"]
"""Columns of offerings.csv."""


def rows() -> list[list[str]]:
    """The rows of offerings.csv."""
    plans = [[p.id, "plan", str(rank), str(p.price), CURRENCY, "true", str(p.data), str(p.talk), "1 month", "true", ""] for rank, p in enumerate(PLANS, 1)]
    return plans + [[p.id, p.kind, "", str(p.price), CURRENCY, "false", str(p.data), "", f"{p.days} days", "false", p.zone] for p in PACKS]
