"""Runs every rule before the first real record, on synthetic records and on its timers; an error is a fault at load. Cases are required too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.columns import DAY_MS
from schemas.raw import RECORD_TYPES, TOPICS
from streams.definitions.catalogue import Catalogue, CatalogueFault
from streams.definitions.loading import case_faults
from streams.definitions.samples import MOMENT_MS, encoded, samples_of
from streams.definitions.tree import used_by
from streams.engine.engine import Engine, RuleFailed
from streams.engine.expression import DefinitionFault
from streams.engine.sources import RecordSource
from streams.shard import Shard, ShardSettings, StepFailed

if TYPE_CHECKING:
    from schemas.reference import Reference
    from streams.definitions.event import Event
    from streams.engine.engine import EngineSettings

LATER_MS = 400 * DAY_MS
"""How far the clock is moved on, so that timers fire."""


class Failure(NamedTuple):
    """A rule that raised: the events that depend on it, and the error as a sentence."""

    events: tuple[str, ...]
    says: str


def rehearse(catalogue: Catalogue, reference: Reference, settings: EngineSettings) -> None:
    """Run every rule of `catalogue`. Raises CatalogueFault, which lists all rules that raise."""
    faults = faults_of(catalogue, reference, settings)
    if faults:
        raise CatalogueFault(*faults)


def faults_of(catalogue: Catalogue, reference: Reference, settings: EngineSettings) -> list[str]:
    """Missing cases and rules that raise, by file; each rule is reported once."""
    faults = [fault for event in catalogue if event.id in catalogue.sources for fault in case_faults(catalogue.sources[event.id], event)]
    while catalogue.events and (failure := first_failure(catalogue, reference, settings)) is not None:
        first = catalogue.by_id[failure.events[0]]
        others = f" (and {', '.join(failure.events[1:])}, which read its state or start from it)" if len(failure.events) > 1 else ""
        faults.append(f"{catalogue.at(first)}: {first.id}{others}: wanted a rule that runs on any valid record, got {failure.says}")
        catalogue = catalogue.shut_off(failure.events)
    return faults


def first_failure(catalogue: Catalogue, reference: Reference, settings: EngineSettings) -> Failure | None:
    """The first rule that raises: as the engine runs it, and with every condition taken as true, so that re-arm words and detail run too."""
    types = {record for event in catalogue for record in records_of(event)}
    records = [raw for record in RECORD_TYPES if record in types for raw in samples_of(record)]
    try:
        for forced in (False, True):
            engine = Engine(catalogue, reference, settings)
            if forced:
                engine.force()
            shard = fed(engine, records)
            shard.step(None, 2 * len(records))
            shard.advance(MOMENT_MS + LATER_MS)
    except (RuleFailed, StepFailed) as error:
        if not error.events:
            raise
        cause = error.__cause__.__cause__ if isinstance(error, StepFailed) and error.__cause__ is not None else error.__cause__
        return Failure(error.events, f"{error.error}: {cause} (at {error.place})")
    except DefinitionFault as fault:
        return Failure((unplanned(catalogue, reference, settings),), str(fault))
    return None


def unplanned(catalogue: Catalogue, reference: Reference, settings: EngineSettings) -> str:
    """The first event for which no stages can be made. Raises DefinitionFault where each alone can be made."""
    for event in catalogue:
        try:
            Engine(catalogue.chosen([event.id]), reference, settings)
        except DefinitionFault:
            return event.id
    Engine(catalogue, reference, settings)
    raise AssertionError("the catalogue can be planned")


def records_of(event: type[Event]) -> set[type]:
    """All record types that a rule listens to or reads."""
    return {part.record for part in used_by(event).values() if isinstance(part, RecordSource)}


def fed(engine: Engine, records: list[dict[str, Any]]) -> Shard:
    """A shard with `records` in its queues."""
    shard = Shard(0, engine, ShardSettings(clock_jump_ms=LATER_MS))
    of_type = {record.__struct_config__.tag: record.topic for record in RECORD_TYPES}
    for topic in TOPICS:
        own = [raw for raw in records if of_type[raw["record_type"]] == topic]
        keys = [raw["customer_id"].encode() for raw in own]
        shard.feed(topic, range(len(own)), keys, [encoded(raw) for raw in own], next_offset=len(own), caught_up=True)
    return shard
