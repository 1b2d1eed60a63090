"""Allowances of data and talk: buckets that come with a plan or a pack, are used up, and are granted again each bill cycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.simulation.offerings import CURRENCY
from streams.simulation.times import DAY, term

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.simulation.customer import Customer
    from streams.simulation.offerings import Pack
    from streams.simulation.records import Record

UNITS = {"data": "byte", "voice": "second"}
BYTES_A_FEN = 1_000_000
"""Data outside the bundle: so many bytes for a hundredth of a yuan."""
SECONDS_A_FEN = 4


@dataclass(slots=True)
class Bucket:
    """An allowance of `kind`, of which `left` is left, valid from `since` until `until` (epoch ms)."""

    id: str
    kind: str
    initial: int
    left: int
    since: int
    until: int

    def change(self, customer: Customer, at: int, operation: str, delta: int, **more: str) -> Record:
        """The record of a change by `delta`."""
        self.left += delta
        return customer.record(
            "balance_change", "ocs-1", at, bucket_id=self.id, bucket_kind=self.kind, main=False, unit=UNITS[self.kind], operation=operation, delta=delta,
            balance_after=self.left, bucket_initial=self.initial, valid_from=self.since, valid_until=self.until, **more,
        )  # fmt: skip


def renew(customer: Customer, midnight: int) -> Iterator[Record]:
    """At the begin of a bill cycle what is left expires, and the plan's allowances are granted again."""
    since, until = term(midnight, customer.cycle_day)
    if not customer.buckets:  # the city begins in the middle of a cycle
        passed = (midnight - since) / (until - since)
        for kind, amount in (("data", customer.plan.data), ("voice", customer.plan.talk)):
            left = int(amount * max(0.0, 1 - passed * customer.chance.uniform(0.3, 1.4)))
            customer.buckets.append(Bucket(f"{kind}-{customer.line}", kind, amount, left, since, until))
    for bucket in [bucket for bucket in customer.buckets if bucket.until <= midnight]:
        if bucket.left:
            yield bucket.change(customer, midnight, "expire", -bucket.left)
        if bucket.id.startswith("pack"):
            customer.buckets.remove(bucket)
            continue
        bucket.since, bucket.until, bucket.initial = since, until, customer.plan.data if bucket.kind == "data" else customer.plan.talk
        yield bucket.change(customer, midnight + 1, "grant", bucket.initial)


def add(customer: Customer, at: int, pack: Pack) -> Record:
    """A data pack brings a bucket of its own."""
    bucket = Bucket(customer.token("pack"), "data", pack.data, 0, at, at + pack.days * DAY)
    customer.buckets.append(bucket)
    return bucket.change(customer, at, "grant", pack.data, offering_id=pack.id)


def used(customer: Customer, record: Record) -> Record | None:
    """The charge of a session or an outgoing call; what no allowance covers is marked as out of the bundle, with its price."""
    kind, amount = ("data", record["total_bytes"]) if record["record_type"] == "data_usage" else ("voice", record["duration_s"])
    at = record["event_time"]
    bucket = next((b for b in customer.buckets if b.kind == kind and b.left and b.since <= at < b.until), None)
    if bucket is None or record["roaming"]:
        price = amount // (BYTES_A_FEN if kind == "data" else SECONDS_A_FEN)
        record.update(rating_tag="out_of_bundle", charge_minor=price, currency=CURRENCY)
        return None
    record["rating_tag"] = "in_bundle"
    return bucket.change(customer, at + 1, "charge", -min(amount, bucket.left), charge_reason=kind) if amount else None
