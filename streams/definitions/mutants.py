"""Mutants of a definition: its file with one number, operator, word or condition of the rule changed. Cases that pass with one of them are too weak.

What is changed stands in the class: parameters' values, `when`, `rearm`, `detail` and their parts; no docstrings, names, bounds and cases.
"""

from __future__ import annotations

import ast
import copy
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.fault import KairosFault
from streams.engine.expression import DefinitionFault, Expr
from streams.engine.expression.quantities import quantity
from streams.engine.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NOTHING = "nothing"
"""What a dropped part becomes, in words."""
PAIRS: tuple[tuple[type, type], ...] = ((ast.Gt, ast.GtE), (ast.Lt, ast.LtE), (ast.Eq, ast.NotEq), (ast.BitAnd, ast.BitOr), (ast.Add, ast.Sub))
OTHER = dict(PAIRS) | {other: one for one, other in PAIRS}
"""The neighbour of an operator."""
SWAPPED = {"first": "latest", "latest": "first", "largest": "smallest", "smallest": "largest", "was": "to", "to": "was", "nth": "count"}
"""Words that have an opposite, or one that says less."""
DROPPED = ("same", "before", "or_", "or_if_unknown", "unless", "within", "each_line", "where")
"""Words behind a chain that means something without them."""
LISTS = ("where", "isin", "same", "once_per", "any_of", "reaches")
"""Words with parts that can be left out one by one."""
KEPT = ("gap", "by", "covers", "holds")
"""Words that a call cannot do without."""
FIRST = re.compile(r"\.(count|nth)\(\) == 1\b")
WAIVER = re.compile(r"#\s*survives: (.+?) → (.+?): \S")
"""A comment on the line of the rule, or above it: this mutant means the same as the rule, with the reason."""


class Mutant(NamedTuple):
    """One change: its line in the file, what was there and what it became as they are printed, and the whole changed file."""

    line: int
    was: str
    became: str
    tree: ast.Module

    @property
    def says(self) -> str:
        """The change, in one line."""
        return f"{self.was} → {self.became}"


class Change(NamedTuple):
    """A node and what it becomes; `was` and `became`: how that is said, where it is not the nodes' own text."""

    node: ast.expr
    new: ast.expr
    was: str = ""
    became: str = ""


def mutants_of(text: str, scope: Mapping[str, object]) -> Iterator[Mutant]:
    """All mutants of a file with one definition. `scope`: the names of its module and of its class, by which the values of columns are known."""
    tree = ast.parse(text)
    classes = [number for number, node in enumerate(tree.body) if isinstance(node, ast.ClassDef) and is_event(node)]
    if not classes:
        return
    tree.body = tree.body[: classes[0] + 1]  # what stands behind the class is for its cases
    found = tree.body[-1]
    assert isinstance(found, ast.ClassDef)  # chosen so above
    seen = set[str]()
    statements = [one for one in found.body if isinstance(one, ast.Assign)]
    first = is_first(statements)
    for statement in statements:
        for change in changes_of(statement, scope):
            if first and change.became == NOTHING and (change.was == "once" or ".count() == 1" in change.was):
                continue
            changed = Replacing(change).visit(copy_of(tree, change))
            says = ast.unparse(changed)
            if says in seen:
                continue
            seen.add(says)
            was, became = (double_quoted(said or ast.unparse(node)) for said, node in ((change.was, change.node), (change.became, change.new)))
            yield Mutant(change.node.lineno, was, became, changed)


def is_first(statements: list[ast.Assign]) -> bool:
    """Whether a rule says twice that it is for the first of a key's life, `.count() == 1` or `.nth() == 1`, and `once`.

    No record can distinguish it from a rule that says it once; `once` holds where the rule is changed and its count begins again, which no case can do. `.nth()`
    says more than `once`: it is unknown where the beginning of the key's life is (`history_from`), and a case can say so.
    """
    said = [ast.unparse(one) for one in statements]
    return "rearm = once" in said and any(FIRST.search(one) for one in said)


def is_event(node: ast.ClassDef) -> bool:
    """Whether a class is derived from Event."""
    return any(isinstance(base, ast.Name) and base.id == "Event" for base in node.bases)


def waivers_of(text: str) -> dict[str, int]:
    """Mutants that are said to mean the same as the rule, as they are printed, with the lines on which that is said."""
    return {f"{found[1]} → {found[2]}": number for number, line in enumerate(text.splitlines(), 1) if (found := WAIVER.search(line))}


def copy_of(tree: ast.Module, change: Change) -> ast.Module:
    """The tree with the changed node still in it: only its statement is copied."""
    other = copy.copy(tree)
    found = tree.body[-1]
    assert isinstance(found, ast.ClassDef)  # chosen so by mutants_of
    own = copy.copy(found)
    own.body = [copy.deepcopy(one, {id(change.node): change.node}) if any(part is change.node for part in ast.walk(one)) else one for one in found.body]
    other.body = [*tree.body[:-1], own]
    return other


class Replacing(ast.NodeTransformer):
    """Puts the new node in the place of the old one."""

    def __init__(self, change: Change) -> None:
        self.change = change

    def visit(self, node: ast.AST) -> Any:
        """The node, or the new one."""
        if node is self.change.node:
            return ast.fix_missing_locations(ast.copy_location(copy.deepcopy(self.change.new), node))
        return self.generic_visit(node)


# What is changed


def changes_of(statement: ast.Assign, scope: Mapping[str, object]) -> Iterator[Change]:
    """The changes of one attribute of the class."""
    names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
    if is_param(statement.value):
        yield from steps_of(statement.value.args[0], names[0])  # type: ignore[attr-defined]  # a call, as is_param has found
        return
    if names == ["rearm"]:
        yield from rearm_changes(statement.value)
    yield from inner_changes(statement.value, scope)


def is_param(node: ast.expr) -> bool:
    """Whether an attribute is a parameter with a value of its own."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Param" and bool(node.args)


def rearm_changes(value: ast.expr) -> Iterator[Change]:
    """One re-arm word left out."""
    words = value.elts if isinstance(value, ast.Tuple) else [value]
    for word in words:
        rest: list[ast.expr] = [other for other in words if other is not word]
        yield Change(value, ast.Tuple(rest, ast.Load()), ast.unparse(word), NOTHING)


def inner_changes(node: ast.expr, scope: Mapping[str, object]) -> Iterator[Change]:
    """The changes of an expression and of all its parts."""
    match node:
        case ast.Compare(left=left, ops=[sign], comparators=[right]):
            yield Change(node, ast.Compare(left, [other_sign(sign)], [right]))
            yield from neighbours(node, left, right, scope)
        case ast.BinOp(left=left, op=operator, right=right):
            if type(operator) in OTHER and not is_text(right):
                yield Change(node, ast.BinOp(left, other_sign(operator), right))
            if isinstance(operator, ast.BitAnd | ast.BitOr):
                yield from (Change(node, kept, ast.unparse(dropped), NOTHING) for kept, dropped in ((left, right), (right, left)))
        case ast.UnaryOp(op=ast.Invert() | ast.USub(), operand=operand) if not isinstance(operand, ast.Constant):
            yield Change(node, operand)
        case ast.Attribute(value=value, attr=word):
            if word in ("was", "to"):
                yield Change(node, ast.Attribute(value, SWAPPED[word], ast.Load()))
            elif word == "latest":
                yield Change(node, value, ".latest", NOTHING)
        case ast.Call():
            yield from call_changes(node, scope)
        case ast.Constant():
            yield from steps_of(node)
            return
    for child in children_of(node):
        for change in inner_changes(child, scope):
            plain = isinstance(change.node, ast.Constant) and not change.was and change.node is child
            yield change._replace(was=(said := in_place(node, change))[0], became=said[1]) if plain else change


def other_sign(sign: ast.AST) -> Any:
    """The neighbour of an operator."""
    return OTHER[type(sign)]()


def is_text(node: ast.expr) -> bool:
    """Whether a node is a text, such as the length in `due_date - "3d"`."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def children_of(node: ast.expr) -> Iterator[ast.expr]:
    """The parts of an expression; of a called word, what it is called on."""
    if isinstance(node, ast.Call):
        yield node.func.value if isinstance(node.func, ast.Attribute) else node.func
        yield from node.args
        yield from (keyword.value for keyword in node.keywords)
        return
    yield from (child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr))


def call_changes(node: ast.Call, scope: Mapping[str, object]) -> Iterator[Change]:
    """Words dropped or swapped, parts of lists and named arguments left out."""
    word = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
    base = node.func.value if isinstance(node.func, ast.Attribute) else None
    parts: list[ast.expr | ast.keyword] = [*node.args, *node.keywords] if word == "any_of" else [*node.args]
    if word == "any_of" and len(node.keywords) == len(parts) == 2:  # one stream alone is none: the other one stands in its place
        one, other = node.keywords
        for gone, stand_in in ((one, other), (other, one)):
            both = [ast.keyword(named.arg, stand_in.value) if named is gone else named for named in node.keywords]
            yield Change(node, ast.Call(node.func, [], both), f"{said(gone)} in any_of", f"{gone.arg}={ast.unparse(stand_in.value)}")
    elif word in LISTS and len(parts) > 1:
        for part in parts:
            if word == "once_per" and is_split_by(part, scope):
                continue  # marks are kept for each of these values anyway
            args = [other for other in node.args if other is not part]
            keywords = [other for other in node.keywords if other is not part]
            yield Change(node, ast.Call(node.func, args, keywords), f"{said(part)} in {word}", NOTHING)
    elif base is not None and word in DROPPED and (word != "where" or parts):
        needs_word = word == "where" and isinstance(base, ast.Name) and not is_chain(scope.get(base.id))
        shown = ast.unparse(ast.Call(ast.Name(word), node.args, node.keywords))
        yield Change(node, ast.Call(node.func, [], []) if needs_word else base, f".{shown}", NOTHING)
    if base is not None and word in SWAPPED:
        yield Change(node, ast.Call(ast.Attribute(base, SWAPPED[word], ast.Load()), node.args, node.keywords))
    if word == "isin" and base is not None:
        taken = [part.value for part in node.args if isinstance(part, ast.Constant)]
        more = [value for value in domain_of(base, scope) if value not in taken]
        yield from (Change(node, ast.Call(node.func, [*node.args, ast.Constant(value)], [])) for value in more[:1])
    if word not in ("any_of", "Detail"):
        for keyword in node.keywords:
            if keyword.arg not in KEPT:
                rest = [other for other in node.keywords if other is not keyword]
                yield Change(node, ast.Call(node.func, node.args, rest), f"{said(keyword)} in {word}", NOTHING)


def is_split_by(part: ast.expr | ast.keyword, scope: Mapping[str, object]) -> bool:
    """Whether `when` is split by a value, such as `B.bucket_id`."""
    value = value_of(part, scope) if isinstance(part, ast.expr) else None
    return isinstance(value, Expr) and value.key() in {one.key() for one in getattr(scope.get("when"), "by_value", ())}


def said(part: ast.expr | ast.keyword) -> str:
    """An argument as it is written."""
    return f"{part.arg}={ast.unparse(part.value)}" if isinstance(part, ast.keyword) else ast.unparse(part)


def is_chain(value: object) -> bool:
    """Whether a name stands for a stream or a value, which is one without `.where(…)` too; records and events are not."""
    return isinstance(value, Expr | Stream) or value is None


def neighbours(node: ast.Compare, left: ast.expr, right: ast.expr, scope: Mapping[str, object]) -> Iterator[Change]:
    """A value of a column with a closed list of values becomes the next of the list."""
    if is_text(right):
        domain = domain_of(left, scope)
        value = right.value  # type: ignore[attr-defined]  # a constant, as is_text has found
        if value in domain and len(domain) > 1:
            after = domain[(domain.index(value) + 1) % len(domain)]
            yield Change(node, ast.Compare(left, node.ops, [ast.Constant(after)]))


def domain_of(node: ast.expr, scope: Mapping[str, object]) -> list[str]:
    """The values of a column such as `V.outcome`; none where they are not a closed list."""
    return list(getattr(value_of(node, scope), "domain", None) or ())


def value_of(node: ast.expr, scope: Mapping[str, object]) -> object:
    """What a name, or an attribute of one, stands for; None where that is not known."""
    if isinstance(node, ast.Name):
        return scope.get(node.id)
    if isinstance(node, ast.Attribute):
        try:
            return getattr(value_of(node.value, scope), node.attr, None)
        except KairosFault:
            return None
    return None


def steps_of(node: ast.expr, name: str = "") -> Iterator[Change]:
    """A number, a length, a size or a time of day, one step more and one step less."""
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool):
        return
    value = node.value
    steps: list[int | str] = [value + 1, value - 1] if isinstance(value, int) else text_steps(value) if isinstance(value, str) else []
    for step in steps:
        new = ast.Constant(step)
        yield Change(node, new, *((f"{name} = {ast.unparse(one)}" for one in (node, new)) if name else ()))


def text_steps(text: str) -> list[int | str]:
    """The neighbours of a text with a unit: one of the unit more and less; of a size a byte, of a time of day a minute, of a factor its last digit.

    >>> text_steps("7d"), text_steps("1 month"), text_steps("10:00"), text_steps("0.10"), text_steps("1 KiB"), text_steps("onnet")
    (['8d', '6d'], ['2 month'], ['10:01', '09:59'], ['0.11', '0.09'], ['1025 B', '1023 B'], [])
    """
    try:
        number, unit = quantity(text)
    except DefinitionFault:
        return []
    if unit == "byte":
        return [f"{number + 1} B", f"{number - 1} B"]
    if unit == "time of day":
        minutes = number // 60_000
        return [f"{at // 60:02d}:{at % 60:02d}" for at in (minutes + 1, minutes - 1) if 0 <= at < 24 * 60]
    if unit == "factor":
        digits = len(text.strip().partition(".")[2])
        parts = round(float(text) * 10**digits)
        return [f"{at / 10**digits:.{digits}f}" for at in (parts + 1, parts - 1) if at >= 0]
    written = re.search(r"[0-9_]+", text)
    assert written is not None  # quantity has read it
    count = int(written[0])
    return [text.replace(written[0], str(at), 1) for at in (count + 1, count - 1) if at > 0]


# How it is said


def in_place(around: ast.expr, change: Change) -> tuple[str, str]:
    """A changed number with what stands around it, where that is short."""
    was = ast.unparse(around)
    if len(was) > 80:
        return ast.unparse(change.node), ast.unparse(change.new)
    changed = Replacing(change).visit(copy.deepcopy(around, {id(change.node): change.node}))
    return was, ast.unparse(changed)


def double_quoted(text: str) -> str:
    """Texts in the quotes that files have."""
    return text if '"' in text else text.replace("'", '"')
