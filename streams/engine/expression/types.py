"""Which nodes fit together: kinds, units, the values of an enum. Nodes that do not fit are refused while the definition loads."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Literal

from schemas.fault import KairosFault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.engine.expression.nodes import Expr

ValueKind = Literal["int", "ratio", "bool", "text", "token", "time", "date", "list", "map"]
KIND_WORDS: dict[ValueKind, str] = {
    "int": "a whole number",
    "ratio": "a fraction",
    "bool": "a truth value",
    "text": "a text",
    "token": "an id",
    "time": "a moment",
    "date": "a civil date",
    "list": "a list of texts",
    "map": "a map of texts to numbers",
}
CODED = ("text", "token", "map")
"""Kinds whose values are 64-bit codes; 0 is unknown."""
MEASURES = {"ms": "ms", "s": "s", "byte": "byte", "kbit/s": "kbit/s", "minor": "minor", "minor unit of currency": "minor"}
"""Units that must not be mixed. Others (`calls`, `top-ups`) count things."""
MS_IN_S = 1000
NUMBERS = ("int", "ratio")
ORDERED = ("int", "ratio", "time", "date")
ORDERINGS = ("<", "<=", ">", ">=")


class DefinitionFault(KairosFault):
    """A definition is wrong: what, wanted, got, and what to do."""


def measure(unit: str | None) -> str | None:
    """The unit, where it must not be mixed with others."""
    return MEASURES.get(unit or "")


def shown(node: Expr) -> str:
    """A node in a fault: its text, its kind and its unit."""
    unit = measure(node.unit)
    return f"{node} ({KIND_WORDS[node.kind]}{f' in {unit}' if unit else ''})"


def suggestion(value: object, domain: Iterable[str]) -> str:
    """'did you mean …?', or the values there are."""
    names = list(domain)
    close = difflib.get_close_matches(str(value), names, 1)
    return f"did you mean {close[0]!r}?" if close else f"it is one of {', '.join(map(repr, names))}"


def check_value(what: str, node: Expr, value: object) -> None:
    """Refuse a written value that `node` cannot have. Raises DefinitionFault."""
    if isinstance(value, list | tuple | set | frozenset):
        raise DefinitionFault(f"{what}: wanted the values one by one, got a {type(value).__name__}; write .isin({', '.join(map(repr, value))})")
    kind = "bool" if isinstance(value, bool) else "text" if isinstance(value, str) else "int" if isinstance(value, int) else None
    if kind != node.kind:
        raise DefinitionFault(f"{what}: wanted {KIND_WORDS[node.kind]}, as {node} is, got {value!r}{values_of(node)}")
    if node.domain is not None and isinstance(value, str) and value not in node.domain:
        raise DefinitionFault(f"{what}: wanted a value of {node}, got {value!r}; {suggestion(value, node.domain)}")


def values_of(node: Expr) -> str:
    """The list of an enum's values, for the end of a sentence."""
    return f"; {node} is one of {', '.join(map(repr, node.domain))}" if node.domain is not None else ""


def check_comparison(sign: str, left: Expr, right: Expr) -> None:
    """Refuse sides that cannot be compared. Raises DefinitionFault."""
    what = f"{left} {sign} {right}"
    if left.kind != right.kind and not (left.kind in NUMBERS and right.kind in NUMBERS):
        remedy = "; take the difference of two moments (ms) or dates (days) to compare with a number" if {"time", "date"} & {left.kind, right.kind} else ""
        raise DefinitionFault(f"{what}: wanted two values of one kind, got {shown(left)} and {shown(right)}{values_of(left)}{values_of(right)}{remedy}")
    if left.kind in ("list", "map") or (sign in ORDERINGS and left.kind not in ORDERED):
        raise DefinitionFault(f"{what}: wanted numbers, moments or dates, got {KIND_WORDS[left.kind]}, which has no order; use ==, != or .isin(...)")
    check_units(what, left, right)
    check_domains(what, left, right)


def check_domains(what: str, left: Expr, right: Expr) -> None:
    """Refuse an enum's comparison with what none of its values can equal. Raises DefinitionFault."""
    for node, other in ((left, right), (right, left)):
        if node.domain is not None and other.literal is not None:
            check_value(what, node, other.literal)
    if left.domain is not None and right.domain is not None and not set(left.domain) & set(right.domain):
        raise DefinitionFault(f"{what}: wanted two values that can be equal, got {left} of {', '.join(left.domain)} and {right} of {', '.join(right.domain)}")


def check_units(what: str, left: Expr, right: Expr) -> None:
    """Refuse two different units. Raises DefinitionFault."""
    one, other = measure(left.unit), measure(right.unit)
    if one and other and one != other:
        raise DefinitionFault(f"{what}: wanted one unit on both sides, got {shown(left)} and {shown(right)}; convert one of them")


def kind_of_result(sign: str, left: Expr, right: Expr) -> ValueKind:
    """The kind of a sum, difference, product, quotient or maximum. Raises DefinitionFault."""
    what, kinds = f"{left} {sign} {right}", (left.kind, right.kind)
    if sign in ("+", "-", "max"):
        check_units(what, left, right)
    match sign, kinds:
        case (_, ("int", "int")):
            return "int"
        case ("-", ("time", "time") | ("date", "date")):
            return "int"
        case ("+" | "-", ("time" | "date" as kind, "int")):
            check_length(what, left, right)
            return kind
        case ("+", ("int", "time" | "date" as kind)):
            check_length(what, right, left)
            return kind
        case ("max", ("time", "time") | ("date", "date")):
            return left.kind
    raise DefinitionFault(f"{what}: wanted numbers, or a moment or date with a number, got {shown(left)} and {shown(right)}")


def check_length(what: str, moment: Expr, length: Expr) -> None:
    """Refuse civil days beside a moment, and elapsed time beside a date. Raises DefinitionFault."""
    wrong = ("civil days", "months") if moment.kind == "time" else ("ms",)
    if length.unit in wrong:
        remedy = "a length such as '24h', or take the .date first" if moment.kind == "time" else "civil days such as '3d'"
        raise DefinitionFault(f"{what}: wanted {remedy}, got {length} in {length.unit}")


def unit_of_result(sign: str, left: Expr, right: Expr) -> str | None:
    """The unit of a calculation, where it is known."""
    one, other = measure(left.unit), measure(right.unit)
    if sign == "-" and left.kind == right.kind == "time":
        return "ms"
    if left.kind in ("time", "date") or right.kind in ("time", "date"):
        return None
    if sign == "//":
        return "s" if one == "ms" and right.literal == MS_IN_S else None  # other lengths of time count hours or days: no measure
    if sign == "*":
        return one or other if not (one and other) else None
    return one or other


def check_condition(where: str, node: object) -> None:
    """Refuse what is no condition. Raises DefinitionFault."""
    from streams.engine.expression.nodes import Expr

    if isinstance(node, Expr) and node.kind == "bool":
        return
    got = shown(node) if isinstance(node, Expr) else repr(node)
    raise DefinitionFault(f"{where}: wanted a condition, got {got}; compare it with something, and put each comparison between & and | in parentheses")
