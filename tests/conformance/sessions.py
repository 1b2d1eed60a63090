"""Sessions (P9): what belongs to one, what comes late, and when one is over."""

from __future__ import annotations

from events.words import S
from tests.conformance.cases import HOUR, Case, Clock, Found, Story, use, utc
from tests.engine.laboratory.toys import toy

paid = S.same(S.currency)


def session(gap):
    """An event at the end of each session."""
    sitting = paid.session(gap=gap)
    found = {"start": sitting.start, "end": sitting.end, "n": sitting.count(), "names": sitting.list(S.provider_id), "largest": sitting.largest(S.charge_minor)}
    return toy(f"session_{gap}", "line", sitting.closed, **found)


def closed(start, end, names, *, gap, largest=0, unit_ms=1, who="1"):
    """The session from `start` to `end` of those `names`, over a `gap` later."""
    n, listed = len(names), list(dict.fromkeys(names))
    return Found(end + gap, {"start": utc(start, unit_ms), "end": utc(end, unit_ms), "n": n, "names": listed, "largest": largest, "currency": "CNY"}, who)


def events(*moments, who="1"):
    return [use("v", at, "v", who=who) for at in moments]


CASES = [
    Case(
        "siddhi-session-ooo-merge",
        session("2s"),
        Story([use("p", 10000, "101"), use("p", 10010, "102"), use("p", 9000, "103"), Clock(20000)], [closed(9000, 10010, ["103", "101", "102"], gap=2000)]),
        unit_ms=1,
        waits={"raw.usage": 2000},
    ),
    Case(
        "kafka-session-merge-by-late",
        session("5min"),
        Story([*events(0, 300_001, 150_000), Clock(700_000)], [closed(0, 300_001, ["v"] * 3, gap=300_000)]),
        unit_ms=1,
        waits={"raw.usage": 300_000},
    ),
    Case(
        "kafka-session-three",
        session("5min"),
        Story(
            [*events(0, 300_001, 300_001, 600_002, 600_002, 600_002), Clock(1_000_000)],
            [closed(at, at, ["v"] * n, gap=300_000) for at, n in [(0, 1), (300_001, 2), (600_002, 3)]],
        ),
        unit_ms=1,
    ),
    Case(
        "ksql-session-ooo",
        session("30s"),
        Story(
            [
                *(use("v", at, "v", price) for at, price in [(0, 0), (70_010, 1), (10_009, 5), (10_010, 6)]),
                *(use("v", at, "v", price, who="2") for at, price in [(10_009, 100), (10_010, 101), (86_412_022, 200), (60_000, 200)]),
                Clock(87_000_000),
            ],
            [
                closed(0, 10_010, ["v"] * 3, gap=30_000, largest=6),
                closed(70_010, 70_010, ["v"], gap=30_000, largest=1),
                closed(10_009, 10_010, ["v"] * 2, gap=30_000, largest=101, who="2"),
                closed(60_000, 60_000, ["v"], gap=30_000, largest=200, who="2"),
                closed(86_412_022, 86_412_022, ["v"], gap=30_000, largest=200, who="2"),
            ],
        ),
        unit_ms=1,
        waits={"raw.usage": 86_400_000},
    ),
    # A unit is four hours: what is 13 behind is later than 48 h
    Case(
        "ksql-final-session-grace6",
        session("20h"),
        Story(
            events(0, 4, 8, 12, 14, 30, 29, 17, 42),
            [closed(0, 14, ["v"] * 5, gap=5, unit_ms=4 * HOUR), closed(29, 30, ["v"] * 2, gap=5, unit_ms=4 * HOUR)],
            late=1,
        ),
        unit_ms=4 * HOUR,
    ),
    Case("bytewax-session-backward", session("10s"), Story([*events(0, -5), Clock(10)], [closed(-5, 0, ["v"] * 2, gap=10, unit_ms=1000)])),
]
