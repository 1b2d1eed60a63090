"""Lines: zone, home, activation, owner. No default: they are the operator's own."""

from __future__ import annotations

import heapq
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from schemas.codes import text_of
from schemas.columns import Ints
from schemas.reference.table import Column, ReferenceTable, Versions
from schemas.reference.values import ZONE, between, one_of


class Lines(ReferenceTable):
    """What the operator's own systems know of each line."""

    name, file, key = "line", "lines", "subscription_id"
    columns = {
        "subscription_id": Column("text", needed=True, about="as in the records"),
        "customer_id": Column("text", about="the customer who owns it"),
        "account_id": Column("text", about="who pays"),
        "tz": Column("text", ("zone", "timezone"), rule=ZONE, about="zone of its civil days, of the IANA; none: the operator's"),
        "bill_cycle_day": Column("int", rule=between(1, 31), about="day of the month on which a bill cycle begins; in shorter months the last day"),
        "activation_date": Column("date", about="civil day of activation"),
        "home_city": Column("text", about="where it lives, as in cities.csv"),
        "payment_type": Column("text", rule=one_of("prepaid", "postpaid"), about="prepaid or postpaid"),
    }

    def __init__(self, rows: Any, faults: Any) -> None:
        super().__init__(rows, faults)
        self._owners = {owner: OwnerZones(self, owner) for owner in ("account_id", "customer_id")}

    def zone(self, lines: Ints, times: Ints) -> Ints:
        """The IANA zone of each line; 0 where unknown."""
        return self.get("tz", lines, times)

    def home_city(self, lines: Ints, times: Ints) -> Ints:
        """The home city the CRM has; 0 where unknown."""
        return self.get("home_city", lines, times)

    def activation_date(self, lines: Ints, times: Ints) -> Ints:
        """Civil day of activation, days since 1970; NULL where unknown."""
        return self.get("activation_date", lines, times)

    def payment_type(self, lines: Ints, times: Ints) -> Ints:
        """Prepaid or postpaid; 0 where unknown."""
        return self.get("payment_type", lines, times)

    def bill_cycle_day(self, lines: Ints, times: Ints) -> Ints:
        """Day of the month on which a bill cycle begins, 1 to 31 (in shorter months the last day); NULL where unknown."""
        return self.get("bill_cycle_day", lines, times)

    def zone_of_account(self, accounts: Ints, times: Ints) -> Ints:
        """The zone of the lowest subscription_id that each account has at its time; 0 where unknown."""
        return self._owners["account_id"].at(accounts, times)

    def zone_of_customer(self, customers: Ints, times: Ints) -> Ints:
        """The zone of the lowest subscription_id that each customer has at its time; 0 where unknown."""
        return self._owners["customer_id"].at(customers, times)


class Span(NamedTuple):
    """A line of an owner from `begin` until `end` (not included), epoch ms."""

    owner: int
    begin: int
    subscription: str
    end: int
    zone: int


class OwnerZones:
    """The zone of each owner over time: that of the lowest subscription_id whose row of the moment names the owner."""

    def __init__(self, lines: Lines, owner: str) -> None:
        columns = (lines.data[owner][:-1], lines.valid_from, lines.keys, lines.versions.ends(), lines.data["tz"][:-1])
        spans = sorted(Span(who, begin, text_of(key), end, zone) for who, begin, key, end, zone in zip(*(column.tolist() for column in columns), strict=True) if who)
        changes = [(who, *change) for who, own in groupby(spans, lambda span: span.owner) for change in zones_over_time(list(own))]
        table = np.array(changes, np.int64).reshape(-1, 3)
        self.versions = Versions(table[:, 0].copy(), table[:, 1].copy())
        self.zones = np.append(table[:, 2], 0)

    def at(self, owners: Ints, times: Ints) -> Ints:
        """The zone of each owner at its time; 0 where unknown."""
        return self.zones[self.versions.find(owners, times)]


def zones_over_time(spans: list[Span]) -> list[tuple[int, int]]:
    """When the zone of an owner begins to be which, from its lines in order of their beginnings; 0 where it has no line."""
    changes: list[tuple[int, int]] = []
    present: list[tuple[str, int, int]] = []
    upcoming = 0
    for moment in sorted({moment for span in spans for moment in (span.begin, span.end)}):
        while upcoming < len(spans) and spans[upcoming].begin <= moment:
            span = spans[upcoming]
            heapq.heappush(present, (span.subscription, span.end, span.zone))
            upcoming += 1
        while present and present[0][1] <= moment:
            heapq.heappop(present)
        zone = present[0][2] if present else 0
        if not changes or changes[-1][1] != zone:
            changes.append((moment, zone))
    return changes
