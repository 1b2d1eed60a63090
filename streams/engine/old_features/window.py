"""P3 window: count, sum, distinct, … of the records of the last minutes or civil days, evaluated when a member arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from schemas.codes import NULL
from streams.engine.expression import Column, Const, Output, known
from streams.engine.expression.evaluate import read
from streams.engine.expression.types import KIND_WORDS, DefinitionFault
from streams.engine.features.primitive import Home, Primitive, Runtime, Span
from streams.engine.features.sums import row_sums
from streams.engine.state.members import MOST, Members
from streams.engine.state.reach import Memory

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from schemas.columns import Ints
    from streams.engine.batch import Group, Matches, World
    from streams.engine.expression import Array, Env, Expr, Param, ValueKind
    from streams.engine.state.members import MemberLists
    from streams.engine.state.tables import Rows

Function = Literal["count", "sum", "distinct", "largest", "top"]


class Aggregate(Output):
    """A number (or the top value) over the members of a window. Raises DefinitionFault.

    Largest and top are unknown where no member has a known value: never at a match, where the newest member has one, unless
    its value may be unknown itself.
    """

    def __init__(self, source: Window, function: Function, *arguments: Expr) -> None:
        name = "count" if function == "count" else f"{function}({', '.join(map(str, arguments))})"
        for argument, kinds in zip(arguments, ARGUMENTS[function], strict=True):
            if argument.kind not in kinds:
                raise DefinitionFault(f"{name}: wanted {' or '.join(KIND_WORDS[kind] for kind in kinds)}, got {argument} ({KIND_WORDS[argument.kind]})")
        of = arguments[0] if function in ("sum", "largest", "top") else None
        self.from_values = function in ("largest", "top")
        super().__init__(
            source,
            name,
            of.kind if of is not None else "int",
            nullable=of is not None and self.from_values and of.nullable,
            unit=of.unit if of is not None else None,
            domain=of.domain if of is not None else None,
        )
        self.function, self.arguments = function, arguments

    def column(self, env: Env) -> Column:
        return read(self.kind, env.output(self.source, self.name), nullable=self.from_values)


ARGUMENTS: dict[Function, tuple[tuple[ValueKind, ...], ...]] = {
    "count": (),
    "sum": (("int",),),
    "distinct": (("int", "text", "time", "date"),),
    "largest": (("int", "time", "date"),),
    "top": (("text",), ("int",)),
}


class Window(Primitive):
    """The members of the last `span`: (t - span, t] for elapsed time, today and the days before for civil days.

    A member is a record with `wanted`, in a list of its own for each value of `same`. `edge`: fires when `predicate` becomes
    true, armed again once it was false without the new member. `reset`: an emission empties the window.
    Late records join the window, but are not evaluated. Aggregates run over the known values; a list holds 4,096 members at most.
    """

    code = "P3"

    def __init__(self, records: type, wanted: Expr, same: tuple[Expr, ...], span: Span) -> None:
        super().__init__()
        self.records, self.wanted, self.same, self.span = records, wanted, same, span
        self.predicate: Expr | None = None
        self.edge = self.reset = False
        self.aggregates: dict[str, Aggregate] = {}

    def aggregate(self, function: Function, *arguments: Expr) -> Aggregate:
        """The node for one aggregate; the same one twice is one."""
        node = Aggregate(self, function, *arguments)
        return self.aggregates.setdefault(node.name, node)

    def count(self) -> Aggregate:
        """How many members."""
        return self.aggregate("count")

    def sum(self, value: Expr) -> Aggregate:
        """The sum of the known values."""
        return self.aggregate("sum", value)

    def distinct(self, value: Expr) -> Aggregate:
        """How many different known values."""
        return self.aggregate("distinct", value)

    def largest(self, value: Expr) -> Aggregate:
        """The largest known value; unknown when there is none."""
        return self.aggregate("largest", value)

    def top(self, value: Expr, *, by: Expr) -> Aggregate:
        """The value with the largest sum of `by`; of equal ones the first in the alphabet."""
        return self.aggregate("top", value, by)

    def outputs(self) -> dict[str, Output]:
        nodes = self.predicate.walk() if self.predicate is not None else ()
        return {node.name: node for node in nodes if isinstance(node, Aggregate)}

    def condition(self) -> Expr:
        return self.wanted

    def warm_after_ms(self, world: World) -> int | None:
        return self.span.longest_ms(world)

    def bind(self, home: Home) -> WindowRuntime:
        return WindowRuntime(self, home)


class WindowRuntime(Runtime):
    """State: the members; for `edge` also whether un-armed."""

    def __init__(self, declared: Window, home: Home) -> None:
        super().__init__(declared, home)
        self.window = declared
        arguments = {str(a): a for node in declared.aggregates.values() for a in node.arguments if not isinstance(a, Const)}
        self.arguments = list(arguments.values())
        self.column_of = {name: 1 + i for i, name in enumerate(arguments)}
        kinds = [(name, "text" if node.kind == "text" and self._shown(name) else "int") for name, node in arguments.items()]
        self.members = Members(self.table, f"{declared.name}.members", kinds)  # type: ignore[arg-type]  # the two kinds are ColumnKinds
        home.state.remembers(self.members.part_name, Memory(span_ms=declared.span.longest_ms(home.world)))
        self.unarmed = self.table.column(f"{declared.name}.unarmed", "flag") if declared.edge else None
        # An un-armed rule matters while its condition holds without a new member: also with an empty window, so forever.
        home.matters_for(self.table, None if declared.edge and self._holds_when_empty() else declared.span.longest_ms(home.world))

    def _shown(self, argument: str) -> bool:
        """Whether a text is read back from the members: then its letters are kept, not only its code."""
        return any(node.function == "top" and str(node.arguments[0]) == argument for node in self.window.aggregates.values())

    def _holds_when_empty(self) -> bool:
        assert self.window.predicate is not None, f"{self.window.name}: a window needs a predicate"  # definitions/words.py checks it
        return bool(np.all(self.window.predicate.evaluate(Over(self, [], 1, new=True))))

    def update(self, group: Group, idx: Ints) -> dict[str, Matches]:
        rows, late = self.scope.rows(group, idx), group.late(idx)
        if late.any():
            self._add(group, idx[late], rows[late], evaluated=False)
            idx, rows = idx[~late], rows[~late]
        lists = self._add(group, idx, rows, evaluated=True)
        hit = np.flatnonzero(self._evaluate(lists, rows))
        found = {name: self._over(node, lists, len(rows), new=True, wanted=hit)[hit] for name, node in self.window.aggregates.items()} if len(hit) else {}
        return {"matched": self.matches(group, idx[hit], rows[hit], found)}

    def _add(self, group: Group, idx: Ints, rows: Rows, *, evaluated: bool) -> list[MemberLists]:
        times = group.time[idx]
        values = [group.at(node, idx) for node in self.arguments]
        return self.members.add(rows, times, values, self._before(times, group.zone(self.scope.by, idx)) if evaluated else None)

    def _before(self, times: Ints, zone: Ints | int) -> Ints:
        """The last moment that is out of the window ending at `times`, epoch ms."""
        span, world = self.window.span, self.world
        if not span.civil:
            return times - span.number(world)
        calendar = world.calendar
        return calendar.midnight(calendar.day(times, zone) - (span.number(world) - 1), zone) - 1

    def _evaluate(self, lists: list[MemberLists], rows: Rows) -> npt.NDArray[np.bool_]:
        predicate = self.window.predicate
        assert predicate is not None, f"{self.window.name}: a window needs a predicate"  # definitions/words.py checks it
        holds = predicate.evaluate(Over(self, lists, len(rows), new=True))
        if self.unarmed is None:
            return np.broadcast_to(holds, (len(rows),))
        held = predicate.evaluate(Over(self, lists, len(rows), new=False))
        was = self.unarmed.values[rows] != 0
        armed = ~was | ~held
        unarmed = ~armed | holds
        self.unarmed.values[rows] = unarmed
        self.unarmed.part.touch(rows[unarmed != was])
        return np.broadcast_to(holds & armed, (len(rows),))

    def _over(self, node: Aggregate, lists: list[MemberLists], n: int, *, new: bool, wanted: Ints | None = None) -> Ints:
        """`node` for `n` rows; rows not in `wanted` may be left 0."""
        result = np.full(n, NULL if node.nullable and node.kind != "text" else 0, np.int64)
        for one in lists:
            mask = one.mask(new=new)
            columns = [one.values[:, self.column_of[str(a)]] if str(a) in self.column_of else np.full(mask.shape, a.evaluate(Over(self, [], 0, new=new))) for a in node.arguments]
            for argument, column in zip(node.arguments, columns, strict=True):
                mask = mask & known(argument, column)
            if node.function == "top" and wanted is not None:
                mask = mask & np.isin(one.place, wanted)[:, None]
            result[one.place] = FUNCTIONS[node.function](mask, *columns)
        return result

    def emitted(self, matches: Matches) -> None:
        if self.window.reset:
            self.members.empty(matches.rows)


class Over:
    """The Env of a window's predicate: aggregates over the lists, with or without the new member."""

    def __init__(self, runtime: WindowRuntime, lists: list[MemberLists], n: int, *, new: bool) -> None:
        self.runtime, self.lists, self.n, self.new = runtime, lists, n, new
        self.world: World = runtime.world

    def output(self, source: object, name: str) -> Array:
        """The aggregate `name`."""
        if source is not self.runtime.window:
            raise LookupError(f"{name}: a window's predicate reads its own aggregates and parameters only")
        return self.runtime._over(self.runtime.window.aggregates[name], self.lists, self.n, new=self.new)

    def parameter(self, parameter: Param) -> int:
        """The parameter's value in this installation."""
        return self.world.parameters[id(parameter)]

    def field(self, name: str) -> Array:
        """A predicate has no field of its own."""
        raise LookupError(f"{name}: a window's predicate reads its own aggregates and parameters only")

    def join(self, join: Any, *keys: Array) -> Array:
        """A predicate joins nothing."""
        raise LookupError(f"{join}: a window's predicate reads its own aggregates and parameters only")

    def event_times(self) -> Ints:
        """A predicate has no time of its own."""
        raise LookupError("a window's predicate reads its own aggregates and parameters only")

    event_days = event_times


def distinct(mask: npt.NDArray[np.bool_], values: Ints) -> Ints:
    """How many different values each list has where `mask`."""
    last = np.iinfo(np.int64).max
    ordered = np.sort(np.where(mask, values, last), axis=1)
    fresh = (ordered[:, 1:] != ordered[:, :-1]).sum(1) + 1
    counted = mask.sum(1)
    at_last = (mask & (values == last)).any(1)
    return np.where(counted < mask.shape[1], fresh - ~at_last, fresh)


def top(mask: npt.NDArray[np.bool_], values: Ints, weights: Ints) -> Ints:
    """The value with the largest sum of weights in each list; of equal ones the first in the alphabet."""
    from schemas.codes import text_of

    best = np.zeros(len(mask), np.int64)
    for at in np.flatnonzero(mask.any(1)).tolist():
        sums: dict[int, int] = {}
        for value, weight in zip(values[at][mask[at]].tolist(), weights[at][mask[at]].tolist(), strict=True):
            sums[value] = sums.get(value, 0) + weight
        best[at] = min(sums, key=lambda value: (-sums[value], text_of(value)))
    return best


FUNCTIONS: dict[Function, Callable[..., Ints]] = {
    "count": lambda mask: mask.sum(1),
    "sum": row_sums,
    "distinct": distinct,
    "largest": lambda mask, values: np.where(mask, values, NULL).max(1),
    "top": top,
}
__all__ = ["MOST", "Aggregate", "Window", "WindowRuntime"]
