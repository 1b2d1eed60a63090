"""The installed definitions: loaded, checked together, ordered by id, with the parameter values of this installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.fault import KairosFault
from streams.definitions.event import MAIN_CHANNEL, Event
from streams.definitions.faults import notices_of
from streams.definitions.loading import BUILT_IN, Source, load_all
from streams.definitions.units import number_of, wanted
from streams.definitions.words import suggest
from streams.engine.bounds import number_faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from streams.engine.expression import Param
    from streams.engine.features.primitive import Primitive

TIMER_CHANNELS = ("due",)


class CatalogueFault(KairosFault):
    """Definitions or their parameters are wrong; the text lists every fault with its place."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Catalogue:
    """Event classes in the order of their ids, which is the order in which one record's events are published."""

    def __init__(self, events: Sequence[type[Event]], overrides: Mapping[str, Mapping[str, Any]] | None = None, sources: Mapping[str, Source] | None = None) -> None:
        self.events = sorted(events, key=lambda event: event.id)
        self.by_id = {event.id: event for event in self.events}
        self.sources: Mapping[str, Source] = sources or {}
        """The files of events that were loaded from files."""
        self.values: dict[tuple[str, str], int] = {}
        self.quiet: set[str] = set()
        """Evaluated because selected events depend on them, but not published."""
        faults = [f"{event.id}: {flaw}" for event in self.events for flaw in event.flaws]
        faults += [*self._take(overrides or {}), *self._shared_faults(), *self._number_faults()]
        if faults:
            raise CatalogueFault(*faults)

    @classmethod
    def load(
        cls,
        definitions: Sequence[str] = (),
        overrides: Mapping[str, Mapping[str, Any]] | None = None,
        only: Sequence[str] = (),
        without: Sequence[str] = (),
    ) -> Catalogue:
        """The built-in definitions and those of `definitions` (packages, or folders of family/event.py files).

        `only`: publish these events alone; `without`: publish all but these. The events that the published ones depend on are evaluated too.
        Raises CatalogueFault with all faults of all files.
        """
        events, sources, faults = load_all((BUILT_IN, *definitions))
        if faults:
            raise CatalogueFault(*faults)
        return cls(events, overrides, sources).chosen(only, without)

    def __iter__(self) -> Iterator[type[Event]]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    def value(self, event: type[Event], name: str) -> int:
        """The value of parameter `name` of `event` in this installation."""
        return int(self.values.get((event.id, name), event.parameters[name].value))

    def at(self, event: type[Event]) -> str:
        """The file of an event, or its module."""
        return self.sources[event.id].at() if event.id in self.sources else event.__module__

    def _number_faults(self) -> Iterator[str]:
        values = {id(p): self.value(event, name) for event in self.events for name, p in event.parameters.items()}
        for event in self.events:
            others = [event.signal.condition, *(field.value for field in event.payload.values())]
            faults = number_faults(event.signal.primitive, others, lambda p: values.get(id(p), p.value))
            yield from (f"{self.at(event)}: when: {fault}" for fault in faults)

    @property
    def families(self) -> list[str]:
        """The families of the published events: one output topic each."""
        return sorted({event.id.split(".")[0] for event in self.events if event.id not in self.quiet})

    @property
    def notices(self) -> list[str]:
        """Warnings: what is allowed but may surprise, by file."""
        return [f"{self.at(event)}: {notice}" for event in self.events for notice in notices_of(event)]

    # Which events

    def needs(self, event: type[Event]) -> list[str]:
        """The ids of the events whose firing or state `event` reads."""
        primitive = event.signal.primitive
        after = primitive.after.id if primitive.after is not None and issubclass(primitive.after, Event) else ""
        return [name for name in (primitive.name, after) if name in self.by_id and name != event.id]

    def with_dependents(self, ids: Iterable[str]) -> list[str]:
        """`ids` and the ids of all events that build on them."""
        found = set(ids)
        while more := {event.id for event in self.events if event.id not in found and found & set(self.needs(event))}:
            found |= more
        return [event.id for event in self.events if event.id in found]

    def shut_off(self, ids: Iterable[str]) -> Catalogue:
        """The same catalogue without these events and all that build on them."""
        off = set(self.with_dependents(ids))
        return self._with([event for event in self.events if event.id not in off], self.quiet)

    def chosen(self, only: Sequence[str] = (), without: Sequence[str] = ()) -> Catalogue:
        """The published events and those that they need. Raises CatalogueFault."""
        if strange := [name for name in (*only, *without) if name not in self.by_id]:
            raise CatalogueFault(*(f"{name}: no such event{suggest(name, self.by_id)}" for name in strange))
        published = {name for name in only or self.by_id if name not in without}
        if not published:
            raise CatalogueFault("only, without: wanted at least one event, got none that is left")
        kept: set[str] = set()
        queue = list(published)
        while queue:
            name = queue.pop()
            if name not in kept:
                kept.add(name)
                queue += self.needs(self.by_id[name])
        return self._with([event for event in self.events if event.id in kept], kept - published)

    def _with(self, events: list[type[Event]], quiet: Iterable[str]) -> Catalogue:
        other = Catalogue(events, sources=self.sources)
        other.values = {key: value for key, value in self.values.items() if key[0] in other.by_id}
        other.quiet = set(quiet) & other.by_id.keys()
        return other

    # Parameters

    def _take(self, overrides: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Set the values of parameters, all of them before any is compared with another. Returns the faults."""
        faults = []
        taken: dict[tuple[str, str], Param] = {}
        for event_id, values in overrides.items():
            event = self.by_id.get(event_id)
            if event is None:
                names = [f"{event_id}.{name}" for name in values if f"{event_id}.{name}" in self.by_id]
                faults += [f"{name}: wanted EVENT.PARAMETER=VALUE, got no parameter; there are {', '.join(self.by_id[name].parameters) or 'none'}" for name in names]
                faults += [] if names else [f"[events.{event_id!r}]: no such event{suggest(event_id, self.by_id)}"]
                continue
            for name, given in values.items():
                parameter = event.parameters.get(name)
                value = number_of(given, parameter.unit) if parameter is not None else given
                if parameter is None:
                    faults.append(f"{event_id}.{name}: no such parameter{suggest(name, event.parameters)}")
                elif isinstance(value, bool) or not isinstance(value, int):
                    faults.append(f"{event_id}.{name}: wanted {wanted(parameter.unit)}, got {given!r}")
                else:
                    self.values[event_id, name] = value
                    taken[event_id, name] = parameter
        names_of = {id(parameter): (event.id, name) for event in self.events for name, parameter in event.parameters.items()}
        for event in self.events if taken else ():
            for name, parameter in event.parameters.items():
                fault = parameter.fault(self.value(event, name), lambda bound: self.values.get(names_of.get(id(bound), ("", "")), bound.value))
                faults += [f"{event.id}.{name}: {fault}"] if fault else []
        return faults

    def _shared_faults(self) -> Iterator[str]:
        """The faults of the definitions together."""
        seen: dict[str, type[Event]] = {}
        states: dict[tuple[str, str, tuple[str, ...]], type[Event]] = {}
        for event in self.events:
            if event.id in seen:
                yield f"{event.__module__}: the id {event.id} is taken by {seen[event.id].__module__}"
            seen[event.id] = event
            primitive = event.signal.primitive
            if primitive.name != event.id and primitive.name in self.by_id and event.signal.channel == MAIN_CHANNEL.get(type(primitive), "matched"):
                yield f"{self.at(event)}: when: wanted a primitive of its own, got that of {primitive.name}, whose name its state has: share one with a name, .named('...')"
            if primitive.after is not None and issubclass(primitive.after, Event):
                yield from (f"{self.at(event)}: when: {fault}" for fault in absence_faults(primitive.after, primitive))
            first = states.setdefault((primitive.name, primitive.by, tuple(map(str, primitive.same))), event)
            if first.signal.primitive is not primitive:
                yield (
                    f"{self.at(event)}: when: wanted state of its own, got the name {primitive.name!r}, which that of {first.id} has: "
                    "give it another name, .named('...'), or use the same object in both"
                )


def absence_faults(after: type[Event], absence: Primitive) -> Iterator[str]:
    """Why an absence would never begin. It begins on the record that causes the event before, which must be of the type it waits for."""
    before = after.signal
    if before.channel in TIMER_CHANNELS:
        yield f"without: wanted an event that a record causes, got {after.id}, which a timer causes: an absence cannot begin at a timer yet"
    elif before.primitive.records is not absence.records:
        got, wanted = (getattr(p.records, "__name__", None) for p in (before.primitive, absence))
        yield f"without: wanted a stream of {got}, the records that cause {after.id}, got one of {wanted}: an absence over two record types cannot begin yet"
