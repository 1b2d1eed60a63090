"""Toy definitions that cross every primitive with every re-arm word, key, span, source and kind of argument; the laws run over them."""

from __future__ import annotations

from streams.definitions.catalogue import Catalogue
from tests.engine.laboratory import counts, matches, pairs, steps, timers, unions, windows
from tests.engine.laboratory.timelines import laboratory_timelines

EVENTS = [event for module in (windows, matches, counts, steps, unions, pairs, timers) for event in module.EVENTS]
LABORATORY = Catalogue(EVENTS)

__all__ = ["EVENTS", "LABORATORY", "laboratory_timelines"]
