"""Money needs a currency: amounts that are shown without one, and sums that would add up two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.raw import fields_of
from streams.definitions.tree import conditions_of
from streams.engine.expression import Arithmetic, Compare, Const, Expr, In, Join, Known, Logic, Param, RecordField
from streams.engine.features.frame import Feature
from streams.engine.features.level import CrossingSource
from streams.engine.features.moves import MoveSource
from streams.engine.features.reach import ReachSource
from streams.engine.sources import Of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MINOR = "minor unit of currency"
OF_BUCKET = "`unit`"
"""The unit of fields whose record names the unit itself."""
MONEY_KINDS = {"money", "credit"}


def is_money(value: Expr, conditions: Iterable[Expr]) -> bool:
    """Whether `value` is an amount of money, where `conditions` hold."""
    if isinstance(value, Param | Join):
        return value.unit == "minor"
    if isinstance(value, Feature):
        if value.function in ("count", "distinct", "any", "top", "list", "cover", "streak", "periods", "falls"):
            return False
        return is_money(value.arguments[0], conditions_of(value.frame.stream))
    if isinstance(value, Of):
        match value.source:
            case CrossingSource() if value.name == "step":
                return is_money(value.source.level.after, conditions_of(value.source.level.stream))
            case ReachSource() if value.name == "step":
                return is_money(value.source.feature, ())
            case MoveSource() if value.name == "was":
                return is_money(value.source.value, conditions_of(value.source.stream))
        return False
    if isinstance(value, RecordField):
        unit = fields_of(value.record)[value.name].unit
        return unit == MINOR or (unit == OF_BUCKET and says_money(value.record, *conditions))
    if value.unit is not None and value.unit not in (MINOR, OF_BUCKET, "minor"):
        return False
    conditions = list(conditions)
    of_money = [is_money(child, conditions) for child in value.children()]
    return of_money == [True, False] if isinstance(value, Arithmetic) and value.sign in ("/", "//") else any(of_money)  # money by money is a number


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
