"""Runs every rule before the first real record, on synthetic records, on none and on its timers; an error is a fault at load. Cases are required too.

Where a synthetic record is no match, a match is made up from it, so that conditions, re-arm words and payload run too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from schemas.codes import code
from schemas.columns import DAY_MS
from schemas.raw import RECORD_TYPES, TOPICS
from streams.definitions.catalogue import Catalogue, CatalogueFault
from streams.definitions.loading import case_faults
from streams.definitions.samples import MOMENT_MS, encoded, samples_of
from streams.emit import message
from streams.engine.batch import Batch
from streams.engine.engine import Engine, RuleFailed
from streams.engine.expression import Output
from streams.engine.features.primitive import TimedRuntime
from streams.engine.identity import pack
from streams.shard import Shard, ShardSettings, StepFailed

if TYPE_CHECKING:
    from schemas.columns import Ints
    from schemas.reference import Reference
    from streams.engine.batch import Group, Matches
    from streams.engine.engine import BoundRule, EngineSettings
    from streams.engine.expression import Expr
    from streams.engine.features.primitive import Runtime
    from streams.engine.state.tables import Rows

LATER_MS = 400 * DAY_MS
"""How far the clock is moved on, so that timers fire."""
STAND_INS: dict[str, Any] = {"bool": True, "text": "x", "date": MOMENT_MS // DAY_MS, "time": MOMENT_MS, "int": 1, "token": 1}


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
    """The first rule that raises, as the engine runs it, or made to match."""
    types = {event.signal.primitive.records for event in catalogue} - {None}
    records = [raw for record in RECORD_TYPES if record in types for raw in samples_of(record)]
    try:
        shard = fed(Engine(catalogue, reference, settings), records)
        shard.step(None, 2 * len(records))
        shard.advance(MOMENT_MS + LATER_MS)
        force_all(Engine(catalogue, reference, settings), records)
    except (RuleFailed, StepFailed) as error:
        if not error.events:
            raise
        cause = error.__cause__.__cause__ if isinstance(error, StepFailed) and error.__cause__ is not None else error.__cause__
        return Failure(error.events, f"{error.error}: {cause} (at {error.place})")
    return None


def fed(engine: Engine, records: list[dict[str, Any]]) -> Shard:
    """A shard with `records` in its queues."""
    shard = Shard(0, engine, ShardSettings(clock_jump_ms=LATER_MS))
    of_type = {record.__struct_config__.tag: record.topic for record in RECORD_TYPES}
    for topic in TOPICS:
        own = [raw for raw in records if of_type[raw["record_type"]] == topic]
        keys = [raw["customer_id"].encode() for raw in own]
        shard.feed(topic, range(len(own)), keys, [encoded(raw) for raw in own], next_offset=len(own), caught_up=True)
    return shard


# Made-up matches


def force_all(engine: Engine, records: list[dict[str, Any]]) -> None:
    """Run every primitive on all records of its type and on none, and every rule on matches made up of them. Raises RuleFailed."""
    released = fed(engine, records).merger.release(2 * len(records))
    assert released is not None  # the samples are valid
    batch = Batch(engine.world, released)
    for listener in engine.primitives:
        group = batch.groups[RECORD_TYPES.index(listener.runtime.declared.records)]
        try:
            group.values(listener.runtime.declared.condition())
            idx = with_key(group, listener.runtime)
            listener.runtime.update(group, idx[:0])
            for one in idx.tolist():
                listener.runtime.update(group, np.array([one]))
        except Exception as error:
            engine._blame(listener.rules, error)
            raise
        for rule in listener.rules:
            try:
                force(rule, listener.runtime, group, idx)
            except Exception as error:
                engine._blame([rule], error)
                raise


def with_key(group: Group, runtime: Runtime) -> Ints:
    """The records that carry the key of a primitive."""
    return np.flatnonzero(group.rows(runtime.scope.by) >= 0)


def force(rule: BoundRule, runtime: Runtime, group: Group, idx: Ints) -> None:
    """Take each record as a match of `rule`: its conditions, re-arm words and payload, and the message that it would be."""
    for one in idx.tolist():
        at = np.array([one])
        rows = runtime.scope.rows(group, at)
        matches = made_up(rule, runtime, group, at, rows)
        matches.values(rule.condition)
        for word in rule.words:
            own = word.rows(matches)
            word.allows(matches, own)
            word.emitted(matches, own)
        runtime.emitted(matches)
        for detection in rule.describer.describe(matches, ["unknown"]):
            message(detection, "rehearsal", None)


def made_up(rule: BoundRule, runtime: Runtime, group: Group, at: Ints, rows: Rows) -> Matches:
    """A match of one record, with a stand-in for everything that the primitive would report."""
    outputs = {node.name: stand_in(node) for node in outputs_of(rule) if node.source is runtime.declared}
    if not rule.event.signal.timed:
        return runtime.matches(group, at, rows, outputs)
    assert isinstance(runtime, TimedRuntime)  # only these have timers
    runtime.anchors.texts[runtime.anchor_name][int(rows[0])] = pack(group.records[int(at[0])])
    return runtime.timer_matches(rows, group.time[at], group.zone(runtime.scope.by, at), outputs)


def stand_in(node: Output) -> Any:
    """A value for one match of what a primitive reports."""
    if node.kind == "list":
        return [["x"]]
    value = STAND_INS[node.kind]
    return np.array([code(value) if isinstance(value, str) else value])


def outputs_of(rule: BoundRule) -> list[Output]:
    """All that a rule reads of what its primitive reports."""
    event = rule.event
    roots: list[Expr] = [rule.condition, *rule.describer.evidence.values(), *(field.value for field in event.payload.values())]
    for word in event.words:
        roots += [*word.same, *([word.value] if hasattr(word, "value") else [])]
    return [node for root in roots for node in root.walk() if isinstance(node, Output)]
