"""The installed definitions: loaded, checked together, ordered by id, with the parameter values of this installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.fault import KairosFault
from streams.definitions.event import Event, Flaw
from streams.definitions.faults import notices_of
from streams.definitions.loading import BUILT_IN, Source, load_all, located
from streams.definitions.tree import events_in, reads_of, used_by
from streams.definitions.units import number_of, wanted
from streams.definitions.words import suggest
from streams.engine.bounds import number_faults
from streams.engine.expression import Expr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from streams.engine.expression import Param

CONDITIONS = ("where", "crossing", "silence", "reach")
"""Words whose conditions must be able to hold."""


class CatalogueFault(KairosFault):
    """Definitions or their parameters are wrong; the text lists every fault with its place."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Catalogue:
    """Event classes in the order of their ids, which is the order in which one record's events are published."""

    def __init__(
        self,
        events: Sequence[type[Event]],
        overrides: Mapping[str, Mapping[str, Any]] | None = None,
        sources: Mapping[str, Source] | None = None,
        *,
        checked: bool = True,
    ) -> None:
        """`checked`: raise CatalogueFault for what is wrong with the events or overrides; not for a part of a catalogue that was checked whole."""
        self.events = sorted(events, key=lambda event: event.id)
        self.by_id = {event.id: event for event in self.events}
        self.sources: Mapping[str, Source] = sources or {}
        """The files of events that were loaded from files."""
        self.values: dict[tuple[str, str], int] = {}
        self.known = frozenset(self.by_id)
        """The ids of all events that were loaded, the selected ones and the others."""
        self.quiet: set[str] = set()
        """Evaluated because selected events depend on them, but not published."""
        if not checked:
            return
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

    def value_of(self) -> Callable[[Param], int]:
        """What gives the value of a parameter in this installation; one of another event has that event's."""
        return lambda parameter: int(self.values.get((getattr(parameter.owner, "id", ""), parameter.name), parameter.value))

    def at(self, event: type[Event]) -> str:
        """The file of an event, or its module."""
        return self.sources[event.id].at() if event.id in self.sources else event.__module__

    def _located(self, event: type[Event], flaw: Flaw) -> list[str]:
        return located(self.sources[event.id], event, [flaw]) if event.id in self.sources else [f"{event.__module__}: {flaw}"]

    def _number_faults(self) -> Iterator[str]:
        value_of = self.value_of()
        for event in self.events:
            reads = [*reads_of(event)]
            places = {id(part): read.at for read in reads for part in read.node.walk()}
            conditions = [read.node for read in reads if read.node.kind == "bool" and read.word in CONDITIONS]
            nodes = [part for part in used_by(event).values() if isinstance(part, Expr)]
            for node, fault in number_faults(nodes, conditions, value_of):
                yield from self._located(event, Flaw(places.get(id(node), "when"), fault))

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
        """The ids of the events whose happenings `event` reads."""
        return [other.id for other in events_in(event) if other.id in self.by_id]

    def with_dependents(self, ids: Iterable[str]) -> list[str]:
        """`ids` and the ids of all events that build on them."""
        found = set(ids)
        while more := {event.id for event in self.events if event.id not in found and found & set(self.needs(event))}:
            found |= more
        return [event.id for event in self.events if event.id in found]

    def readers_of(self, node: Expr, ids: Iterable[str]) -> list[str]:
        """Those of `ids` whose definitions have an expression that is the same as `node`."""
        key = node.key()
        return [name for name in sorted(ids) if any(isinstance(part, Expr) and part.key() == key for part in used_by(self.by_id[name]).values())]

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
        other = Catalogue(events, sources=self.sources, checked=False)
        other.values = dict(self.values)
        other.quiet, other.known = set(quiet) & other.by_id.keys(), self.known
        return other

    # Parameters

    def tuned(self, overrides: Mapping[str, Mapping[str, Any]]) -> Catalogue:
        """The same catalogue with these values of parameters besides its own. Raises CatalogueFault."""
        other = self._with(self.events, self.quiet)
        if faults := [*other._take(overrides), *(other._number_faults() if overrides else ())]:
            raise CatalogueFault(*faults)
        return other

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
        for event in self.events if taken else ():
            for name, parameter in event.parameters.items():
                fault = parameter.fault(self.value(event, name), self.value_of())
                faults += [f"{event.id}.{name}: {fault}"] if fault else []
        return faults

    def _shared_faults(self) -> Iterator[str]:
        """The faults of the definitions together."""
        seen: dict[str, type[Event]] = {}
        for event in self.events:
            if event.id in seen:
                yield f"{event.__module__}: the id {event.id} is taken by {seen[event.id].__module__}"
            seen[event.id] = event
            for other in events_in(event):
                if other is not self.by_id.get(other.id):
                    yield from self._located(event, Flaw("when", f"wanted an event of this catalogue, got {other.id} of {other.__module__}"))
