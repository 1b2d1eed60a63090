"""The simulated city: its customers' raw records in order of event time, and the reference data that goes with them."""

from __future__ import annotations

import csv
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import orjson

from schemas.raw import RECORD_TYPES, type_name
from streams.simulation import offerings
from streams.simulation.customer import Customer
from streams.simulation.places import ABROAD, CELLS, CITIES, HOME_PLMN, TACS, cell
from streams.simulation.times import DAY, date_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOPIC_OF = {type_name(record): record.topic for record in RECORD_TYPES}
NEWCOMERS = 0.05
"""Share of the customers whose line is activated in the first weeks."""


class Raw(NamedTuple):
    """A raw record ready for its topic; `at` is its event time, epoch ms."""

    topic: str
    key: bytes
    value: bytes
    at: int


class City:
    """`customers` simulated customers from `start_ms` (a local midnight, epoch ms) on; the same seed gives the same records."""

    def __init__(self, seed: int, customers: int, start_ms: int) -> None:
        self.start_ms = start_ms
        chance = Random(seed)
        self.customers = [Customer(n, Random(chance.random()), self._activation(chance)) for n in range(customers)]

    def _activation(self, chance: Random) -> int | None:
        return self.start_ms + chance.randrange(14 * DAY) if chance.random() < NEWCOMERS else None

    def day(self, number: int) -> list[Raw]:
        """All records of day `number`, in order of event time. Days must be asked for in order."""
        midnight = self.start_ms + number * DAY
        records = [record for customer in self.customers for record in customer.day(midnight)]
        records.sort(key=lambda record: record["event_time"])
        return [Raw(TOPIC_OF[record["record_type"]], record["customer_id"].encode(), orjson.dumps(record), record["event_time"]) for record in records]

    def records(self, days: int) -> Iterator[Raw]:
        """The records of the first `days` days."""
        for number in range(days):
            yield from self.day(number)

    def write_reference(self, folder: Path) -> None:
        """Write the reference tables of this city: its cells, devices, lines, networks, offerings and tiers."""
        folder.mkdir(parents=True, exist_ok=True)
        table(folder / "cells.csv", ["cell_id", "city_code"], [[cell(city, n), city] for city in CITIES for n in range(CELLS)])
        table(folder / "devices.csv", ["tac", "brand", "model", "is_5g"], [[tac, brand, model, str(is_5g).lower()] for tac, brand, model, is_5g in TACS])
        table(folder / "plmn.csv", ["plmn", "country", "home", "roam_zone"], [[HOME_PLMN, "CN", "true", ""], *([plmn, country, "false", zone] for plmn, country, zone in ABROAD)])
        table(folder / "offerings.csv", offerings.HEADER, offerings.rows())
        table(folder / "tiers.csv", ["tier", "rank"], [[tier, str(rank)] for rank, tier in enumerate(offerings.TIERS, 1)])
        table(
            folder / "lines.csv",
            ["subscription_id", "customer_id", "account_id", "activation_date", "home_city", "payment_type", "bill_cycle_day"],
            [[c.line, c.id, c.account, self._activated(c), c.home, "postpaid" if c.postpaid else "prepaid", str(c.cycle_day)] for c in self.customers],
        )

    def _activated(self, customer: Customer) -> str:
        """The civil day on which the line was activated."""
        if customer.activated_ms is None:
            return date_in(self.start_ms, -customer.days_before)
        return date_in(self.start_ms, (customer.activated_ms - self.start_ms) // DAY)


def table(path: Path, header: list[str], rows: list[list[str]]) -> None:
    """Write a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
