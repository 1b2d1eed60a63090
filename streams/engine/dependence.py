"""Which stages need which, and whose flows are taken from whose."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.engine.stage import Stage


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
    while (inner := getattr(found[-1], "inner", None)) is not None:
        found.append(inner)
    return found


def needed_by(stage: Stage) -> list[Stage]:
    """`stage` and all that it needs."""
    return [stage, *ancestors(stage)]
