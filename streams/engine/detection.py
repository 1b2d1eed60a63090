"""Detections: what a rule found, an event about a customer with everything that is published of it."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from msgspec.json import decode

from schemas.codes import NULL, text_of
from streams.engine.batch import ID_OF
from streams.engine.expression import Expr, Reading, RecordField, decimal, exactly
from streams.engine.plan import currencies
from streams.engine.time_texts import texts_of_times

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.definitions.event import Event
    from streams.engine.expression import Array
    from streams.engine.flow import Flow
    from streams.engine.identity import Identity

EPOCH_DAY = date(1970, 1, 1)
MILLIS = [f".{ms:03d}" for ms in range(1000)]


class Detection(NamedTuple):
    """One customer event. Times are epoch ms; `offset_ms` is that of local time from UTC; trigger and anchor name a raw record."""

    event: str
    version: int
    key: str
    time: int
    offset_ms: int
    who: Identity
    """Who the trigger record is about, or the record that set the timer."""
    timed: bool
    """By a timer: `who` is the anchor, not the trigger."""
    touchpoint: str | None
    marketing_consent: str
    parameters: dict[str, int]
    evidence: dict[str, Any]
    detail: dict[str, Any]
    valid_for_ms: int


@lru_cache(4096)
def civil_date(day: int) -> str:
    """A day since 1970-01-01 as YYYY-MM-DD."""
    return (EPOCH_DAY + timedelta(days=day)).isoformat()


@lru_cache(65536)
def second_text(second: int) -> str:
    """A second since 1970 as RFC 3339 has it, without an offset.

    >>> second_text(86_461)
    '1970-01-02T00:01:01'
    """
    day, clock = divmod(second, 86_400)
    return f"{civil_date(day)}T{clock // 3600:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}"


@lru_cache(4096)
def offset_text(offset_ms: int) -> str:
    """An offset from UTC as RFC 3339 has it.

    >>> offset_text(-12_600_000)
    '-03:30'
    """
    minutes = abs(offset_ms) // 60_000
    return f"{'-' if offset_ms < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def rfc3339(ms: int, offset_ms: int | None = None) -> str:
    """Epoch ms as RFC 3339 with milliseconds: in UTC, or with an offset.

    >>> rfc3339(61_001), rfc3339(0, 28_800_000)
    ('1970-01-01T00:01:01.001Z', '1970-01-01T08:00:00.000+08:00')
    """
    if offset_ms is None:
        return f"{second_text(ms // 1000)}{MILLIS[ms % 1000]}Z"
    local = ms + offset_ms
    return f"{second_text(local // 1000)}{MILLIS[local % 1000]}{offset_text(offset_ms)}"


def plain(kind: str, value: Any) -> Any:
    """A known value of an expression as JSON has it; of numbers and texts unknown ones are None too."""
    match kind:
        case "bool":
            return bool(value)
        case "text":
            return text_of(int(value)) if value else None
        case "map":
            return decode(text_of(int(value))) if value else None
        case "token":
            return f"{int(value) % 2**64:016x}" if value else None
        case _ if value == NULL:
            return None
        case "time":
            return rfc3339(int(value))
        case "date":
            return civil_date(int(value))
    return int(value)


def plain_values(kind: str, column: Array) -> list[Any]:
    """The same of many values."""
    if kind in ("int", "time") and column.dtype == np.int64:
        values: list[Any] = column.tolist() if kind == "int" else texts_of_times(np.where(column == NULL, 0, column))
        for place in (column == NULL).nonzero()[0].tolist():
            values[place] = None
        return values
    if kind == "bool":
        return column.astype(bool).tolist()
    found = {value: plain(kind, value) for value in set(column.tolist())}
    return [found[value] for value in column.tolist()]


class Describer:
    """Turns the happenings at which one event happens into detections."""

    def __init__(self, event: type[Event], parameters: dict[str, int]) -> None:
        self.event, self.parameters = event, parameters
        self.evidence = evidence_of(event)
        self.currencies = currencies(event)

    def describe(self, flow: Flow, consents: Sequence[str]) -> list[Detection]:
        """One detection a happening; `consents` are the customers' marketing consents."""
        event = self.event
        details = {name: shown(flow, field.value) for name, field in event.payload.items()}
        if self.currencies:
            several = [shown(flow, node) for node in self.currencies]
            details["currency"] = [next((one for one in found if one is not None), None) for found in zip(*several, strict=True)]
        evidence = {name: shown(flow, node) for name, node in self.evidence.items()}
        offsets = flow.world.calendar.offset_ms(flow.time, flow.zones(event.by)).tolist()
        whos = flow.identities()
        columns: dict[str, Iterable[Any]] = {
            "event": repeat(event.id),
            "version": repeat(event.version),
            "key": keys_of(event.by, whos),
            "time": flow.time.tolist(),
            "offset_ms": offsets,
            "who": whos,
            "timed": flow.timed.tolist(),
            "touchpoint": flow.channels(),
            "marketing_consent": consents,
            "parameters": repeat(self.parameters),
            "evidence": by_happening(evidence, flow.n),
            "detail": by_happening(details, flow.n),
            "valid_for_ms": repeat(event.valid_for_ms),
        }
        return list(map(Detection._make, zip(*(columns[name] for name in Detection._fields), strict=False)))  # repeat has no end


def by_happening(columns: dict[str, list[Any]], n: int) -> list[dict[str, Any]]:
    """Columns as one dictionary for each of `n` happenings.

    >>> by_happening({"a": [1, 2], "b": [3, 4]}, 2)
    [{'a': 1, 'b': 3}, {'a': 2, 'b': 4}]
    """
    names = list(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)] if names else [{} for _ in range(n)]


def shown(flow: Flow, node: Expr) -> list[Any]:
    """The values of `node` for each happening as JSON has them; unknown ones are None."""
    column = flow.column(node)
    if node.kind == "list":
        return list(column.values)
    if node.kind == "ratio":
        found = [exactly(node, flow, place) for place in range(flow.n)]
        return [None if one is None else decimal(one) for one in found]
    values = plain_values(node.kind, column.values)
    if column.known is None or column.known.all():
        return values
    return [value if known else None for value, known in zip(values, column.known.tolist(), strict=True)]


def evidence_of(event: type[Event]) -> dict[str, Expr]:
    """The named parts of `when`: what its conditions read of the record and of state; of a timer since when it ran."""
    source = event.when.source
    conditions = list(event.when.conditions)
    parts: dict[str, Expr] = dict(source.evidence())
    if not source.timed:
        conditions += [condition for origin in source.origins() for condition in origin.conditions if not source.timed]
    taken = {part.same_as for part in parts.values()}
    for condition in conditions:
        for node in condition.walk():
            if isinstance(node, RecordField | Reading) and node.same_as not in taken and str(node) not in parts:
                parts[str(node)] = node
                taken.add(node.same_as)
    return parts


def keys_of(by: str, whos: Sequence[Identity]) -> list[str]:
    """The subjects of events of scope `by`."""
    own = attrgetter(ID_OF[by])
    return [own(who) or who.customer_id for who in whos]


__all__ = ["Describer", "Detection", "evidence_of", "plain", "rfc3339"]
