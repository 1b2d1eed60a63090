"""Parameters changed and events switched off between two steps: exactly a restart with `--set`, and exactly the events left out."""

from __future__ import annotations

import gc
import json
import weakref
from collections import Counter

import pytest

from schemas.raw import TOPICS
from schemas.reference import Reference
from streams.builder import ShardBuilder
from streams.definitions.catalogue import Catalogue, CatalogueFault
from streams.engine.engine import Engine, EngineSettings
from streams.engine.state.codec import split_key
from streams.engine.state.store import CLOCK
from streams.kafka.control_watch import thaw
from streams.shard import Shard, ShardSettings
from streams.simulation.city import City
from streams.switches import History, Values, Version
from tests.shards import CATALOGUE

MIDNIGHT_MS = 1_777_564_800_000
DAYS, SWITCHED, BACK = 9, 5, 7
"""The day of the change, and the day on which it is taken back."""


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """Some days of a small city in three parts, and its reference tables."""
    folder = tmp_path_factory.mktemp("city")
    town = City(3, 30, MIDNIGHT_MS)
    town.write_reference(folder)
    parts = [[], [], []]
    for record in town.records(DAYS):
        day = (json.loads(record.value)["event_time"] - MIDNIGHT_MS) / 86_400_000
        parts[(day >= SWITCHED) + (day >= BACK)].append(record)
    return parts, Reference.load(folder)


@pytest.fixture(scope="module")
def never(city):
    """All of it where nothing is ever changed, and how many events there were after each part."""
    parts, reference = city
    run = Run(builder_of(reference)(0))
    return run, [len(run.feed(part).events) for part in parts]


class Run:
    """A shard, what it published, and what a changelog would hold of it."""

    def __init__(self, shard):
        self.log, self.events, self.counters, self.offsets = {}, [], Counter(), dict.fromkeys(TOPICS, 0)
        self.go_on(shard, restore=False)

    def go_on(self, shard, *, restore=True):
        """From here on with another shard, which reads back what is stored."""
        if restore:
            shard.restore([(key, value) for key, value in self.log.items() if value is not None])
            shard.restored()
        self.shard = shard
        for step in shard.migration(10_000) if restore else ():
            self.take(step)

    def feed(self, part):
        for topic in TOPICS:
            own = [record for record in part if record.topic == topic]
            begin = self.offsets[topic]
            self.offsets[topic] += len(own)
            offsets = range(begin, self.offsets[topic])
            self.shard.feed(topic, offsets, [record.key for record in own], [record.value for record in own], next_offset=self.offsets[topic], caught_up=True)
        while (step := self.shard.step(None, 5_000)) is not None:
            self.take(step)
        return self

    def take(self, step):
        self.log.update(step.rows)
        self.counters.update(step.counters)
        self.events += [json.loads(message.value) for message in step.events]

    def rows(self):
        """What is stored but the head row."""
        return {key: value for key, value in self.log.items() if value is not None and split_key(key)[0] != CLOCK}

    def bodies(self):
        """The events without their version."""
        return [{**event, "data": {**event["data"], "settings_version": 0}} for event in self.events]


def builder_of(reference):
    return ShardBuilder(CATALOGUE, reference, EngineSettings(), ShardSettings(), {}, {})


def version(number, off=(), parameters=None):
    return Version(version=number, at=1, by="ann", why="a test", changes=(), off=tuple(off), parameters=parameters or {})


def changed_to(builder, *versions):
    """The history of these versions is in force from here on."""
    history = History()
    history.take([one.record() for one in versions])
    assert builder.switch(history) == history.ignored == []


def other_values():
    """Another value for nearly every parameter of the catalogue: twice as much, where that is refused one more, else none."""
    ways = dict.fromkeys([event.id for event in CATALOGUE if event.parameters], (lambda value: value * 2, lambda value: value + 1))
    while True:
        values = {event: {name: ways[event][0](CATALOGUE.value(CATALOGUE.by_id[event], name)) for name in CATALOGUE.by_id[event].parameters} for event in ways}
        try:
            CATALOGUE.tuned(values)
        except CatalogueFault as fault:
            refused = {event for event in ways if any(f"{event}." in line or f"{event.replace('.', '/')}.py" in line for line in fault.faults)}
            assert refused, fault
            ways = {event: left[1:] if event in refused else left for event, left in ways.items() if left[1:] or event not in refused}
        else:
            return values


def test_changed_parameters_are_a_restart_with_set_row_by_row_and_event_by_event(city, never):
    parts, reference = city
    values = other_values()
    assert sum(map(len, values.values())) > 100
    builder = builder_of(reference)
    live = Run(builder(0)).feed(parts[0])
    changed_to(builder, version(1, parameters=values))
    live.go_on(builder(0))
    at_change = live.rows()
    live.feed(parts[1])
    changed_to(builder, version(1, parameters=values), version(2))
    live.go_on(builder(0))
    live.feed(parts[2])

    set_ = {event: {name: str(value) for name, value in own.items()} for event, own in values.items()}
    plain, tuned = Catalogue.load(), Catalogue.load(overrides=set_)
    fresh = lambda catalogue: Shard(0, Engine(catalogue, reference, EngineSettings()), ShardSettings())
    oracle = Run(fresh(plain)).feed(parts[0])
    oracle.go_on(fresh(tuned))
    assert at_change == oracle.rows()
    oracle.feed(parts[1])
    oracle.go_on(fresh(plain))
    oracle.feed(parts[2])
    assert live.rows() == oracle.rows()
    assert live.bodies() == oracle.events
    named = [event["data"]["settings_version"] for event in live.events]
    assert named == sorted(named)
    assert set(named) == {0, 1, 2}

    kinds = lambda run: Counter(event["data"]["event"] for event in run.events)
    assert sum(kinds(never[0])[event] != kinds(live)[event] for event in values) >= 5, "the values were of no account"


def test_an_event_that_is_off_is_left_out_and_nothing_else_is_different(city, never):
    parts, reference = city
    read = {name for event in CATALOGUE for name in CATALOGUE.needs(event)}
    off = sorted(read | {"balance.low", "topup.completed"})
    plain, (first, second, _) = never
    expected = [event for number, event in enumerate(plain.events) if not first <= number < second or event["data"]["event"] not in off]
    builder = builder_of(reference)
    live = Run(builder(0)).feed(parts[0])
    live.shard.switch(Values(1, frozenset(off)))
    live.feed(parts[1])
    live.shard.switch(Values(2))
    live.feed(parts[2])
    assert live.bodies() == expected
    assert live.rows() == plain.rows()
    counted = {name: number for name, number in live.counters.items() if name.startswith("switched_off.")}
    assert sum(counted.values()) == len(plain.events) - len(expected) >= 10
    assert {name.removeprefix("switched_off.") for name in counted} <= set(off)
    built_on = {event.id for event in CATALOGUE if set(CATALOGUE.needs(event)) & set(off)} - set(off)
    assert built_on & {event["data"]["event"] for event in live.events if event["data"]["settings_version"] == 1}, "none that builds on them was seen meanwhile"


def test_an_id_does_not_depend_on_the_version(city, never):
    parts, reference = city
    builder = builder_of(reference)
    plain, (first, _, _) = never
    changed_to(builder, version(7))
    named = Run(builder(0)).feed(parts[0])
    assert {event["data"]["settings_version"] for event in named.events} == {7}
    assert named.bodies() == plain.events[:first]


def test_reference_tables_that_were_replaced_stay_when_parameters_change(city):
    parts, reference = city
    low = {"balance.low": {"low": 400}}
    builder = builder_of(Reference.load(None))
    live = Run(builder(0)).feed(parts[0][:300])
    builder.reference = reference  # as ReferenceWatch does
    live.shard.engine.refer(reference)
    live.feed(parts[0][300:600])
    changed_to(builder, version(1, parameters=low))
    live.go_on(builder(0))
    live.feed(parts[0][600:])

    oracle = Run(Shard(0, Engine(CATALOGUE, Reference.load(None), EngineSettings()), ShardSettings())).feed(parts[0][:300])
    oracle.shard.engine.refer(reference)
    oracle.feed(parts[0][300:600])
    oracle.go_on(Shard(0, Engine(Catalogue.load(overrides=low), reference, EngineSettings()), ShardSettings()))
    oracle.feed(parts[0][600:])
    assert live.bodies() == oracle.events
    assert live.rows() == oracle.rows()


def test_the_head_row_names_the_version_and_is_as_before_where_nothing_was_ever_changed(city):
    parts, reference = city
    head = lambda run: json.loads(next(value for key, value in run.log.items() if split_key(key)[0] == CLOCK))
    builder = builder_of(reference)
    run = Run(builder(0)).feed(parts[0][:50])
    assert "settings_version" not in head(run)
    run.shard.switch(Values(3))
    run.feed(parts[0][50:100])
    assert head(run)["settings_version"] == 3


def test_an_engine_that_is_replaced_is_let_go_of(city):
    builder = builder_of(city[1])
    run = Run(builder(0)).feed(city[0][0])
    gc.collect()
    gc.freeze()
    gone = weakref.ref(run.shard.engine)
    run.go_on(builder(0))
    thaw()
    assert gone() is None
    gc.unfreeze()
