"""How many and how much: of the last so long, of a period, and the result when a period is over (P3, P8)."""

from __future__ import annotations

from events.words import C, S
from streams.define import day, once_per, reset
from tests.conformance.cases import DAY, Case, Clock, Found, Story, record, use, view
from tests.conformance.sequences import name, views
from tests.engine.laboratory.toys import toy

# Of the last so long. A contact reads what a window holds at its moment

lately = views.within("10000s")
contents = toy("contents", "customer", C.all, names=lately.list(name))
how_many = toy("how_many", "customer", C.all, n=lately.count())
five = views.within("5s")
logins = toy("logins", "customer", views, names=five.list(name))
triples = views.within("5s")
triple = toy("triple", "customer", views.where(triples.count() >= 3), reset, names=triples.list(name))


def look(at):
    """A contact."""
    return record("interaction", at, "1", interaction_id=f"I{at}", direction="inbound", channel="app", reason="other", status="opened", start_time=at)


def event(at, *names):
    return [view("e", at, one) for one in names]


# Of a period: its end is the day's. The result when it is over, once

used = S.same(day)
results = {"total": used.sum(S.quantity), "first": used.first(S.quantity), "last": used.latest(S.quantity), "n": used.count()}
total = toy("total", "line", used.on(day + "1d"), once_per(day), **{of: value[day - "1d"] for of, value in results.items()})
on_day = views.today()
of_day = toy("of_day", "customer", views, names=on_day.list(name))


def values(*moments, who="1"):
    """A service used once at each moment."""
    return [use("u", at, who=who) for at in moments]


def summed(at, n, who="1", *, total=None, first=1, last=1):
    return Found(at, {"total": total or n, "first": first, "last": last, "n": n}, who)


CASES = [
    Case(
        "esper-time-window-10s-contents",
        contents,
        Story(
            [
                *event(1000, "E1"),
                *event(2000, "E2"),
                *event(3000, "E3"),
                look(3000),
                look(10999),
                look(11000),
                look(12000),
                *event(12000, "E4", "E5"),
                look(12000),
                look(13000),
                look(22000),
            ],
            [
                *(Found(at, {"names": ["E1", "E2", "E3"]}) for at in (3000, 10999)),
                *(Found(11000, {"names": ["E2", "E3"]}), Found(12000, {"names": ["E3"]}), Found(12000, {"names": ["E3", "E4", "E5"]})),
                *(Found(13000, {"names": ["E4", "E5"]}), Found(22000, {"names": []})),
            ],
        ),
    ),
    Case(
        "esper-time-window-10s-burst",
        how_many,
        Story(
            [*event(1000, "E1", "E2", "E3", "E4"), look(1000), *event(2000, "E5"), look(2000), look(10999), look(11000)],
            [Found(at, {"n": n}) for at, n in [(1000, 4), (2000, 5), (10999, 5), (11000, 1)]],
        ),
    ),
    Case(
        "siddhi-external-time-5s",
        logins,
        Story(
            [*event(0, ".3"), *event(1, ".4"), *event(10_000, ".5"), *event(10_004, ".6"), *event(20_000, ".7")],
            [Found(at, {"names": names}) for at, names in [(0, [".3"]), (1, [".3", ".4"]), (10_000, [".5"]), (10_004, [".5", ".6"]), (20_000, [".7"])]],
        ),
        unit_ms=1,
    ),
    Case(
        "siddhi-within-6",
        triple,
        Story(
            [*event(0, "v100", "v150", "v200", "v210"), *event(500, "v250", "v260", "v270")],
            [Found(0, {"names": ["v100", "v150", "v200"]}), Found(500, {"names": ["v210", "v250", "v260"]})],
        ),
        unit_ms=1,
    ),
    # 3 s are a day. What arrives out of order waits for what is older
    Case(
        "flink-tumbling-3s-sum",
        total,
        Story(
            [*values(3999, 3000, who="2"), *values(20, 0, 999), *values(1998, 1999, 1000, who="2"), *(Clock(at) for at in (4999, 5999, 6000, 6999, 7999))],
            [summed(3000, 3), summed(3000, 3, "2"), summed(6000, 2, "2")],
        ),
        unit_ms=DAY // 3000,
        waits={"raw.usage": 4000},
    ),
    # 2 ms are a day; what is 48 h late is dead-lettered
    Case(
        "kafka-final-tumbling-grace",
        total,
        Story(values(0, 1, 2, 1, 0, 5, 0), [summed(2, 4), summed(4, 1)], late=1),
        unit_ms=DAY // 2,
    ),
    # 10 ms are a day, the records behind are nine days late and more
    Case(
        "kafka-late-drop-by-grace",
        of_day,
        Story(
            [view("v", at, value) for at, value in [(200, "100"), (100, "0"), (101, "1"), (102, "2"), (103, "3"), (104, "4"), (105, "5"), (6, "6")]],
            [Found(200, {"names": ["100"]})],
            late=7,
        ),
        unit_ms=DAY // 10,
    ),
    Case("ksql-final-zero-grace", total, Story([*values(0, 1, 2), Clock(2)], [summed(2, 2)]), unit_ms=DAY // 2),
    Case("ksql-final-not-before-end", total, Story([*values(0, 1), Clock(1)], []), Story([*values(0, 1), Clock(2)], [summed(2, 2)]), unit_ms=DAY // 2),
    # 10 s are a day
    Case(
        "bytewax-count-tumbling",
        total,
        Story([*values(0, 4), *values(8, who="2"), *values(12, 13), Clock(20)], [summed(10, 2), summed(20, 2), summed(10, 1, "2")]),
        unit_ms=DAY // 10,
    ),
    Case(
        "beam-fixed-default",
        total,
        Story([*(use("u", at, quantity=at) for at in (1, 2, 3, 10, 11)), Clock(25)], [summed(10, 3, total=6, last=3), summed(20, 2, total=21, first=10, last=11)]),
        unit_ms=DAY // 10,
    ),
]
