"""Detections: what a rule found, an event about a customer with everything that is published of it."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.json import decode

from schemas.codes import NULL, text_of
from streams.engine.expression import Expr, Reading, RecordField, decimal, exactly
from streams.engine.plan import currencies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.definitions.event import Event
    from streams.engine.flow import Flow
    from streams.engine.identity import Identity

EPOCH_DAY = date(1970, 1, 1)


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


def rfc3339(ms: int, offset_ms: int | None = None) -> str:
    """Epoch ms as RFC 3339 with milliseconds: in UTC, or with an offset."""
    day, clock = divmod(ms + (offset_ms or 0), 86_400_000)
    seconds, millis = divmod(clock, 1000)
    text = f"{civil_date(day)}T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{millis:03d}"
    if offset_ms is None:
        return text + "Z"
    minutes = abs(offset_ms) // 60_000
    return f"{text}{'-' if offset_ms < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


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
        timed = flow.timed.tolist()
        found = []
        for i, time in enumerate(flow.time.tolist()):
            who = flow.identity(i)
            found.append(
                Detection(
                    event.id,
                    event.version,
                    key_of(event.by, who),
                    time,
                    offsets[i],
                    who,
                    timed[i],
                    flow.channel(i),
                    consents[i],
                    self.parameters,
                    {name: column[i] for name, column in evidence.items()},
                    {name: column[i] for name, column in details.items()},
                    event.valid_for_ms,
                )
            )
        return found


def shown(flow: Flow, node: Expr) -> list[Any]:
    """The values of `node` for each happening as JSON has them; unknown ones are None."""
    column = flow.column(node)
    if node.kind == "list":
        return list(column.values)
    if node.kind == "ratio":
        found = [exactly(node, flow, place) for place in range(flow.n)]
        return [None if one is None else decimal(one) for one in found]
    values = [plain(node.kind, value) for value in column.values.tolist()]
    if column.known is None:
        return values
    return [value if known else None for value, known in zip(values, column.known.tolist(), strict=True)]


def evidence_of(event: type[Event]) -> dict[str, Expr]:
    """The named parts of `when`: what its conditions read of the record and of state; of a timer since when it ran."""
    source = event.when.source
    conditions = list(event.when.conditions)
    parts: dict[str, Expr] = dict(source.evidence())
    if not source.timed:
        conditions += [condition for origin in source.origins() for condition in origin.conditions if not source.timed]
    taken = {part.key() for part in parts.values()}
    for condition in conditions:
        for node in condition.walk():
            if isinstance(node, RecordField | Reading) and str(node) not in parts and node.key() not in taken:
                parts[str(node)] = node
                taken.add(node.key())
    return parts


def key_of(by: str, who: Identity) -> str:
    """The subject of an event of scope `by`."""
    key = {"line": who.subscription_id, "account": who.account_id, "customer": who.customer_id}[by]
    return key or who.customer_id


__all__ = ["Describer", "Detection", "evidence_of", "plain", "rfc3339"]
