"""Lines: zone, home, activation, owner. No default: they are the operator's own."""

from __future__ import annotations

import heapq
from array import array
from typing import Any, NamedTuple

import numpy as np

from schemas.codes import text_of
from schemas.columns import Bools, Ints
from schemas.reference.begins import Begins
from schemas.reference.table import FOREVER, Column, ReferenceTable, Versions
from schemas.reference.values import ZONE, between, one_of


class Lines(ReferenceTable):
    """What the operator's own systems know of each line."""

    name, file, key = "line", "lines", "subscription_id"
    columns = {
        "subscription_id": Column("text", needed=True, about="as in the records", ids=True),
        "customer_id": Column("text", about="the customer who owns it", ids=True),
        "account_id": Column("text", about="who pays", ids=True),
        "tz": Column("text", ("zone", "timezone"), rule=ZONE, about="zone of its civil days, of the IANA; none: the operator's"),
        "bill_cycle_day": Column("int", rule=between(1, 31), about="day of the month on which a bill cycle begins; in shorter months the last day"),
        "activation_date": Column("date", about="civil day of activation"),
        "home_city": Column("text", about="where it lives, as in cities.csv"),
        "payment_type": Column("text", rule=one_of("prepaid", "postpaid"), about="prepaid or postpaid"),
    }

    def __init__(self, rows: Any, faults: Any) -> None:
        super().__init__(rows, faults)
        self._owners = {owner: OwnerZones(self, owner) for owner in ("account_id", "customer_id")}
        self.zone_codes, zone_at = np.unique(self.data["tz"][:-1], return_inverse=True)
        self.zone_at = zone_at.astype(np.uint16)
        """The zones of lines, and which of them each row has."""
        order = np.argsort(self.data["customer_id"][:-1], kind="stable")
        self.owners, self.owned = self.data["customer_id"][order], self.keys[order]
        """The lines that each customer ever had, sorted by customer."""
        self._for_kernels: tuple[tuple[int, ...], Ints] | None = None
        self._begins: Begins | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Without what is computed when it is asked for."""
        return {**self.__dict__, "_for_kernels": None, "_begins": None}

    def for_kernels(self, numbers: tuple[int, ...]) -> Ints:
        """Key, moment, zone and home city of each row as one table, where the zones of `zone_codes` have these numbers. One for all that number them alike."""
        if self._for_kernels is None or self._for_kernels[0] != numbers:
            table = np.empty((4, self.size), np.int64)
            table[0], table[1], table[3] = self.keys, self.valid_from, self.data["home_city"][:-1]
            table[2] = np.array(numbers, np.int64)[self.zone_at] if self.size else 0
            self._for_kernels = numbers, table
        return self._for_kernels[1]

    def begins(self, day: int, ms: int) -> Begins:
        """Which lines, accounts and customers began on civil day `day` or later, which begins at `ms`. One for all that ask of the same day."""
        if self._begins is None or (self._begins.day, self._begins.ms) != (day, ms):
            self._begins = Begins(self, day, ms)
        return self._begins

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
        owners, zones = lines.data[owner][:-1], lines.data["tz"][:-1]
        rows = np.flatnonzero(owners != 0)
        rows = rows[np.argsort(owners[rows], kind="stable")]
        begins = np.flatnonzero(np.append(True, owners[rows[1:]] != owners[rows[:-1]])) if len(rows) else rows
        ends = lines.versions.ends()
        columns = [column[rows] for column in (owners, lines.valid_from, ends, zones)]
        plain = self._plain(columns, begins, len(rows))
        heads = rows[begins[plain]]
        heads = heads[zones[heads] != 0]
        parts = [np.stack([owners[heads], lines.valid_from[heads], zones[heads]], axis=1)]
        found = array("q")
        until = np.append(begins[1:], len(rows))
        for begin, end in zip(begins[~plain].tolist(), until[~plain].tolist(), strict=True):
            own = rows[begin:end]
            who = int(owners[own[0]])
            listed = zip(*(column[own].tolist() for column in (lines.valid_from, lines.keys, ends, zones)), strict=True)
            for moment, zone in zones_over_time(sorted(Span(who, since, text_of(key), last, of) for since, key, last, of in listed)):
                found.extend((who, moment, zone))
        table = np.concatenate([*parts, np.frombuffer(found, np.int64).reshape(-1, 3)]) if found else parts[0]
        table = table[np.lexsort((table[:, 1], table[:, 0]))]
        self.versions = Versions(table[:, 0].copy(), table[:, 1].copy())
        self.zones = np.append(table[:, 2], 0)

    @staticmethod
    def _plain(columns: list[Ints], begins: Ints, n: int) -> Bools:
        """Of which owners, whose rows begin at `begins`, all lines begin at one moment, never end, and have one zone: that is the owner's from then on."""
        plain = np.ones(len(begins), bool)
        if not n:
            return plain
        for column in columns[1:]:
            plain &= np.maximum.reduceat(column, begins) == np.minimum.reduceat(column, begins)
        return plain & (columns[2][begins] == FOREVER)

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
