"""Which stages run over a batch: those that its records reach, and those behind timers that are due. The others rest, and are not asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.engine.stage import RecordStage, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.engine.batch import Batch

EVERYTHING, ALWAYS, FIRST = 1, 2, 4
"""Causes are bits. EVERYTHING: a line ends or comes back, or nothing may rest. ALWAYS: of stages that say themselves whether they rest."""


class Schedule:
    """The stages of a plan in their order, and what makes each run: record types, and the timers of stages before it.

    A few records reach a few of many stages: a step costs what these cost.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = stages
        self._always = EVERYTHING | ALWAYS if any(stage.forced for stage in stages) else ALWAYS
        """The causes that every batch has."""
        self.ran: list[Stage] = []
        """The stages that ran over the last batch."""
        self._resting = [False] * len(stages)
        self._records: dict[int, int] = {}
        """By record type, its cause."""
        self._timers: list[tuple[Stage, int]] = []
        causes: dict[int, int] = {}
        for stage in stages:
            causes[id(stage)] = self._causes(stage, causes)
        self._causes_of = [causes[id(stage)] for stage in stages]

    def _new_cause(self) -> int:
        return FIRST << (len(self._records) + len(self._timers))

    def _causes(self, stage: Stage, causes: dict[int, int]) -> int:
        """The causes of `stage`; `causes`: of those before it."""
        if isinstance(stage, RecordStage):
            return EVERYTHING | self._records.setdefault(stage.kind, self._new_cause())
        if type(stage).rests is not Stage.rests:
            return EVERYTHING | ALWAYS
        found = EVERYTHING
        for other in stage.inputs:
            found |= causes[id(other)]
        if type(stage).earliest is not Stage.earliest:
            own = self._new_cause()
            self._timers.append((stage, own))
            found |= own
        return found

    def _present(self, batch: Batch) -> int:
        """The causes that a batch has."""
        present = EVERYTHING | ALWAYS if batch.resets or batch.returns else self._always
        for kind in batch.groups:
            present |= self._records.get(kind, 0)
        clock = batch.timer_clock[-1]
        for stage, cause in self._timers:
            due = stage.earliest()
            if due is not None and due <= clock:
                present |= cause
        return present

    def awake(self, batch: Batch) -> Iterator[Stage]:
        """The stages that run over `batch`, each when those before it have run."""
        present, resting = self._present(batch), self._resting
        self.ran = []
        for number, causes in enumerate(self._causes_of):
            if causes & present and not (stage := self.stages[number]).rests(batch):
                resting[number] = False
                self.ran.append(stage)
                yield stage
            elif not resting[number]:
                resting[number] = True
                self.stages[number].rest(batch)


__all__ = ["Schedule"]
