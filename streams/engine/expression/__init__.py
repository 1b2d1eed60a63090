"""Expressions: a rule as a tree that can be read, checked, shared, explained and run over columns.

`types.py` says which nodes fit together, `nodes.py` has the tree, `evaluate.py` the three-valued logic over columns,
`certain.py` what a condition proves to be known.
"""

from schemas.columns import Bools, Ints
from streams.engine.expression.canonical import by_name, canonical
from streams.engine.expression.certain import certain, may_be_unknown
from streams.engine.expression.evaluate import Array, Column, Env, known
from streams.engine.expression.fractions import CutOff, Fractional, Rounded, decimal, exactly
from streams.engine.expression.leaves import CivilDay, EventDay, EventTime, Join, LargestEntry, OnDay, Param, Reading, RecordField, TruthKey, Unknown, WholeLife
from streams.engine.expression.nodes import TRUE, Arithmetic, Compare, Const, Expr, Guarded, In, Known, Logic, Not, Nth, Operand, OrElse, both, condition, expr, maximum
from streams.engine.expression.periods import CycleStart, LineId, MonthsLater, MonthStart, Period, WrittenDate, YearStart
from streams.engine.expression.types import KIND_WORDS, DefinitionFault, ValueKind, measure

__all__ = [
    "KIND_WORDS",
    "TRUE",
    "Arithmetic",
    "Array",
    "Bools",
    "CivilDay",
    "Column",
    "Compare",
    "Const",
    "CutOff",
    "CycleStart",
    "DefinitionFault",
    "Env",
    "EventDay",
    "EventTime",
    "Expr",
    "Fractional",
    "Guarded",
    "In",
    "Ints",
    "Join",
    "Known",
    "LargestEntry",
    "LineId",
    "Logic",
    "MonthStart",
    "MonthsLater",
    "Not",
    "Nth",
    "OnDay",
    "Operand",
    "OrElse",
    "Param",
    "Period",
    "Reading",
    "RecordField",
    "Rounded",
    "TruthKey",
    "Unknown",
    "ValueKind",
    "WholeLife",
    "WrittenDate",
    "YearStart",
    "both",
    "by_name",
    "canonical",
    "certain",
    "condition",
    "decimal",
    "exactly",
    "expr",
    "known",
    "maximum",
    "may_be_unknown",
    "measure",
]
