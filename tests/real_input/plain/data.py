"""What the counts read: the JSON records that are fed, in the order of their release, the reference tables, the parameters, and civil days."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
ACTS = {
    "voice_usage": lambda r: r["duration_s"] >= 1,
    "message_usage": lambda r: r["direction"] == "mo" and r["result"] == "delivered",
    "data_usage": lambda r: r["total_bytes"] >= 1,
}


@cache
def civil(zone, minute):
    return datetime.fromtimestamp(minute * 60, ZoneInfo(zone))


class Data:
    """Records by key; of a line none after its end. A balance change has the clock before it."""

    def __init__(self, lines, reference, zone, parameters, until):
        self.records = [json.loads(line) for line in lines]
        self.reference, self.zone, self.parameters = reference, zone, parameters
        self.until = round(datetime.fromisoformat(until).timestamp() * 1000)
        self.ends, self.seen = {}, {}
        by_line, clock = defaultdict(list), 0
        for r in self.records:
            who, at = r["subscription_id"], r["event_time"]
            if r["record_type"] == "balance_change":
                r["clock"] = clock
                clock = max(clock, at)
            self.seen[who] = min(at, self.seen.get(who, at))
            if who not in self.ends:
                by_line[who].append(r)
            if r["record_type"] == "state_change" and r["new_value"] == "terminated":
                self.ends[who] = at
        self.by_line = dict(by_line)

    def of(self, *kinds, where=lambda r: True):
        """Line and its records of some types, for each line."""
        for who, records in self.by_line.items():
            if chosen := [r for r in records if r["record_type"] in kinds and where(r)]:
                yield who, chosen

    def bills(self):
        """Account and its bills, after the end of the line too."""
        by_account = defaultdict(list)
        for r in self.records:
            if r["record_type"] == "bill_issued":
                by_account[r["account_id"]].append(r)
        return by_account.items()

    def acts(self, *kinds):
        return self.of(*(kinds or ACTS), where=lambda r: ACTS[r["record_type"]](r))

    def set(self, event, name, default):
        return self.parameters.get(event, {}).get(name, default)

    def day(self, ms):
        return civil(self.zone, ms // MINUTE).date()

    def at(self, day, hour=0):
        return round(datetime.combine(day, time(hour), ZoneInfo(self.zone)).timestamp() * 1000)

    def later(self, ms, days):
        """The same civil time some days later."""
        local = civil(self.zone, ms // MINUTE)
        return round(datetime.combine(local.date() + timedelta(days=days), local.time(), ZoneInfo(self.zone)).timestamp() * 1000) + ms % MINUTE

    def alive(self, who, due):
        """Whether a timer of the line still fires: before its end, and before the last moment of the clock."""
        return due < self.ends.get(who, due + 1) and due + 5 * SECOND <= self.until

    def monday(self, ms):
        day = self.day(ms)
        return day - timedelta(days=day.weekday())


def span(text):
    """Milliseconds of 90s, 5min or 48h; days of 7d."""
    number, unit = int(text.rstrip("dhmins")), text.lstrip("0123456789")
    return number if unit == "d" else number * {"s": SECOND, "min": MINUTE, "h": HOUR}[unit]


def rfc(ms):
    return datetime.fromtimestamp(ms / 1000, ZoneInfo("UTC")).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def two(number, by=1):
    """A quotient with two decimals, half up."""
    cents = (200 * number + by) // (2 * by)
    return f"{cents // 100}.{cents % 100:02d}"


def half_up(number, by):
    return (2 * number + by) // (2 * by)


def day_before(day: date, days: int) -> date:
    return day - timedelta(days=days)
