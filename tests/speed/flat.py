"""Whether a soak stayed flat: each figure with what it came to, and its bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tests.speed.curves import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.speed.measures import Row

PERIODS = (
    Column("minute", "minute", ",.0f"),
    Column("customers", "customers"),
    Column("how", "begins with", ""),
    Column("ready_s", "start to ready, s", ",.1f"),
    Column("restored", "rows restored"),
    Column("us_row", "restore, µs a row", ",.2f"),
    Column("outage_s", "latest event, s", ",.1f"),
    Column("settled_mb", "memory then, MB"),
    Column("resident_mb", "memory at the end, MB"),
    Column("rows_customer", "rows a customer", ",.1f"),
    Column("stored_mb", "state topic, MB"),
    Column("stored_customer", "state topic, B a customer"),
    Column("p50_ms", "p50, ms"),
    Column("p99_ms", "p99, ms"),
    Column("lag", "lag, records"),
    Column("core", "of a core", ".0%"),
)
VERDICTS = (
    Column("title", "", ""),
    Column("early", "from", ",.5g"),
    Column("late", "to", ",.5g"),
    Column("grown", "grows by", ""),
    Column("bound", "may grow by", ""),
    Column("verdict", "", ""),
)
FEWEST = 6
"""Periods by which something can be judged."""
CUSTOMER_BYTES = 10_000
"""Memory for one more customer with some 15 records, at most."""
GIVEN_BACK = 0.25
"""Of what a worker holds some time after a restart, so much may be added until the next: it restores into arrays that have no room, and its next new customers double them."""


class Bound(NamedTuple):
    """A figure that must not grow by more than `most` of its mean over the second half of the periods, by the straight line through them."""

    key: str
    title: str
    most: float


STORED = Bound("stored_customer", "state topic, B a customer: highest of each half", 0.1)
FLAT = (
    Bound("rows_customer", "rows of state a customer", 0.05),
    Bound("us_row", "restore, µs a row", 0.25),
    Bound("p50_ms", "latency, p50, ms", 0.25),
    Bound("p99_ms", "latency, p99, ms", 0.25),
)


def line(rows: Sequence[Row], x: str, y: str) -> Callable[[float], float]:
    """The straight line through the points of `rows`."""
    slope, start = np.polyfit(np.array([row[x] for row in rows], np.float64), np.array([row[y] for row in rows], np.float64), 1)
    return lambda at: float(start + slope * at)


def verdict(title: str, ends: tuple[float, float], grown: float, most: float, form: str) -> Row:
    """A row of the second table."""
    return {"title": title, "early": ends[0], "late": ends[1], "grown": format(grown, form), "bound": format(most, form.removeprefix("+")), "verdict": word(flat=grown <= most)}


def word(*, flat: bool) -> str:
    """As it is written."""
    return "flat" if flat else "**grows**"


def second_half(rows: Sequence[Row]) -> Sequence[Row]:
    """The periods that are judged: in the first ones what is there once weighs more than customers do."""
    return rows[len(rows) // 2 :]


def grown(rows: Sequence[Row], bound: Bound) -> Row:
    """How a figure went on."""
    half = second_half(rows)
    along = line(half, "minute", bound.key)
    early, late = along(half[0]["minute"]), along(half[-1]["minute"])
    return verdict(bound.title, (early, late), (late - early) * len(half) / sum(row[bound.key] for row in half), bound.most, "+.1%")


def highest(rows: Sequence[Row], bound: Bound) -> Row:
    """How the highest values of both halves differ, of what rises until it is compacted and falls then."""
    early, late = (max(row[bound.key] for row in half) for half in (rows[: len(rows) // 2], second_half(rows)))
    return verdict(bound.title, (early, late), late / early - 1, bound.most, "+.1%")


def memory(rows: Sequence[Row]) -> Row:
    """Bytes of memory for one more customer."""
    half = second_half(rows)
    along = line(half, "customers", "resident_mb")
    first, last = half[0]["customers"], half[-1]["customers"]
    each = (along(last) - along(first)) * 1e6 / (last - first)
    return verdict("memory, MB; growth in B a further customer", (along(first), along(last)), each, CUSTOMER_BYTES, "+,.0f")


def given_back(rows: Sequence[Row]) -> Row:
    """What restarts gave back: of all of them, memory before and after."""
    before, after = (sum(row[key] for row in own) / len(own) for key, own in (("resident_mb", rows[:-1]), ("settled_mb", rows[1:])))
    return verdict("memory after restarts and before, MB; growth while a worker runs", (after, before), (before - after) / after, GIVEN_BACK, "+.1%")


def verdicts(rows: Sequence[Row]) -> list[Row]:
    """All of them."""
    return [memory(rows), given_back(rows), highest(rows, STORED), *(grown(rows, bound) for bound in FLAT)]


def flat(found: Sequence[Row]) -> bool:
    """Whether all bounds hold."""
    return all(one["verdict"] == word(flat=True) for one in found)


def size_of(rows: Sequence[Row]) -> str:
    """How much it was."""
    last = rows[-1]
    return f"{last['sent']:,} records, {rows[0]['customers']:,} to {last['customers']:,} customers, {last['events']:,} events, each equal to a replay's, none twice, {len(rows) - 1} restarts"


def in_percent(rows: Sequence[Row], lines: Sequence[tuple[str, str]]) -> list[Row]:
    """For the picture: the periods that begin with a restart, each figure in per cent of its mean."""
    own = rows[1:]
    means = {key: sum(row[key] for row in own) / len(own) for key, _ in lines}
    return [{"minute": row["minute"], **{key: 100 * row[key] / mean for key, mean in means.items()}} for row in own]
