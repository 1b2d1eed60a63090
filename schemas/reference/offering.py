"""Offerings: plans, packs, services. No default: they are the operator's own (TMF620 shape)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.codes import NULL
from schemas.reference.fault import Fault
from schemas.reference.table import Column, ReferenceTable, Truths
from schemas.reference.values import CURRENCY, Rule, one_of

if TYPE_CHECKING:
    from schemas.columns import Ints
    from schemas.reference.reading import Row

KINDS = ("plan", "addon", "data_pack", "roaming_pack", "vas", "device", "family", "broadband", "other")
"""As `offering_kind` of product orders."""
NOT_NEGATIVE = Rule("a number from 0", lambda number: number >= 0)


class Offerings(ReferenceTable):
    """What each offering is, what it costs, and what it holds."""

    name, file, key = "offering", "offerings", "offering_id"
    columns = {
        "offering_id": Column("text", needed=True, about="as in the records"),
        "kind": Column("text", rule=one_of(*KINDS), about="as `offering_kind` of orders"),
        "rank": Column("int", about="of plans; higher is better"),
        "is_5g": Column("bool", about="whether it is a 5G plan"),
        "price_minor": Column("int", rule=NOT_NEGATIVE, about="price in minor units of `currency`"),
        "currency": Column("text", rule=CURRENCY, about="of the price; given with it"),
        "monthly": Column("bool", about="whether the price is by month"),
        "quota_bytes": Column("int", rule=NOT_NEGATIVE, about="data in it, bytes"),
        "quota_seconds": Column("int", rule=NOT_NEGATIVE, about="talk in it, seconds"),
        "duration": Column("text", about="how long it lasts"),
        "auto_renew": Column("bool", about="whether it renews by itself"),
        "zone": Column("text", about="roaming zone, as `roam_zone` of plmn.csv; none: every zone"),
    }

    def check(self, row: Row, values: dict[str, Any], faults: list[Fault]) -> None:
        """A price is in a currency."""
        if values["price_minor"] is not None and values["currency"] is None:
            faults.append(Fault(row.file, row.place, "currency", "wanted a currency by ISO 4217, as price_minor is given", "an empty cell"))

    def zone(self, offerings: Ints, times: Ints) -> Ints:
        """The roaming zone of each offering; 0: every zone."""
        return self.get("zone", offerings, times)

    def auto_renew(self, offerings: Ints, times: Ints) -> Truths:
        """Whether each offering renews by itself: 1, 0, or UNSURE."""
        return self.get("auto_renew", offerings, times)

    def rank(self, offerings: Ints, times: Ints) -> Ints:
        """The rank of each plan; NULL where unknown."""
        return self.get("rank", offerings, times)

    def price_rise(self, olds: Ints, news: Ints, times: Ints) -> Ints:
        """How much more the new offering costs than the old one, in minor units of their currency; NULL where a price is unknown or they have two currencies."""
        price, of_old = self.get("price_minor", news, times), self.get("price_minor", olds, times)
        known = (self.price_currency(olds, news, times) != 0) & (price != NULL) & (of_old != NULL)
        return np.where(known, price - np.where(known, of_old, 0), NULL)

    def price_currency(self, olds: Ints, news: Ints, times: Ints) -> Ints:
        """The currency of both prices; 0 where one is unknown, or they have two."""
        currency = self.get("currency", news, times)
        return np.where(currency == self.get("currency", olds, times), currency, 0)
