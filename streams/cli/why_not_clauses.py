"""What one clause of a rule said of one happening, in plain words: for `kairos why-not`."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any

import msgspec

from streams.cli.explanation import Values
from streams.cli.wording import amount, counted
from streams.definitions.money import is_money
from streams.definitions.sentences import Sentences, a_or_an, spaced
from streams.definitions.tree import conditions_of
from streams.engine.detection import rfc3339
from streams.engine.expression import Compare, Const, Expr, Join, Known, Not, Nth, Param, RecordField
from streams.engine.expression.nodes import Binary, In
from streams.engine.features.frame import Feature, Today, Within
from streams.engine.features.moves import MoveSource
from streams.engine.features.past import Past
from streams.engine.features.place import PlaceReading
from streams.engine.features.seen import FirstSeen
from streams.engine.sources import EventSource, Of, RecordSource, UnionSource
from streams.tools.watch import leaves_of

if TYPE_CHECKING:
    from streams.definitions.catalogue import Catalogue
    from streams.tools.watch import Happening, Watched
    from streams.tools.why_not import Seen

COUNTS = ("count", "distinct", "streak")


class Clause(msgspec.Struct, frozen=True):
    """One condition as it was at one happening. `status`: true, false, unknown, or not evaluated because an earlier one was not true."""

    text: str
    status: str
    value: str | None = None
    wanted: str | None = None
    wanted_is_read: bool = False
    """Whether the bound is no number of the rule: it is not in the text then."""
    why_unknown: list[str] = []
    last_true: str | None = None
    """When it was true the last time before, local time."""
    last_true_record: str | None = None
    not_true_since: str | None = None
    not_true_since_record: str | None = None
    needs: str | None = None
    """What would have to happen."""


def at(ms: int, offset_ms: int) -> str:
    """A moment in local time, to the second."""
    return rfc3339(ms, offset_ms)[:19].replace("T", " ")


def moment(one: Happening) -> str:
    """When something happened, in local time."""
    return at(one.time, one.offset_ms)


def record(one: Happening) -> str:
    """The record behind a happening."""
    return f"{'timer of ' if one.timed else ''}{one.who.record_id}"


NOUNS = {
    "crossing": "crossing of its mark",
    "reach": "mark that was reached",
    "pair": "pair",
    "absence": "wait that ran out",
    "deadline": "moment that was set",
    "yearly": "anniversary",
    "silence": "silence that was long enough",
    "closed": "session that ended",
    "weeks": "week that closed",
    "place": "change of place",
    "each_line": "event of an active line",
}
"""What the happenings of a source are called, by its word."""


def noun(watched: Watched, words: Sentences) -> str:
    """What a stream's happenings are called."""
    source = watched.stream.source
    match source:
        case RecordSource():
            return spaced(source.record.__name__)
        case UnionSource():
            return f"one of {', '.join(name if '.' in name else spaced(name) for name in source.parts)}"
        case MoveSource():
            return f"change of {words.bare(source.value)}"
        case EventSource():
            return f"event {source.event.id}"
    return NOUNS.get(source.word, source.word)


class Clauses:
    """The clauses of one stream of an event in words. `currency`: that of the customer's records."""

    def __init__(self, watched: Watched, event: Any, catalogue: Catalogue, seen: Seen, currency: str | None) -> None:
        self.watched, self.event, self.value_of, self.currency = watched, event, catalogue.value_of(), currency
        self.watch, self.now = seen.watch, seen.now
        self.conditions = conditions_of(watched.stream)

    def values(self, one: Happening) -> Values:
        """How values of a happening are written."""
        zone = timezone(timedelta(milliseconds=one.offset_ms))
        return Values(zone, one.aside.get("currency") or self.currency, self.conditions, one.aside.get("bucket_kind"))

    def words(self, one: Happening | None) -> Sentences:
        """The sentences of the rule with amounts in the currency of a happening."""
        return Sentences(self.event, self.value_of, (self.values(one) if one is not None else Values(None, self.currency)).number)

    def clause(self, node: Expr, chosen: Happening, history: list[Happening]) -> Clause:
        """One clause at `chosen`; `history`: the happenings of the key up to it."""
        key, words = node.key(), self.words(chosen)
        text = words.bare(node)
        if key not in chosen.truth:
            return Clause(text, "not evaluated")
        truth = chosen.truth[key]
        status = "true" if truth else "unknown" if truth is None else "false"
        value, wanted = self.value_and_bound(node, chosen)
        of_rule = not isinstance(node, Compare) or any(isinstance(side, Const | Param) for side in (node.left, node.right))
        if truth:
            return Clause(text, status, value, wanted, not of_rule)
        before = [one for one in history if key in one.truth]
        held = next((place for place in range(len(before) - 1, -1, -1) if before[place].truth[key]), -1)
        first = before[held + 1]
        unknown = self.why_unknown(node, chosen) if truth is None or isinstance(node, Known) else []
        return Clause(
            text,
            status,
            value,
            wanted,
            not of_rule,
            unknown,
            moment(before[held]) if held >= 0 else None,
            record(before[held]) if held >= 0 else None,
            moment(first),
            record(first),
            self.needs(node, chosen, text, unknown),
        )

    def distance(self, node: Expr, one: Happening) -> float:
        """How far a clause that is not true is from it: 1, or of two numbers their difference as a part of the larger one."""
        if not isinstance(node, Compare) or node.key() not in one.truth:
            return 1
        left, right = self.magnitude(node.left, one), self.magnitude(node.right, one)
        largest = max(abs(left), abs(right)) if left is not None and right is not None else 0
        return min(abs(left - right) / largest, 1) if left is not None and right is not None and largest else 1

    def magnitude(self, side: Expr, one: Happening) -> float | None:
        """A side of a comparison as a number; None where it is none, or unknown."""
        if isinstance(side, Param):
            return self.value_of(side) / (Param.PARTS if side.kind == "ratio" else 1)
        value = side.value if isinstance(side, Const) else one.values.get(side.key())
        if isinstance(value, str) and side.kind == "ratio":
            return float(value)
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else None

    # Values

    def value_and_bound(self, node: Expr, one: Happening) -> tuple[str | None, str | None]:
        """What came, and what was wanted."""
        match node:
            case Compare():
                left, right = self.operand(node.left, node.right, one), self.operand(node.right, node.left, one)
                sign = {">=": "at least ", ">": "over ", "<=": "at most ", "<": "under ", "!=": "not "}.get(node.sign, "")
                rounded = left == right and node.sign == ">=" and not one.truth[node.key()]
                return left, f"{sign}{right}{' (compared before they are rounded)' if rounded else ''}"
            case In():
                return self.operand(node.inner, None, one), f"one of {', '.join(map(str, node.values))}"
            case Not(inner=In() as inner):
                return self.operand(inner.inner, None, one), f"none of {', '.join(map(str, inner.values))}"
            case Known():
                return self.operand(node.inner, None, one), "known"
            case Not(inner=Known() as inner):
                return self.operand(inner.inner, None, one), "unknown"
        shown = {self.words(one).bare(leaf): self.operand(leaf, None, one) for leaf in leaves_of(node) or [node] if leaf.key() in one.values}
        return "; ".join(f"{name} {value}" for name, value in shown.items()) or ("yes" if one.truth.get(node.key()) else None), None

    def operand(self, node: Expr, other: Expr | None, one: Happening) -> str:
        """One side of a comparison as people write it."""
        values = self.values(one)
        if isinstance(node, Param):
            return values.number(self.value_of(node), node.unit)
        if isinstance(node, Const):
            like = other if other is not None else node
            if isinstance(node.value, int) and not isinstance(node.value, bool) and is_money(like, self.conditions):
                return amount(node.value, values.currency)
            return values.value(like_name(like), node.value, like if like.kind == node.kind else None)
        value = one.values.get(node.key())
        if isinstance(value, int) and not isinstance(value, bool) and isinstance(other, Param) and other.unit not in ("factor", "time of day", ""):
            near = other.unit == "byte" and abs(value - self.value_of(other)) * 20 < self.value_of(other)
            return f"{value:,} B" if near else values.number(value, other.unit)
        if isinstance(value, str) and is_money(node, self.conditions) and node.kind == "ratio":
            return amount(round(float(value)), values.currency)
        return values.value(like_name(node), value, node)

    # Why, and what then

    def why_unknown(self, node: Expr, one: Happening) -> list[str]:
        """Which operands of a clause are unknown, and for what reason."""
        words = self.words(one)
        found = [self.reason(leaf, one, words) for leaf in leaves_of(node) if leaf.key() in one.values and one.values[leaf.key()] is None]
        return list(dict.fromkeys(found)) or [f"{words.bare(node)}: a divisor is 0, or a part is of another record"]

    def reason(self, leaf: Expr, one: Happening, words: Sentences) -> str:
        """Why a value is unknown."""
        name = words.bare(leaf)
        match leaf:
            case RecordField():
                kind = spaced(leaf.record.__name__)
                if kind != spaced(one.who.record_type):
                    return f"{name}: {record(one)} is {a_or_an(spaced(one.who.record_type))}, which has no such field"
                return f"{name}: the {kind} {one.who.record_id} has none (null field)"
            case Join():
                keys = [f"{words.bare(key)} {one.values.get(key.key()) if key.key() in one.values else ''}".strip() for key in leaf.keys]
                return f"{name}: the reference table {leaf.table} has no row (or no value) for {', '.join(keys) or 'it'}"
            case Nth():
                return f"{name}: the {self.watched.by} began before history_from, or before its count began again, or lines.csv does not say when: what came earlier is not known"
            case Feature() if isinstance(leaf.frame.extent, Past):
                return f"{name}: the key has not been seen for long enough: at least {words.expr(leaf.frame.extent.least)} complete {leaf.frame.extent.period}s before this one are needed"
            case Feature():
                return f"{name}: no record of it yet"
            case PlaceReading():
                return f"{name}: the places of the line are not known yet"
            case FirstSeen():
                return f"{name}: not known"
            case Of():
                return f"{name}: nothing was known before"
        return f"{name}: not known yet"

    def needs(self, node: Expr, one: Happening, text: str, unknown: list[str]) -> str:
        """What would have to happen for the clause to be true."""
        if unknown:
            names = " and ".join(reason.split(": ")[0] for reason in unknown)
            return f"{names} must be known" + ("" if isinstance(node, Known) else f", and then {text}")
        if isinstance(node, Compare):
            for side, bound, sign in ((node.left, node.right, node.sign), (node.right, node.left, mirrored(node.sign))):
                if sign in (">=", ">", "==") and (added := added_up(side)) and (missing := self.missing(side, added, bound, sign, one)) is not None:
                    return missing
        return f"{a_or_an(noun(self.watched, self.words(one)))} with {text}" if isinstance(self.watched.stream.source, RecordSource) else text

    def missing(self, side: Expr, added: list[Feature], bound: Expr, sign: str, one: Happening) -> str | None:
        """How much more frames must add up to, and until when; None where that is no plain number."""
        got, wanted = one.values.get(side.key()), self.number(bound, one)
        if not isinstance(got, int) or isinstance(got, bool) or wanted is None:
            return None
        words, values, feature = self.words(one), self.values(one), added[0]
        until = min((end for each in added if (end := self.expires(each, one)) is not None), default=None)
        over = until is not None and until <= self.now
        number = wanted - (0 if over else got) + (1 if sign == ">" else 0)
        if number <= 0:
            return None
        own, more = bound.unit if isinstance(bound, Param) else "", "" if over or got == 0 else "more "
        if feature.function in COUNTS:
            unit = counted(number, own) if own and own != "1" else f"{number:,} of {spaced(words.name(feature.frame))}"
            what = unit.replace(" ", f" {more}", 1)
        else:
            what = values.number(number, own) if own else values.value(like_name(feature), number, feature)
            what = f"{what} {more}in {words.bare(side)}"
        if until is not None and more:
            return f"{what}, before {at(until, one.offset_ms)}"
        extent = feature.frame.extent
        return f"{what}, all within {words.span(extent.span)}" if isinstance(extent, Within) else what

    def number(self, bound: Expr, one: Happening) -> int | None:
        """A bound that is a plain number."""
        if isinstance(bound, Const) and isinstance(bound.value, int):
            return bound.value
        if isinstance(bound, Param):
            return self.value_of(bound) if bound.unit != "factor" else None
        value = one.values.get(bound.key())
        if isinstance(value, str) and bound.kind == "ratio":
            return -int(-float(value) // 1)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def expires(self, feature: Feature, one: Happening) -> int | None:
        """When the oldest member of a window as of a happening leaves it, epoch ms; None where nothing does."""
        extent, frame = feature.frame.extent, self.watched.frames.get(feature.frame.stream.key())
        if isinstance(extent, Today):
            return self.watch.days_after(1, one)
        if type(extent) is not Within or frame is None:
            return None
        split = [value.key() for value in feature.frame.stream.by_value]
        mine = [other for other in frame.happenings if other.passed and other.row == one.row and all(other.values.get(key) == one.values.get(key) for key in split)]
        days = extent.span.number(self.value_of) if extent.span.civil else 0
        ends = [self.watch.days_after(days, other) if days else self.watch.after(extent.span, other) for other in mine if other.time <= one.time]
        return min((end for end in ends if end > one.time), default=None)


def added_up(side: Expr) -> list[Feature]:
    """The frames whose counts or sums a side of a comparison is, or adds up; none where it is something else."""
    if isinstance(side, Feature):
        return [side] if side.function in (*COUNTS, "sum") else []
    if isinstance(side, Binary) and side.sign == "+":
        left, right = added_up(side.left), added_up(side.right)
        return [*left, *right] if left and right and {one.function in COUNTS for one in (*left, *right)} == {True} else []
    return []


def like_name(node: Expr) -> str:
    """The name of a value, which may say its unit."""
    return node.name if isinstance(node, RecordField | Of) else ""


def mirrored(sign: str) -> str:
    """The sign with its sides exchanged."""
    return {">=": "<=", ">": "<", "<=": ">=", "<": ">"}.get(sign, sign)


__all__ = ["Clause", "Clauses", "at", "moment", "noun", "record"]
