"""Loyalty tiers. No default: they are the operator's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.reference.table import Column, ReferenceTable

if TYPE_CHECKING:
    from schemas.columns import Ints


class Tiers(ReferenceTable):
    """How the tiers of customers are ranked."""

    name, file, key = "tier", "tiers", "tier"
    columns = {
        "tier": Column("text", needed=True, about="as the value of `customer.tier` in state changes"),
        "rank": Column("int", needed=True, about="higher is better; equal ranks are no step"),
    }

    def rank(self, tiers: Ints, times: Ints) -> Ints:
        """The rank of each tier; NULL where unknown."""
        return self.get("rank", tiers, times)
