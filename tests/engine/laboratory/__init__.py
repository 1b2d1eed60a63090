"""Toy definitions that cross every primitive with every re-arm word, key, span, source and kind of argument; the laws run over them."""

from __future__ import annotations

from streams.definitions.catalogue import Catalogue
from tests.engine.laboratory import (
    allowances,
    anniversaries,
    baselines,
    counts,
    deadlines,
    fractions,
    last,
    lines,
    matches,
    pairs,
    periods,
    sets,
    steps,
    stretches,
    timers,
    travels,
    unions,
    visits,
    windows,
)  # fmt: skip
from tests.engine.laboratory.timelines import laboratory_timelines

MODULES = (
    windows,
    matches,
    counts,
    steps,
    unions,
    pairs,
    timers,
    deadlines,
    fractions,
    sets,
    travels,
    stretches,
    last,
    visits,
    periods,
    anniversaries,
    baselines,
    allowances,
    lines,
)
EVENTS = [event for module in MODULES for event in module.EVENTS]
LABORATORY = Catalogue(EVENTS)
BY_MODULE = {module.__name__.rpartition(".")[2]: Catalogue(list(dict.fromkeys([*module.EVENTS, matches.low]))) for module in MODULES}
"""The toys of each module alone, with the one that others build on."""

__all__ = ["BY_MODULE", "EVENTS", "LABORATORY", "laboratory_timelines"]
