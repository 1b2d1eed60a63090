"""Money needs a currency: amounts that are shown without one, and what would add up or compare two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.raw import fields_of
from streams.definitions.event import AMOUNT, Flaw
from streams.definitions.money import MINOR, OF_BUCKET, equal_to, says_money
from streams.definitions.tree import conditions_of, known_behind, placed
from streams.engine.expression import Expr, RecordField
from streams.engine.features.frame import Feature
from streams.engine.features.level import CrossingSource
from streams.engine.features.moves import MoveSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.definitions.event import Event
    from streams.engine.streams import Stream

APART = ("count", "distinct", "any", "list", "cover", "streak", "periods")
"""Functions of a frame that add up and compare no amounts."""


def money_flaws(event: type[Event]) -> Iterator[Flaw]:
    """Amounts without a currency, and features, levels and moves of several."""
    yield from amount_flaws(event)
    yield from mixed_flaws(event)


def amount_flaws(event: type[Event]) -> Iterator[Flaw]:
    """An amount is shown with the currency of the record behind the trigger, or with a field `currency` of the detail."""
    amounts = {name: field for name, field in event.payload.items() if field.shape is AMOUNT}
    own = event.payload.get("currency")
    if own is not None:
        if own.shape.kind != "text":
            yield Flaw("detail.currency", f"wanted a text as the currency, got {own.value}, {own.shape.says}")
        return
    for record in event.when.source.records() if amounts else ():
        at, fields = f"detail.{next(iter(amounts))}", fields_of(record)
        if "currency" not in fields:
            yield Flaw(at, f"wanted a currency beside the amount, got {record.__name__} behind `when`, which has none: show one as currency=…, or leave the amount out")
        elif fields["currency"].nullable and not all(field.nullable for field in amounts.values()) and not has_currency(event.when, record):
            remedy = 'B.bucket_kind == "money"' if "bucket_kind" in fields else f"{getattr(record, 'code', 'its ')}.currency.known()"
            yield Flaw(at, f"wanted a currency beside the amount, but {record.__name__} may come without one: add .where({remedy})")


def has_currency(stream: Stream, record: type) -> bool:
    """Whether the record behind a stream's happening surely has a currency."""
    return ("RecordField", record, "currency") in known_behind(stream) or says_money(record, *conditions_of(stream))


def mixed_flaws(event: type[Event]) -> Iterator[Flaw]:
    """What adds or compares money is kept for each currency; what adds other quantities of buckets for each unit."""
    for part, at in placed(event):
        match part:
            case Feature() if part.function not in APART:
                yield from (Flaw(at, f"{part}: {fault}") for fault in mixed(part.arguments[-1], part.frame.stream))
            case CrossingSource() if part.release is not None:
                yield from (Flaw(at, f"level: {fault}") for fault in mixed(part.level.after, part.level.stream))
            case MoveSource():
                yield from (Flaw(at, f"moves: {fault}") for fault in mixed(part.value, part.stream))


def mixed(value: Expr, stream: Stream) -> Iterator[str]:
    """Why `value` would be compared over two currencies or units among the happenings of `stream`."""
    conditions = conditions_of(stream)
    apart = {node.name for node in stream.by_value if isinstance(node, RecordField)}
    apart |= {name for condition in conditions for name, values in equal_to(condition) if len(values) == 1}
    for field in value.walk():
        if not isinstance(field, RecordField):
            continue
        unit, letter = fields_of(field.record)[field.name].unit, getattr(field.record, "code", "…")
        money = unit == MINOR or (unit == OF_BUCKET and says_money(field.record, *conditions))
        if money and not {"currency", "bucket_id"} & apart:
            yield f"wanted a stream split by currency, got {field} of {stream}: two currencies cannot be added or compared; add .same({letter}.currency)"
        elif unit == OF_BUCKET and not money and not {"unit", "bucket_kind", "bucket_id"} & apart:
            yield f"wanted buckets of one kind, got {field} of {stream}: two units cannot be added or compared; add .where({letter}.bucket_kind == …) or .same({letter}.bucket_id)"
