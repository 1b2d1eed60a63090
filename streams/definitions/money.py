"""Money needs a currency: amounts that are shown without one, and sums that would add up two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.raw import fields_of
from streams.definitions.event import Amount, Event, Flaw
from streams.engine.expression import Compare, Const, Expr, In, Known, Logic, RecordField
from streams.engine.features.day_total import DayTotal
from streams.engine.features.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

MINOR = "minor unit of currency"
OF_BUCKET = "`unit`"
"""The unit of fields whose record names the unit itself."""
MONEY_KINDS = {"money", "credit"}


def money_flaws(event: type[Event]) -> Iterator[Flaw]:
    """Amounts without a currency, and sums over several."""
    yield from amount_flaws(event)
    yield from sum_flaws(event)


def amount_flaws(event: type[Event]) -> Iterator[Flaw]:
    """An Amount is shown with the currency of the record, or with a field `currency` of the payload."""
    if not event.has_money() or "currency" in event.payload:
        return
    name = next(name for name, field in event.payload.items() if field.type is Amount)
    records = event.signal.primitive.records
    if event.signal.timed or records is None:
        yield Flaw(name, "wanted a currency beside the amount, but a timer has no record to take it from: leave the amount out, or show it as Field[int]")
    elif "currency" not in fields_of(records):
        yield Flaw(name, f"wanted a record with a currency beside the amount, got {records.__name__}: show it as Field[int], or leave it out")
    elif all(field.nullable for field in event.payload.values() if field.type is Amount):
        return  # such an amount is null together with its currency
    elif fields_of(records)["currency"].nullable and not says_money(records, event.signal.primitive.condition(), event.signal.condition):
        remedy = 'B.bucket_kind == "money"' if "bucket_kind" in fields_of(records) else "its currency.known()"
        yield Flaw(name, f"wanted a currency beside the amount, but {records.__name__} may come without one: add .where({remedy})")


def sum_flaws(event: type[Event]) -> Iterator[Flaw]:
    """Sums, extremes and day totals of money are kept for each currency; those of buckets for each unit."""
    primitive = event.signal.primitive
    added: list[Expr] = []
    if isinstance(primitive, Window):
        added = [node.arguments[-1] for node in primitive.aggregates.values() if node.function in ("sum", "largest", "top")]
    elif isinstance(primitive, DayTotal):
        added = [primitive.value]
    split = {node.name for node in primitive.same if isinstance(node, RecordField)}
    fixed = {name for name, values in equal_to(primitive.condition()) if len(values) == 1}
    for node in added:
        for field in node.walk():
            if not isinstance(field, RecordField):
                continue
            unit = fields_of(field.record)[field.name].unit
            money = unit == MINOR or (unit == OF_BUCKET and says_money(field.record, primitive.condition()))
            if money and not {"currency", "bucket_id"} & (split | fixed):
                yield Flaw("when", f"{field}: wanted .same(…currency) before sums of money, which cannot add up two currencies")
            elif unit == OF_BUCKET and not money and not {"unit", "bucket_kind", "bucket_id"} & (split | fixed):
                yield Flaw("when", f"{field}: wanted one bucket_kind, in .where(…) or .same(…), before its sums, which cannot add up two units")


def conjuncts(condition: Expr) -> Iterator[Expr]:
    """The conditions that all must hold."""
    if isinstance(condition, Logic) and condition.sign == "&":
        yield from conjuncts(condition.left)
        yield from conjuncts(condition.right)
    else:
        yield condition


def equal_to(condition: Expr) -> Iterator[tuple[str, set[object]]]:
    """Fields that must have one of some values."""
    for part in conjuncts(condition):
        if isinstance(part, Compare) and part.sign == "==" and isinstance(part.left, RecordField) and isinstance(part.right, Const):
            yield part.left.name, {part.right.value}
        elif isinstance(part, In) and isinstance(part.inner, RecordField):
            yield part.inner.name, set(part.values)


def says_money(records: type, *conditions: Expr) -> bool:
    """Whether the conditions let through only records that have a currency."""
    known = {"unit": {"minor"}, "bucket_kind": MONEY_KINDS}
    for condition in conditions:
        if any(values <= known.get(name, set()) for name, values in equal_to(condition)):
            return True
        for part in conjuncts(condition):
            fields = [node for node in part.walk() if isinstance(node, RecordField)] if isinstance(part, Compare | Known | In) else []
            if any(field.name == "currency" or fields_of(records)[field.name].unit == MINOR for field in fields if field.name in fields_of(records)):
                return True
    return False
