"""Plain counts over the records in order of event time, written without the engine: what should be detected.

Each gives (customer, record id or due time) pairs. Days are UTC.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta

HOUR = 3_600_000
DAY = 24 * HOUR


def day(ms):
    return datetime.fromtimestamp(ms // 1000, UTC).date()


def small_frequent(records):
    """Three top-ups of at most 20.00 within today and the six days before; then from the start."""
    found, recent = [], defaultdict(list)
    for r in records:
        if r["record_type"] == "balance_change" and r["operation"] == "topup" and r["delta"] <= 2000:
            mine = recent[r["customer_id"]] = [d for d in recent[r["customer_id"]] if (day(r["event_time"]) - d).days < 7]
            mine.append(day(r["event_time"]))
            if len(mine) == 3:
                found.append((r["customer_id"], r["source_system"] + r["record_id"]))
                mine.clear()
    return found


def low(records):
    """From 100.00 or more to less; armed again at 200.00 or more: the parameters that the test sets."""
    found, fired = [], set()
    for r in records:
        if r["record_type"] == "balance_change":
            who, after = r["customer_id"], r["balance_after"]
            if who in fired:
                if after >= 20_000:
                    fired.discard(who)
            elif after - r["delta"] >= 10_000 > after:
                fired.add(who)
                found.append((who, r["source_system"] + r["record_id"]))
    return found


def long_call(records):
    """Half an hour or more, at most once in 24 hours."""
    found, last = [], {}
    for r in records:
        if r["record_type"] == "voice_usage" and r["duration_s"] >= 1800 and r["event_time"] >= last.get(r["customer_id"], 0) + 24 * HOUR:
            last[r["customer_id"]] = r["event_time"]
            found.append((r["customer_id"], r["source_system"] + r["record_id"]))
    return found


def silent(records):
    """Seven days after a session without another, when five of the fourteen days up to it had one; timers up to the last record of all."""
    by_who = defaultdict(list)
    for r in records:
        if r["record_type"] == "data_usage" and r["total_bytes"] >= 1:
            by_who[r["customer_id"]].append(r["event_time"])
    end, found = max(r["event_time"] for r in records), []
    for who, times in by_who.items():
        for at, following in zip(times, [*times[1:], None], strict=True):
            due = at + 7 * DAY
            active = {day(t) for t in times if t <= at and day(at) - day(t) < timedelta(days=14)}
            if len(active) >= 5 and (following > due if following is not None else due + 5000 <= end):
                found.append((who, due))
    return found


COUNTS = {"topup.small_frequent": small_frequent, "balance.low": low, "voice.long_call": long_call, "data.silent": silent}
