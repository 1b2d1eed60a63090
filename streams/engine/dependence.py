"""Which stages need which, and whose flows are taken from whose."""

from __future__ import annotations

from streams.engine.features.absence import AwaitedStage
from streams.engine.features.silence import SilenceStage
from streams.engine.features.week_closes import WeekCloseStage
from streams.engine.features.yearly import YearlyStage
from streams.engine.stage import Stage

ANCHORED = (AwaitedStage, SilenceStage, WeekCloseStage, YearlyStage)
"""Stages whose happenings are of earlier records."""


def ancestors(stage: Stage) -> set[Stage]:
    """All stages that `stage` needs."""
    found: set[Stage] = set()
    waiting = list(stage.needs)
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += one.needs
    return found


def inner_stages(stage: Stage) -> list[Stage]:
    """`stage`, and the stages from whose flows its own was taken."""
    found = [stage]
    while (inner := getattr(found[-1], "inner", None)) is not None and not isinstance(found[-1], ANCHORED):
        found.append(inner)
    return found


def needed_by(stage: Stage) -> list[Stage]:
    """`stage` and all that it needs."""
    return [stage, *ancestors(stage)]
