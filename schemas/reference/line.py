"""Lines: zone, home, activation, owner. No default: they are the operator's own."""

from __future__ import annotations

from typing import Any

import numpy as np

from schemas.codes import text_of
from schemas.reference.table import Column, Ints, Table


class Lines(Table):
    """`lines.csv`: subscription_id, customer_id, account_id, tz, bill_cycle_day, activation_date, home_city, payment_type."""

    name, file, key = "line", "lines", "subscription_id"
    columns = {
        "subscription_id": Column("text"),
        "customer_id": Column("text"),
        "account_id": Column("text"),
        "tz": Column("text", ("zone", "timezone")),
        "bill_cycle_day": Column("int"),
        "activation_date": Column("date"),
        "home_city": Column("text"),
        "payment_type": Column("text"),
    }

    def __init__(self, rows: Any, faults: list[str]) -> None:
        super().__init__(rows, faults)
        self._zone_of = {owner: self._lowest(owner) for owner in ("account_id", "customer_id")}

    def _lowest(self, owner: str) -> dict[int, int]:
        """For each owner the zone of its lowest subscription_id."""
        lowest: dict[int, tuple[str, int]] = {}
        for at in range(self.size):
            subscription, zone = text_of(int(self.keys[at])), int(self.data["tz"][at])
            who = int(self.data[owner][at])
            lowest[who] = min(lowest.get(who, (subscription, zone)), (subscription, zone))
        return {who: zone for who, (_, zone) in lowest.items()}

    def zone(self, lines: Ints, times: Ints) -> Ints:
        """The IANA zone of each line."""
        return self.get("tz", lines, times)

    def home_city(self, lines: Ints, times: Ints) -> Ints:
        """The home city the CRM has."""
        return self.get("home_city", lines, times)

    def activation_date(self, lines: Ints, times: Ints) -> Ints:
        """Civil day of activation, days since 1970."""
        return self.get("activation_date", lines, times)

    def payment_type(self, lines: Ints, times: Ints) -> Ints:
        """Prepaid or postpaid."""
        return self.get("payment_type", lines, times)

    def bill_cycle_day(self, lines: Ints, times: Ints) -> Ints:
        """Day of the month on which a bill cycle begins, 1 to 28."""
        return self.get("bill_cycle_day", lines, times)

    def zone_of_account(self, accounts: Ints) -> Ints:
        """The zone of the lowest subscription_id of each account; 0 where unknown."""
        return np.array([self._zone_of["account_id"].get(who, 0) for who in accounts.tolist()], np.int64)

    def zone_of_customer(self, customers: Ints) -> Ints:
        """The zone of the lowest subscription_id of each customer; 0 where unknown."""
        return np.array([self._zone_of["customer_id"].get(who, 0) for who in customers.tolist()], np.int64)
