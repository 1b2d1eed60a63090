"""One simulated customer: habits, a balance or allowances that really go down and up, trips, and the day's raw records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.simulation import allowances
from streams.simulation.happenings import HAPPENINGS
from streams.simulation.offerings import PLANS, TIERS
from streams.simulation.places import ABROAD, CITIES
from streams.simulation.records import Records, elsewhere
from streams.simulation.times import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from streams.simulation.allowances import Bucket
    from streams.simulation.records import Record

USE = frozenset({"data_usage", "voice_usage", "message_usage", "vas_usage"})
NETWORK = frozenset({"location_update", "network_quality"})
AWAY_MS = 45 * DAY
"""So long after the end of their line customers come back with another one."""


class Customer(Records):
    """A customer with one line, by number; all chance comes from `chance`."""

    def __init__(self, number: int, chance: Random, activated_ms: int | None) -> None:
        super().__init__(number, chance)
        self.activated_ms, self.days_before = activated_ms, chance.randrange(1, 2500)
        """When the line is activated; None: so many days before the first one."""
        self.balance = chance.randrange(500, 8000)
        self.activity: float = chance.choice((0.5, 1, 1, 1.5, 3))
        self.away_until = 0
        self.later: dict[int, list[Record]] = {}
        """Records of days to come, by midnight."""
        self.pauses: list[tuple[int, int, bool]] = []
        """Begin and end of times without use; and whether the phone is off the network, too."""
        self.gone_at: int | None = None
        self.lines = 0
        """How often the customer has come back."""
        self._habits(chance)
        if activated_ms is not None and chance.random() < 0.25:  # the SIM stays in its letter for a while
            self.pause(activated_ms + 1, activated_ms + chance.randrange(80, 150) * HOUR)

    def _habits(self, chance: Random) -> None:
        """What a customer is like for good."""
        self.postpaid = chance.random() < 0.3
        self.cycle_day, self.period = chance.randrange(1, 29), chance.choices((None, 7, 1), (68, 22, 10))[0]
        """Day of the month on which bills are made, or after how many days each: shops pay by the week or by the day."""
        self.payer = chance.choices(("auto", "prompt", "late", "reluctant"), (35, 40, 17, 8) if self.period != 1 else (1, 1, 0, 0))[0]
        self.trend, self.bill, self.bills = chance.choice(("steady", "rising", "falling", "wild")), chance.randrange(6000, 20_000), 0
        self.plan = chance.choice(PLANS)
        self.buckets: list[Bucket] = []
        self.tier = chance.randrange(len(TIERS))
        self.frugal = chance.random() < 0.08  # tops up in small bits
        self.fading = chance.random() < 0.04  # uses less from day to day
        self.restless = 0.2 if chance.random() < 0.05 else 0.05  # how often a trip begins
        self.refills = 0.003 if chance.random() < 0.1 else 0.25  # how soon a low balance is topped up
        self.favourite = chance.choice(("song", "episode", "chapter", "level"))
        self.opens, self.loses_interest = (0.9, 0.8) if chance.random() < 0.06 else (0.2, 1.0)  # how often the app is opened today, and from day to day
        self.logged_in = self.born = self.shares = False
        self.consents = True
        self.agreed: str | None = None

    def pause(self, begin: int, end: int, *, network: bool = False) -> None:
        """No use between two moments (epoch ms), both excluded; with `network` the phone is not seen either."""
        self.pauses.append((begin, end, network))

    def day(self, midnight: int) -> list[Record]:
        """The records of the day that begins at `midnight` (epoch ms), in order of event time."""
        if self.gone_at is not None and self.gone_at + AWAY_MS <= midnight:
            self._come_back(midnight)
        if (self.activated_ms is not None and midnight + DAY <= self.activated_ms) or (self.gone_at is not None and self.gone_at <= midnight):
            return []
        self._move(midnight)
        records = [*self.later.pop(midnight, ()), *self._locations(midnight), *self._life(midnight)]
        if self.postpaid:
            records += allowances.renew(self, midnight)
        if not any(begin <= midnight and midnight + DAY <= end for begin, end, _ in self.pauses):
            records += [*self._sessions(midnight), *self._calls(midnight), *self._texts(midnight), *self._views(midnight)]
            if self.chance.random() < 0.005:  # some days, or weeks, without the phone
                self.pause(midnight + DAY, midnight + self.chance.choices((self.chance.randrange(8, 12), 17, 35), (7, 3, 3))[0] * DAY)
        records += self._happenings(midnight)
        self.opens *= self.loses_interest
        if self.fading:
            self.activity *= 0.96
        records = self._possible(records, midnight)
        records.sort(key=lambda record: record["event_time"])
        return list(self._charged(records))

    def _happenings(self, midnight: int) -> list[Record]:
        """What begins today by chance: the records of today; those of days to come are kept for them."""
        today: list[Record] = []
        for rate, happen in HAPPENINGS:
            if self.chance.random() < rate:
                for record in happen(self, midnight):
                    ahead = (record["event_time"] - midnight) // DAY
                    if ahead > 0:
                        self.later.setdefault(midnight + ahead * DAY, []).append(record)
                    else:
                        today.append(record)
        return today

    def _possible(self, records: list[Record], midnight: int) -> list[Record]:
        """The records without those of a phone that is barred or off, or of a customer that has gone."""
        for begin, end, network in self.pauses:
            never = USE | NETWORK if network else USE
            records = [r for r in records if not (begin < r["event_time"] < end and r["record_type"] in never)]
        if self.pauses:
            self.pauses = [pause for pause in self.pauses if pause[1] > midnight]
        if self.activated_ms is not None and self.activated_ms > midnight:
            records = [r for r in records if r["event_time"] >= self.activated_ms]
        if self.gone_at is not None:
            records = [r for r in records if r["event_time"] <= self.gone_at]
        return records

    def _move(self, midnight: int) -> None:
        if self.away_until and midnight >= self.away_until:
            self.city, self.abroad, self.away_until = self.home, "", 0
        if self.abroad and self.chance.random() < 0.1:  # on to the next country
            self.abroad = elsewhere(self.chance, self.abroad)
        if not self.away_until and self.chance.random() < self.restless:  # a trip
            self.away_until = midnight + (self.chance.randrange(1, 5) if self.chance.random() < 0.95 else self.chance.randrange(9, 15)) * DAY
            if self.chance.random() < 0.15:  # abroad
                self.abroad = self.chance.choice(ABROAD)[0]
            else:
                self.city = self.chance.choice([city for city in CITIES if city != self.home])

    def _locations(self, midnight: int) -> Iterator[Record]:
        for begin in (1, 4.5, 8, 8.7, 12, 15, 18, 18.8, 21):
            yield self.seen(self.at(midnight, begin, begin + 0.6))

    def _sessions(self, midnight: int) -> Iterator[Record]:
        heavy = self.chance.random() < 0.02  # a day of heavy use
        for _ in range(int(self.chance.uniform(3, 9) * self.activity)):
            seconds = self.chance.randrange(30, 3600)
            down = int(self.chance.lognormvariate(17.5, 1.2)) * (12 if heavy else 1)
            yield self.session(self.at(midnight, 7 + seconds / 3600), seconds, down)

    def _calls(self, midnight: int) -> Iterator[Record]:
        for _ in range(int(self.chance.uniform(0, 4) * self.activity)):
            yield self.call(self.at(midnight), self.chance.choice(("mo", "mt")), self.chance.choices(("answered", "no_answer", "dropped"), (80, 15, 5))[0])
        if self.chance.random() < 0.02:  # a phone left in the other room
            begin = self.at(midnight, 9, 20)
            for i in range(6):
                yield self.call(begin + i * 6 * MINUTE, "mt", "no_answer")
        if self.chance.random() < 0.01:  # bad coverage
            begin = self.at(midnight, 9, 20)
            for i in range(3):
                yield self.call(begin + i * 25 * MINUTE, "mo", "dropped")

    def _texts(self, midnight: int) -> Iterator[Record]:
        for _ in range(self.chance.randrange(3)):
            yield self.text(self.at(midnight), self.chance.choice(("mo", "mt")))

    def _views(self, midnight: int) -> Iterator[Record]:
        if self.chance.random() < self.opens:
            begin = self.at(midnight, 9, 22)
            if not self.logged_in:
                self.logged_in = True
                yield self.view(begin - MINUTE, "login", outcome="submit")
            for i, page in enumerate(("home", "account", "plan_list")):
                yield self.view(begin + i * MINUTE, page)
        if self.chance.random() < 0.03:  # slow network
            yield self.quality(self.at(midnight), "data_stall", 1800, app_category="video")

    def _life(self, midnight: int) -> Iterator[Record]:
        if self.activated_ms is not None and midnight <= self.activated_ms < midnight + DAY:
            yield self.state(self.activated_ms, "line.status", "active", "pendingActive")
        if self.chance.random() < 0.006:  # a new phone
            yield self.phone(self.at(midnight))

    # Money

    def _charged(self, records: list[Record]) -> Iterator[Record]:
        """The records, with a charge after some of them, and top-ups when the balance has become low."""
        top_up_at, purse = 0, self.purse
        for record in records:
            at, kind = record["event_time"], record["record_type"]
            if top_up_at and at >= top_up_at:
                yield self._top_up(top_up_at)
                top_up_at = 0
            if kind == "balance_change" and record["bucket_id"] == purse:
                if self.balance + record["delta"] < 0:
                    continue  # more than there is
                self._move_balance(record)
            if self.postpaid:
                charge = allowances.used(self, record) if kind == "data_usage" or (kind == "voice_usage" and record["direction"] == "mo") else None
                yield record
                if charge:
                    yield charge
                continue
            yield record
            cost = self._cost(record)
            if cost and self.balance > 0:
                yield self._move_balance(self.money(at + 1, "charge", -min(cost, self.balance), charge_reason=self._reason(kind)))
            if self.balance < 1000 and not top_up_at and self.chance.random() < self.refills:
                top_up_at = at + self.chance.randrange(10, 180) * MINUTE

    def _move_balance(self, record: Record) -> Record:
        self.balance += record["delta"]
        record["balance_after"] = self.balance
        return record

    def _cost(self, record: Record) -> int:
        match record["record_type"]:
            case "data_usage":
                return int(min(2600, record["total_bytes"] // 1_500_000)) if self.chance.random() < 0.5 else 0
            case "voice_usage":
                return int(record["duration_s"]) // 20
            case "message_usage":
                return 10
            case "vas_usage":
                return int(record["charge_minor"])
        return 0

    @staticmethod
    def _reason(kind: str) -> str:
        return {"data_usage": "data", "voice_usage": "voice", "vas_usage": "vas"}.get(kind, "sms")

    def _top_up(self, at: int) -> Record:
        amount = self.chance.choice((300, 500) if self.frugal else (1000, 1500, 2000, 5000, 10000))
        return self._move_balance(self.money(at, "topup", amount, channel=self.chance.choice(("app", "web", "store"))))

    def _come_back(self, midnight: int) -> None:
        """A new line, under a number of its own: the city does not empty."""
        self.lines += 1
        self.line, self.msisdn = f"{self.id.replace('C', 'S')}-N{self.lines}", f"+86139{self.lines:02d}{self.msisdn[-6:]}"
        self.activated_ms, self.gone_at, self.agreed = self.at(midnight, 9, 18), None, None
        self.later, self.pauses, self.buckets = {}, [], []

    def leave(self, at: int, reason: str) -> Record:
        """The line is terminated at `at`: the last record of this customer."""
        self.gone_at = at
        return self.state(at, "line.status", "terminated", "active", reason=reason)
