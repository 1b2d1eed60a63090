"""P3 window as a running value: a member lifts a count or a sum over a step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.engine.expression import DefinitionFault, Expr, Operand, canonical, expr
from streams.engine.sources import Of, Source
from streams.engine.stage import FlowStage
from streams.engine.streams import Stream

if TYPE_CHECKING:
    from streams.engine.batch import Batch
    from streams.engine.features.frame import Feature
    from streams.engine.sources import ValueOf
    from streams.engine.stage import Stage

RUNNING = ("sum", "count")
"""What can reach a step."""


class Reaches(Stream):
    """A stream of members that reach steps."""

    source: ReachSource

    @property
    def step(self) -> Expr:
        """The highest step reached."""
        return self.source.step


class ReachSource(Source):
    """A member of the frame's stream without which `feature` is below a step, and with which it is at the step or above.

    Every member is evaluated, late ones too, each with the frame of its own time. Raises DefinitionFault.
    """

    word = "reach"

    def __init__(self, feature: Feature, marks: tuple[Operand, ...]) -> None:
        if feature.function not in RUNNING or feature.frame.without_own or feature.frame.extent.may_be_unknown:
            raise DefinitionFault(
                f"{feature}.reaches: wanted a count or a sum with the record itself, got {feature}{' before it' if feature.frame.without_own else f' of {feature.frame}'}"
            )
        if not marks:
            raise DefinitionFault(f"{feature}.reaches: wanted at least one step, got none")
        self.feature, self.steps = feature, tuple(map(expr, marks))
        self.reached = [feature >= step for step in self.steps]
        """Not evaluated: they refuse steps that do not fit."""
        self.step: Expr = Of(self, "step", "int", unit=feature.unit)

    def inputs(self) -> tuple[Stream, ...]:
        return (self.feature.frame.stream,)

    def expressions(self) -> tuple[object, ...]:
        return (self.feature, *self.steps)

    def canonical(self, value_of: ValueOf) -> str:
        return f"{self.feature.canonical(value_of)} reaches {', '.join(canonical(step, value_of) for step in self.steps)}"


class ReachStage(FlowStage):
    """The members that reach steps. `inner`: the members; `needs`: the stage at which the feature is read for them."""

    def __init__(self, source: ReachSource, inner: FlowStage, *needs: Stage) -> None:
        super().__init__(inner, *needs)
        self.source, self.inner = source, inner

    def run(self, batch: Batch) -> None:
        flow, key = self.inner.flow, self.source.feature.key()
        after, before = flow.held(key).take(None).values, flow.held(("without", key)).take(None).values
        highest = np.zeros(flow.n, np.int64)
        reached = np.zeros(flow.n, bool)
        for step in self.source.steps:
            mark, known = flow.column(step)
            here = (before < mark) & (after >= mark)
            here = here if known is None else here & known
            highest = np.where(here, np.where(reached, np.maximum(highest, mark), mark), highest)
            reached |= here
        self.flow = flow if self.forced else flow.take(reached)
        self.flow.put(self.source.step.key(), highest if self.flow is flow else highest[reached])


__all__ = ["ReachSource", "ReachStage", "Reaches"]
