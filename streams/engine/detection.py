"""Detections: what a rule found, an event about a customer with everything that is published of it."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from schemas.codes import NULL, text_of
from streams.engine.expression import Expr, Output, RecordField
from streams.engine.identity import Identity, identity, unpack
from streams.engine.state.codec import SEPARATOR

if TYPE_CHECKING:
    from streams.definitions.event import Event
    from streams.engine.batch import Matches

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
    """Turns the matches of one event into detections."""

    def __init__(self, event: type[Event], parameters: dict[str, int]) -> None:
        self.event, self.parameters = event, parameters
        self.evidence = evidence_of(event)
        self.shows_currency = event.has_money() and "currency" not in event.payload

    def describe(self, fired: Matches, consents: list[str]) -> list[Detection]:
        """One detection a match; `consents` are the customers' marketing consents."""
        event, records = self.event, fired.records()
        who = [identity(record) for record in records] if records else [unpack(anchor) for anchor in fired.outputs[0, "anchor"]]
        details = {name: shown(fired, field.value) for name, field in event.payload.items()}
        evidence = {name: shown(fired, node) for name, node in self.evidence.items()}
        offsets = fired.world.calendar.offset_ms(fired.times, fired.zones).tolist()
        found = []
        for i, time in enumerate(fired.times.tolist()):
            record = records[i] if records else None
            detail = {name: column[i] for name, column in details.items()}
            if self.shows_currency and record is not None:
                detail["currency"] = record.currency
            found.append(
                Detection(
                    event.id,
                    event.version,
                    key_of(event.by, who[i]),
                    time,
                    offsets[i],
                    who[i],
                    record is None,
                    getattr(record, "channel", None) or getattr(record, "platform", None),
                    consents[i],
                    self.parameters,
                    {name: column[i] for name, column in evidence.items()},
                    detail,
                    event.valid_for_ms,
                )
            )
        return found


def shown(fired: Matches, node: Expr) -> list[Any]:
    """The values of `node` for each match as JSON has them; unknown ones are None."""
    if node.kind == "list":
        return list(node.evaluate(fired))  # lists of texts come as they are
    column = fired.column(node)
    values = [plain(node.kind, value) for value in column.values.tolist()]
    if column.known is None:
        return values
    return [value if known else None for value, known in zip(values, column.known.tolist(), strict=True)]


def evidence_of(event: type[Event]) -> dict[str, Expr]:
    """The named parts of `when`: what the primitive reports, and the record fields that the conditions read."""
    signal = event.signal
    parts: dict[str, Expr] = dict(signal.primitive.outputs())
    conditions = [signal.condition] if signal.timed else [signal.primitive.condition(), signal.condition]
    for condition in conditions:
        for node in condition.walk():
            if isinstance(node, RecordField | Output) and str(node) not in parts and node.key() not in {part.key() for part in parts.values()}:
                parts[str(node)] = node
    return parts


def key_of(by: str, who: Identity) -> str:
    """The subject of an event of scope `by`."""
    key = {"line": who.subscription_id, "account": who.account_id, "customer": who.customer_id}[by]
    return key or who.customer_id


__all__ = ["SEPARATOR", "Describer", "Detection", "np", "plain", "rfc3339"]
