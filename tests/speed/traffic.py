"""Raw records as users have them: RFC 3339 texts with offset, Zipf customers, about 480 bytes each, in order of event time; balances chain, people travel.

Reproducible from a seed. The customers' weights are 1 / rank ** 0.6: of 200,000 customers the busiest makes 0.3 % of the records.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START_MS = 1_777_564_800_000
"""2026-05-01 00:00 +08:00."""
SPAN_MS = 10 * 86_400_000
"""Records that are not live are of ten days."""
OFFSET_MS = 8 * 3_600_000
EACH = 15
"""Records a customer, where a size alone is given."""
EXPONENT = 0.6
BLOCK = 4096
CITIES, CELLS = 300, 20
TOURIST = 7
"""Every seventh city is one for tourists."""
SHARES = (("balance", 0.25), ("data", 0.40), ("location", 0.27), ("call", 0.07), ("contact", 0.01))
KINDS, EDGES = [kind for kind, _ in SHARES], np.cumsum([share for _, share in SHARES])[:-1]
RATS = ("5G", "4G", "5G")
APPS = ("video", "social", "game", "music", "shopping")
TOP_UPS = (1000, 2000, 3000, 5000, 10_000)
Record = tuple[str, bytes, bytes]


@lru_cache(maxsize=4096)
def minute_text(minute: int) -> str:
    """The beginning of the text of a moment: up to the minute, in +08:00."""
    return datetime.fromtimestamp(minute * 60 + OFFSET_MS // 1000, UTC).strftime("%Y-%m-%dT%H:%M:")


def rfc3339(at: int) -> str:
    """Epoch ms as a text with ms and offset.

    >>> rfc3339(1_777_564_800_007)
    '2026-05-01T00:00:00.007+08:00'
    """
    minute, rest = divmod(at, 60_000)
    return f"{minute_text(minute)}{rest // 1000:02d}.{rest % 1000:03d}+08:00"


def cell(city: int, number: int) -> str:
    """A cell of a city."""
    return f"460-00-{0x100000 + city * CELLS + number:06X}"


def reference(folder: Path) -> Path:
    """The reference tables of this traffic, written into `folder`: cells and cities."""
    folder.mkdir(parents=True, exist_ok=True)
    cells = [f"{cell(city, number)},{110_000 + city}\n" for city in range(CITIES) for number in range(CELLS)]
    (folder / "cells.csv").write_text("cell_id,city_code\n" + "".join(cells))
    cities = [f"{110_000 + city},City {city},CN,{str(city % TOURIST == 0).lower()},Asia/Shanghai,{20 + city % 25},{100 + city // 15}\n" for city in range(CITIES)]
    (folder / "cities.csv").write_text("city_code,name,country,tourist,tz,lat,lon\n" + "".join(cities))
    return folder


def zipf(customers: int) -> Any:
    """Up to where, from 0 to 1, a random number names each rank or one before it."""
    weights = np.cumsum(np.arange(1, customers + 1, dtype=np.float64) ** -EXPONENT)
    return weights / weights[-1]


class Traffic:
    """A reproducible stream of (topic, key, value).

    `step_ms`: from a record to the next, which may be changed between two; `hot`: the share of the records that customer 0 makes besides its own;
    `in_turn`: the customers one after the other instead; `live`: a record's event time is the moment it is made.
    """

    def __init__(self, customers: int, seed: int = 1, *, start_ms: float = START_MS, step_ms: float = 20.0, hot: float = 0.0, in_turn: bool = False, live: bool = False) -> None:
        self.random = np.random.default_rng(seed)
        self.customers, self.hot, self.in_turn, self.live = customers, hot, in_turn, live
        self.edges = zipf(customers)
        self.names = self.random.permutation(customers)
        """Which customer has which rank."""
        self.balance = self.random.integers(800, 6000, customers).tolist()
        self.home = self.random.integers(0, CITIES, customers).tolist()
        self.here = list(self.home)
        self.number, self.at, self.step_ms = 0, float(start_ms), step_ms
        self.drawn: Iterator[tuple[int, ...]] = iter(())
        self.makers = {name: getattr(self, f"_{name}") for name in KINDS}

    @classmethod
    def of_size(cls, records: int, *, customers: int = 0, seed: int = 1, hot: float = 0.0) -> Traffic:
        """`records` records over ten days, 15 of each customer on average unless their number is given."""
        return cls(customers or max(1, records // EACH), seed, step_ms=SPAN_MS / records, hot=hot)

    def among(self, customers: int) -> None:
        """From now on only so many of the customers make records, at random."""
        self.customers, self.edges, self.in_turn, self.drawn = customers, zipf(customers), False, iter(())

    def records(self, count: int) -> list[Record]:
        """The next `count` records."""
        return list(self.stream(count))

    def stream(self, count: int) -> Iterator[Record]:
        """The next `count` records, one after the other."""
        for _ in range(count):
            yield self._record()

    def _who(self) -> Any:
        """The customer of each of the next records."""
        who = self.names[np.minimum(np.searchsorted(self.edges, self.random.random(BLOCK)), self.customers - 1)]
        who[self.random.random(BLOCK) < self.hot] = 0
        return who

    def _draw(self) -> Iterator[tuple[int, ...]]:
        """Customer, kind, a part of 1,000,000, a byte count, an amount and a random number for each of the next records."""
        random, who = self.random, self._who()
        kinds = np.searchsorted(EDGES, random.random(BLOCK), side="right")
        volume = np.minimum(random.lognormal(np.log(80e6), 1.3, BLOCK), 6e9).astype(np.int64)
        amount = np.clip(random.lognormal(np.log(450), 0.8, BLOCK), 10, 8000).astype(np.int64)
        columns: tuple[Any, ...] = who, kinds, random.integers(0, 1_000_000, BLOCK), volume, amount, random.integers(0, 1 << 30, BLOCK)
        return zip(*(column.tolist() for column in columns), strict=True)

    def _record(self) -> Record:
        drawn = next(self.drawn, None)
        if drawn is None:
            self.drawn = self._draw()
            drawn = next(self.drawn)
        who, kind, chance, volume, amount, dice = drawn
        if self.in_turn:
            who = self.number % self.customers
        at = int(time.time() * 1000) if self.live else int(self.at)
        self.at += self.step_ms
        topic, record_type, body = self.makers[KINDS[kind]](at, who, chance, volume, amount, dice)
        value = (
            f'{{"record_id":"r-{self.number:09d}","record_type":"{record_type}","schema_version":1,"event_time":"{rfc3339(at)}",'
            f'"customer_id":"C{who:07d}","account_id":"A{who:07d}","subscription_id":"S{who:07d}","msisdn":"+86138{who:08d}",{body}}}'
        )
        self.number += 1
        return topic, b"C%07d" % who, value.encode()

    def _balance(self, at: int, who: int, chance: int, volume: int, amount: int, dice: int) -> tuple[str, str, str]:
        before = self.balance[who]
        if before < 60 or chance < (300_000 if before < 1000 else 100_000):
            delta, more = TOP_UPS[dice % 5], '"operation":"topup","channel":"app"'
        else:
            delta, more = -min(before, amount), f'"operation":"charge","charge_reason":"{("data", "voice")[dice % 2]}"'
        self.balance[who] = before + delta
        return "raw.billing", "balance_change", (
            f'"source_system":"ocs-{dice % 4}","bucket_id":"bk-{who}","bucket_kind":"money","main":true,"unit":"minor","currency":"CNY",'
            f'"delta":{delta},"balance_after":{before + delta},"valid_until":"2026-08-01T00:00:00.000+08:00",{more}'
        )  # fmt: skip

    def _data(self, at: int, who: int, chance: int, volume: int, amount: int, dice: int) -> tuple[str, str, str]:
        up, seconds = volume * (chance % 100) // 400, 60 + dice % 1740
        return "raw.usage", "data_usage", (
            f'"source_system":"chf-{dice % 8:02d}","session_id":"ch-{dice}","part":{dice % 4},"start_time":"{rfc3339(at - seconds * 1000)}","duration_s":{seconds},'
            f'"uplink_bytes":{up},"downlink_bytes":{volume - up},"total_bytes":{volume},"rat":"{RATS[dice % 3]}","app_category":"{APPS[dice % 5]}","roaming":false,'
            f'"cell_id":"{cell(self.here[who], dice % CELLS)}","rating_tag":"in_bundle","charge_minor":0,"currency":"CNY"'
        )  # fmt: skip

    def _location(self, at: int, who: int, chance: int, volume: int, amount: int, dice: int) -> tuple[str, str, str]:
        home, here = self.home[who], self.here[who]
        if here == home and chance < 50_000:
            here = (dice % (CITIES // TOURIST)) * TOURIST if chance % 2 else dice % CITIES
        elif here != home and chance < 350_000:
            here = home
        self.here[who] = here
        found = cell(here, (dice >> 9) % CELLS)
        return "raw.network", "location_update", (
            f'"source_system":"mme-{dice % 4}","imsi_hash":"h{dice * 7919:010x}","update_type":"{("periodic", "area_change")[dice % 2]}","plmn":"460-00","roaming":false,'
            f'"cell_id":"{found}","area_code":"{found[7:11]}","rat":"{RATS[dice % 3]}"'
        )  # fmt: skip

    def _call(self, at: int, who: int, chance: int, volume: int, amount: int, dice: int) -> tuple[str, str, str]:
        talked = chance < 750_000
        seconds = 10 + dice % 300 if talked else 0
        begun = at - seconds * 1000 - 3000
        answer = f',"answer_time":"{rfc3339(at - seconds * 1000)}"' if talked else ""
        return "raw.usage", "voice_usage", (
            f'"source_system":"msc-{dice % 4}","direction":"{("mo", "mt")[dice % 2]}","bearer":"volte","other_party":"t:{dice % 99_991:05x}","other_class":"onnet",'
            f'"start_time":"{rfc3339(begun)}","duration_s":{seconds},"outcome":"{"answered" if talked else "no_answer"}","roaming":false,"cell_id":"{cell(self.here[who], dice % CELLS)}"{answer}'
        )  # fmt: skip

    def _contact(self, at: int, who: int, chance: int, volume: int, amount: int, dice: int) -> tuple[str, str, str]:
        return (
            "raw.service",
            "interaction",
            (f'"source_system":"cc","interaction_id":"IN-{self.number}","direction":"inbound","channel":"ivr","status":"opened","reason":"billing","start_time":"{rfc3339(at)}"'),
        )
