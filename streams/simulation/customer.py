"""One simulated customer: habits, a balance that really goes down and up, trips, and the day's raw records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.simulation.places import ABROAD, CITIES, HOME_PLMN, TACS, cell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

Record = dict[str, Any]
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
APPS = ("video", "music", "game", "social", "map", "travel", "shopping", "other")
REASONS = ("billing", "network", "product", "roaming", "device")


class Customer:
    """A customer with one line, by number; all chance comes from `chance`."""

    def __init__(self, number: int, chance: Random, activated_ms: int | None) -> None:
        self.id, self.account, self.line, self.msisdn = f"C{number}", f"A{number}", f"S{number}", f"+86138{number:08d}"
        self.chance, self.activated_ms = chance, activated_ms
        self.home = CITIES[0] if chance.random() < 0.7 else chance.choice(CITIES)  # most live in the first city
        self.balance = chance.randrange(500, 8000)
        self.tac, self.imei = chance.randrange(len(TACS)), 0
        self.activity = chance.choice((0.5, 1, 1, 1.5, 3))
        self.away_until = self.silent_until = 0
        self.city, self.abroad = self.home, ""
        self.count = 0

    def record(self, record_type: str, source: str, at: int, **fields: Any) -> Record:
        """A raw record of this customer with the envelope."""
        self.count += 1
        return {
            "record_id": f"{self.line}-{self.count}",
            "record_type": record_type,
            "schema_version": 1,
            "source_system": source,
            "event_time": at,
            "customer_id": self.id,
            "account_id": self.account,
            "subscription_id": self.line,
            "msisdn": self.msisdn,
            **fields,
        }

    def day(self, midnight: int) -> list[Record]:
        """The records of the day that begins at `midnight` (epoch ms), in order of event time."""
        if self.activated_ms is not None and midnight + DAY <= self.activated_ms:
            return []
        self._move(midnight)
        records = [*self._locations(midnight), *self._contacts(midnight), *self._life(midnight)]
        if midnight >= self.silent_until:
            records += [*self._sessions(midnight), *self._calls(midnight), *self._texts(midnight), *self._views(midnight)]
            if self.chance.random() < 0.004:  # a day without the phone
                self.silent_until = midnight + self.chance.randrange(8, 12) * DAY
        records.sort(key=lambda record: record["event_time"])
        return list(self._charged(records))

    def _at(self, midnight: int, begin: float = 7, end: float = 23.5) -> int:
        return midnight + int(self.chance.uniform(begin, end) * HOUR)

    def _move(self, midnight: int) -> None:
        if self.away_until and midnight >= self.away_until:
            self.city, self.abroad, self.away_until = self.home, "", 0
        if not self.away_until and self.chance.random() < 0.05:  # a trip
            self.away_until = midnight + self.chance.randrange(1, 5) * DAY
            if self.chance.random() < 0.15:  # abroad
                self.abroad = self.chance.choice(ABROAD)[0]
            else:
                self.city = self.chance.choice([city for city in CITIES if city != self.home])

    def _where(self) -> Record:
        if self.abroad:
            return {"roaming": True, "visited_plmn": self.abroad}
        return {"roaming": False, "cell_id": cell(self.city, self.chance.randrange(40))}

    def _locations(self, midnight: int) -> Iterator[Record]:
        for begin in (1, 4.5, 8, 8.7, 12, 15, 18, 18.8, 21):
            at = self._at(midnight, begin, begin + 0.6)
            if self.abroad:
                yield self.record("location_update", "mme-1", at, update_type="periodic", plmn=self.abroad, roaming=True, rat="4G")
            else:
                where = cell(self.city, self.chance.randrange(40))
                yield self.record("location_update", "mme-1", at, update_type="area_change", plmn=HOME_PLMN, roaming=False, cell_id=where, rat="5G")

    def _sessions(self, midnight: int) -> Iterator[Record]:
        heavy = self.chance.random() < 0.02  # a day of heavy use
        for _ in range(int(self.chance.uniform(3, 9) * self.activity)):
            seconds = self.chance.randrange(30, 3600)
            down = int(self.chance.lognormvariate(17.5, 1.2)) * (12 if heavy else 1)
            at = self._at(midnight, 7 + seconds / 3600)
            yield self.record(
                "data_usage", "chf-1", at, session_id=f"{self.line}-{at}", start_time=at - seconds * 1000, duration_s=seconds, uplink_bytes=down // 9, downlink_bytes=down,
                total_bytes=down + down // 9, rat="5G" if TACS[self.tac][3] and self.chance.random() < 0.6 else "4G", app_category=self.chance.choice(APPS),
                rating_tag="in_bundle", **self._where(),
            )  # fmt: skip

    def _calls(self, midnight: int) -> Iterator[Record]:
        for _ in range(int(self.chance.uniform(0, 4) * self.activity)):
            yield self._call(self._at(midnight), self.chance.choice(("mo", "mt")), self.chance.choices(("answered", "no_answer", "dropped"), (80, 15, 5))[0])
        if self.chance.random() < 0.02:  # a phone left in the other room
            begin = self._at(midnight, 9, 20)
            for i in range(6):
                yield self._call(begin + i * 6 * MINUTE, "mt", "no_answer")
        if self.chance.random() < 0.01:  # bad coverage
            begin = self._at(midnight, 9, 20)
            for i in range(3):
                yield self._call(begin + i * 25 * MINUTE, "mo", "dropped")

    def _call(self, at: int, direction: str, outcome: str) -> Record:
        talked = outcome != "no_answer"
        seconds = min(7200, int(self.chance.lognormvariate(4.6, 1.3))) + 5 if talked else 0
        start = at - seconds * 1000 - 8000
        answer = {"answer_time": start + 8000} if talked else {}
        party = f"t:{self.chance.randrange(400):04x}"
        return self.record(
            "voice_usage", "msc-1", at, direction=direction, bearer="volte", other_party=party, other_class=self.chance.choice(("onnet", "offnet")), start_time=start,
            duration_s=seconds, outcome=outcome, **answer, **self._where(),
        )  # fmt: skip

    def _texts(self, midnight: int) -> Iterator[Record]:
        for _ in range(self.chance.randrange(3)):
            yield self.record(
                "message_usage", "smsc-1", self._at(midnight), kind="sms", direction=self.chance.choice(("mo", "mt")), other_party=f"t:{self.chance.randrange(400):04x}",
                other_class="onnet", message_size=self.chance.randrange(8, 140), result="delivered", **self._where(),
            )  # fmt: skip

    def _views(self, midnight: int) -> Iterator[Record]:
        if self.chance.random() < 0.2:  # opens the app
            for i, page in enumerate(("home", "account", "plan_list")):
                yield self.record("page_view", "web-1", self._at(midnight, 9, 9.1) + i * MINUTE, platform="app", page=f"/{page}", page_category=page, dwell_ms=8000)
        if self.chance.random() < 0.03:  # slow network
            yield self.record("network_quality", "probe-1", self._at(midnight), metric="data_stall", value=1800, plmn=HOME_PLMN, app_category="video", rat="4G")

    def _contacts(self, midnight: int) -> Iterator[Record]:
        calls = self.chance.choices((0, 1, 3), (970, 25, 5))[0]
        reason = self.chance.choice(REASONS)
        for _ in range(calls):
            begin = self._at(midnight, 9, 20)
            number, channel = f"IN-{self.line}-{begin}", self.chance.choice(("ivr", "call_agent", "chat"))
            base = {"interaction_id": number, "direction": "inbound", "channel": channel, "reason": reason, "start_time": begin}
            yield self.record("interaction", "cc-1", begin, status="opened", **base)
            yield self.record("interaction", "cc-1", begin + 5 * MINUTE, status="completed", duration_s=300, wait_s=40, resolution="unresolved", **base)

    def _life(self, midnight: int) -> Iterator[Record]:
        if self.activated_ms is not None and midnight <= self.activated_ms < midnight + DAY:
            yield self.record(
                "state_change", "crm-1", self.activated_ms, entity="line", entity_id=self.line, attribute="line.status", old_value="pendingActive", new_value="active"
            )
        if self.chance.random() < 0.006:  # a new phone
            old, self.tac = self.tac, (self.tac + self.chance.randrange(1, len(TACS))) % len(TACS)
            before, self.imei = self.imei, self.imei + 1
            yield self.record(
                "device_change", "eir-1", self._at(midnight), change_type="device", old_imei=f"t:{self.line}-{before}", new_imei=f"t:{self.line}-{self.imei}",
                old_tac=TACS[old][0], new_tac=TACS[self.tac][0], reason="upgrade",
            )  # fmt: skip

    # Money

    def _charged(self, records: list[Record]) -> Iterator[Record]:
        """The records, with a charge after some of them, and top-ups when the balance has become low."""
        top_up_at = 0
        for record in records:
            at = record["event_time"]
            if top_up_at and at >= top_up_at:
                yield self._top_up(top_up_at)
                top_up_at = 0
            yield record
            cost = self._cost(record)
            if cost and self.balance > 0:
                yield self._balance_change(at + 1, "charge", -min(cost, self.balance), charge_reason=self._reason(record["record_type"]))
            if self.balance < 1000 and not top_up_at and self.chance.random() < 0.25:  # some customers top up when the balance is low
                top_up_at = at + self.chance.randrange(10, 180) * MINUTE

    def _cost(self, record: Record) -> int:
        match record["record_type"]:
            case "data_usage":
                return int(min(2600, record["total_bytes"] // 1_500_000)) if self.chance.random() < 0.5 else 0
            case "voice_usage":
                return int(record["duration_s"]) // 20
            case "message_usage":
                return 10
        return 0

    @staticmethod
    def _reason(kind: str) -> str:
        return {"data_usage": "data", "voice_usage": "voice"}.get(kind, "sms")

    def _top_up(self, at: int) -> Record:
        return self._balance_change(at, "topup", self.chance.choice((1000, 1500, 2000, 5000, 10000)), channel=self.chance.choice(("app", "web", "store")))

    def _balance_change(self, at: int, operation: str, delta: int, **more: Any) -> Record:
        self.balance += delta
        return self.record(
            "balance_change",
            "ocs-1",
            at,
            bucket_id=f"bk-{self.line}",
            bucket_kind="money",
            unit="minor",
            currency="CNY",
            operation=operation,
            delta=delta,
            balance_after=self.balance,
            **more,
        )
