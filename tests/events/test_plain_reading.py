"""Every own case of every event, read one record at a time by the plain reading, which shares no evaluator, state or clock with the engine."""

from __future__ import annotations

from datetime import date

import pytest

from streams.tools.check import of_stories
from tests.engine.timelines import merged
from tests.reference.reading import Reading
from tests.shards import CATALOGUE, epoch_ms

REFERENCE = of_stories()


def epoch(value):
    """Moments as epoch ms; other values as they are."""
    if isinstance(value, str) and len(value) >= 20 and value[10:11] == "T":
        return epoch_ms(value)
    return value


@pytest.mark.parametrize("event", list(CATALOGUE), ids=lambda event: event.id)
def test_the_plain_reading_gives_the_details_of_every_case(event):
    alone = CATALOGUE.chosen([event.id])
    for case in event.cases:
        reading = Reading(alone, REFERENCE, history_from=date.fromisoformat(case.history_from) if case.history_from else None)
        for record in merged([{name: epoch(value) for name, value in raw.items()} for raw in case.records]):
            reading.take(record)
        if case.until:
            reading.advance(epoch(case.until))
        assert [found.detail for found in reading.found if found.event == event.id] == [dict(detail) for detail in case.details], case.title
