"""Re-arm words: when a rule that has fired may fire again (`docs/semantics.md` §1.4). Several words apply together; without any every match is an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.engine.expression import DefinitionFault, Expr, TruthKey
from streams.engine.spans import Span, span_of
from streams.engine.streams import key_of

if TYPE_CHECKING:
    from streams.engine.features.session import Session
    from streams.engine.streams import Length


class Rearm:
    """One re-arm word. `per`: the values that split it beyond the rule's own key."""

    per: tuple[Expr, ...] = ()


def values_of(per: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """Values as parts of a key: of a truth value unknown is a third one."""
    return tuple(TruthKey(value) if value.kind == "bool" else value for value in per)


class Edge(Rearm):
    """Armed at the start, and again whenever the condition is not true without the record."""

    def __str__(self) -> str:
        return "edge"


class Reset(Rearm):
    """An event empties the frames of its trigger."""

    def __str__(self) -> str:
        return "reset"


class Cool(Rearm):
    """After an event at t none before t + span; of civil days: before the civil date that many days later."""

    def __init__(self, span: Span, per: tuple[Expr, ...] = ()) -> None:
        self.span, self.per = span, values_of(per)

    def __str__(self) -> str:
        return f"cool {self.span}" + (f" per {', '.join(map(str, self.per))}" if self.per else "")


class OncePer(Rearm):
    """At most one event for each combination of values, remembered for 400 days; an unknown value counts as a value, unless `otherwise` decides then."""

    def __init__(self, per: tuple[Expr, ...], otherwise: Rearm | None = None) -> None:
        self.per, self.otherwise = values_of(per), otherwise

    def or_if_unknown(self, otherwise: Rearm) -> OncePer:
        """Where one of the values is unknown, `otherwise` decides: a cool(...) or each."""
        if not isinstance(otherwise, Cool | Each):
            raise DefinitionFault(f"or_if_unknown: wanted cool(...) or each, got {otherwise}")
        return OncePer(self.per, otherwise)

    def __str__(self) -> str:
        return f"once per {', '.join(map(str, self.per))}" + (f", if unknown {self.otherwise}" if self.otherwise is not None else "")


class Once(Rearm):
    """At most one event in the life of the key."""

    def __str__(self) -> str:
        return "once"


class Each(Rearm):
    """Every match is an event."""

    def __str__(self) -> str:
        return "each"


def cool(span: Length, *, per: Expr | Session | None = None) -> Cool:
    """After an event none for `span`; `per`: counted for each value of it."""
    return Cool(span_of("cool", span), () if per is None else (key_of(per),))


def once_per(*keys: Expr | Session) -> OncePer:
    """At most one event for each combination of values; a session stands for its id."""
    values = tuple(key_of(one) for one in keys)
    if not values or not all(isinstance(value, Expr) for value in values):
        raise DefinitionFault(f"once_per: wanted values such as day or I.bill_id, got {', '.join(map(repr, values)) or 'none'}")
    return OncePer(values)


edge, reset, once, each = Edge(), Reset(), Once(), Each()
