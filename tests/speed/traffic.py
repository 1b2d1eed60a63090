"""Raw records of many customers in realistic proportions, in order of event time: 470 bytes each, balances that chain."""

from __future__ import annotations

import time
from random import Random

import orjson

START_MS = 1_777_600_000_000
STEP_MS = 20
Record = tuple[str, bytes, bytes]


class Traffic:
    """A reproducible stream of (topic, key, value).

    `in_turn`: the customers one after the other instead of at random. `live`: a record's event time is the moment it is made.
    """

    def __init__(self, customers: int, seed: int = 1, *, in_turn: bool = False, live: bool = False) -> None:
        self.chance, self.customers, self.in_turn, self.live = Random(seed), customers, in_turn, live
        self.balance = [self.chance.randrange(3000, 20_000) for _ in range(customers)]
        self.number = 0

    def records(self, count: int) -> list[Record]:
        """The next `count` records."""
        return [self._record() for _ in range(count)]

    def _record(self) -> Record:
        self.number += 1
        at = int(time.time() * 1000) if self.live else START_MS + self.number * STEP_MS
        who = self.number % self.customers if self.in_turn else self.chance.randrange(self.customers)
        key = f"C{who:07d}"
        envelope = {
            "record_id": f"r-{self.number:09d}",
            "schema_version": 1,
            "event_time": at,
            "ingest_time": at + 900,
            "customer_id": key,
            "account_id": f"A{who:07d}",
            "subscription_id": f"S{who:07d}",
            "msisdn": f"+86138{who:08d}",
        }
        topic, body = self._body(at, who)
        return topic, key.encode(), orjson.dumps({**envelope, **body})

    def _body(self, at: int, who: int) -> tuple[str, dict[str, object]]:
        draw = self.chance.random()
        cell = f"460-00-{who % 5000:06X}"
        if draw < 0.40:
            down = self.chance.randrange(10_000, 90_000_000)
            return "raw.usage", {"record_type": "data_usage", "source_system": "chf-01", "session_id": f"ch-{self.number}", "part": 0, "start_time": at - 900_000,
                                 "duration_s": 900, "uplink_bytes": 1000,
                                 "downlink_bytes": down, "total_bytes": down + 1000, "rat": "5G" if who % 3 else "4G",
                                 "app_category": ("video", "social", "game")[who % 3], "roaming": False, "cell_id": cell,
                                 "rating_tag": "in_bundle", "charge_minor": 0, "currency": "CNY"}  # fmt: skip
        if draw < 0.65:
            return "raw.billing", self._money(who)
        if draw < 0.92:
            return "raw.network", {
                "record_type": "location_update",
                "source_system": "mme-2",
                "update_type": "periodic",
                "plmn": "460-00",
                "roaming": False,
                "cell_id": cell,
                "area_code": "9F00",
                "rat": "5G",
            }
        if draw < 0.99:
            talked = draw < 0.97
            answer = {"answer_time": at - 60_000} if talked else {}
            return "raw.usage", {"record_type": "voice_usage", "source_system": "msc-3", "direction": "mo" if who % 2 else "mt", "bearer": "volte",
                                 "other_party": f"t:{self.chance.randrange(99_999):05x}", "other_class": "onnet",
                                 "start_time": at - 63_000, "duration_s": 60 if talked else 0, "outcome": "answered" if talked else "no_answer", "roaming": False,
                                 "cell_id": cell, **answer}  # fmt: skip
        return "raw.service", {
            "record_type": "interaction",
            "source_system": "cc",
            "interaction_id": f"IN-{self.number}",
            "direction": "inbound",
            "channel": "ivr",
            "status": "opened",
            "reason": "billing",
            "start_time": at,
        }

    def _money(self, who: int) -> dict[str, object]:
        low = self.balance[who] < 500
        delta = self.chance.choice((3000, 5000, 10_000)) if low else -min(self.balance[who], self.chance.randrange(1, 300))
        self.balance[who] += delta
        more = {"operation": "topup", "channel": "app"} if low else {"operation": "charge", "charge_reason": "data"}
        return {"record_type": "balance_change", "source_system": "ocs-2", "bucket_id": f"bk-{who}", "bucket_kind": "money", "main": True, "unit": "minor",
                "currency": "CNY", "delta": delta, "balance_after": self.balance[who],
                "valid_until": START_MS + 90 * 86_400_000, **more}  # fmt: skip
