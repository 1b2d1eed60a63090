"""The installed definitions: found, checked, ordered, with the parameter values of this installation."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.fault import KairosFault
from streams.definitions.payload import payload_faults
from streams.definitions.words import MAIN_CHANNEL, Event
from streams.engine.batch import BASES
from streams.engine.bounds import number_faults
from streams.engine.expression import Expr, Output, RecordField
from streams.engine.features.primitive import Primitive
from streams.engine.features.window import Window
from streams.engine.rearm import WindowWord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import ModuleType

BUILT_IN = "events"
TIMER_CHANNELS = ("due",)
EVENT_FILE_DEPTH = 3
"""A definition is package/family/event.py."""


class CatalogueFault(KairosFault):
    """Something is wrong with the definitions or their parameters; the text lists every fault with its place."""


class Catalogue:
    """Event classes in the order in which one record's events come out."""

    def __init__(self, events: Sequence[type[Event]], overrides: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.events = sorted(events, key=lambda event: (event.number, event.id))
        self.by_id = {event.id: event for event in self.events}
        self.values: dict[tuple[str, str], int] = {}
        self.quiet: set[str] = set()
        """Events that are detected because others need them, but not told."""
        faults = [*self._take(overrides or {}), *shared_faults(self.events), *self._number_faults()]
        if faults:
            raise CatalogueFault("\n".join(faults))

    @classmethod
    def load(cls, definitions: Sequence[str] = (), overrides: Mapping[str, Mapping[str, Any]] | None = None, only: Sequence[str] = ()) -> Catalogue:
        """The built-in definitions and those of `definitions` (packages, or folders of family/event.py files).

        `only`: keep these events and the ones they start from. Raises CatalogueFault with all faults of all files.
        """
        events: list[type[Event]] = []
        faults: list[str] = []
        for source in (BUILT_IN, *definitions):
            for where, module in modules_of(source, faults):
                found = event_of(where, module, faults)
                if found is not None:
                    events.append(found)
        if faults:
            raise CatalogueFault("\n".join(faults))
        catalogue = cls(chosen(events, only), overrides)
        catalogue.quiet = {event.id for event in catalogue if only and event.id not in only}
        return catalogue

    def __iter__(self) -> Iterator[type[Event]]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    def value(self, event: type[Event], name: str) -> int:
        """The value of parameter `name` of `event` in this installation."""
        return self.values.get((event.id, name), event.parameters[name].value)

    def _number_faults(self) -> Iterator[str]:
        values = {id(p): self.value(event, name) for event in self.events for name, p in event.parameters.items()}
        for event in self.events:
            others = [event.signal.condition, *(field.value for field in event.payload.values())]
            faults = number_faults(event.signal.primitive, others, lambda p: values.get(id(p), p.value))
            yield from (f"{event.__module__}: when: {fault}" for fault in faults)

    @property
    def families(self) -> list[str]:
        """The families of the installed events: one output topic each."""
        return sorted({event.id.split(".")[0] for event in self.events})

    def _take(self, overrides: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
        for event_id, values in overrides.items():
            event = self.by_id.get(event_id)
            if event is None:
                yield f"[events.{event_id!r}]: no such event{suggest(event_id, self.by_id)}"
                continue
            for name, value in values.items():
                parameter = event.parameters.get(name)
                if parameter is None:
                    yield f"{event_id}.{name}: no such parameter{suggest(name, event.parameters)}"
                elif fault := parameter.fault(value):
                    yield f"{event_id}.{name}: {fault}"
                else:
                    self.values[event_id, name] = value


def suggest(word: str, words: Mapping[str, Any]) -> str:
    """': did you mean …?', or what there is."""
    close = difflib.get_close_matches(word, list(words), 3)
    return f": did you mean {' or '.join(close)}?" if close else f": there are {', '.join(words) or 'none'}"


def chosen(events: list[type[Event]], only: Sequence[str]) -> list[type[Event]]:
    """The events named in `only` and those whose firing or state they need; all of them when `only` is empty."""
    if not only:
        return events
    by_id = {event.id: event for event in events}
    if unknown := [name for name in only if name not in by_id]:
        raise CatalogueFault("\n".join(f"{name}: no such event{suggest(name, by_id)}" for name in unknown))
    wanted: set[str] = set()
    queue = list(only)
    while queue:
        name = queue.pop()
        if name not in wanted:
            wanted.add(name)
            primitive = by_id[name].signal.primitive
            after = getattr(primitive, "after", None)
            queue += [needed for needed in (primitive.name, after.id if after is not None else "") if needed in by_id]
    return [event for event in events if event.id in wanted]


def modules_of(source: str, faults: list[str]) -> Iterator[tuple[str, ModuleType]]:
    """The definition modules of a package, or of a folder of family/event.py files."""
    folder = Path(source)
    if source != BUILT_IN and folder.is_dir():
        yield from modules_of_folder(folder, faults)
        return
    try:
        package = importlib.import_module(source)
    except ImportError as error:
        faults.append(f"{source}: wanted a folder or an importable package of definitions: {error}")
        return
    for info in pkgutil.walk_packages(package.__path__, f"{source}."):
        if not info.ispkg and info.name.count(".") >= source.count(".") + EVENT_FILE_DEPTH - 1:
            module = imported(info.name, lambda name=info.name: importlib.import_module(name), faults)
            if module is not None:
                yield info.name, module


def modules_of_folder(folder: Path, faults: list[str]) -> Iterator[tuple[str, ModuleType]]:
    """Definition modules from files outside any package; modules beside them can be imported by name."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    for file in sorted(folder.glob("*/*.py")):
        if file.stem != "__init__":
            spec = importlib.util.spec_from_file_location(f"definitions.{file.parent.name}.{file.stem}", file)
            assert spec is not None and spec.loader is not None  # it is a .py file
            module = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = module
            loader = spec.loader
            if imported(str(file), lambda m=module, run=loader: run.exec_module(m) or m, faults) is not None:
                yield str(file), module


def imported(where: str, load: Any, faults: list[str]) -> ModuleType | None:
    """What `load` gives; whatever it raises becomes a fault."""
    try:
        module: ModuleType = load()
    except Exception as error:  # noqa: BLE001  # a definition may be wrong in any way, and all faults are reported
        faults.append(f"{where}: {type(error).__name__}: {error}")
        return None
    return module


def event_of(where: str, module: ModuleType, faults: list[str]) -> type[Event] | None:
    """The one event a module defines; None (and a fault) when something is wrong with it."""
    events = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Event) and value.__module__ == module.__name__]
    if len(events) != 1:
        faults.append(f"{where}: wanted one Event class, got {len(events)}")
        return None
    (event,) = events
    own = [f"{where}: {fault}" for fault in (*event_faults(event), *([] if module.__doc__ else ["wanted a docstring that says what happened, got none"]))]
    event.cases = getattr(module, "CASES", ())
    faults += own
    return None if own else event


def event_faults(event: type[Event]) -> Iterator[str]:
    """What is wrong with one definition."""
    primitive = event.signal.primitive
    if event.by not in BASES:
        yield f"by: wanted one of {', '.join(BASES)}, got {event.by!r}"
    for name, parameter in event.parameters.items():
        if fault := parameter.fault(parameter.value):
            yield f"{name}: {fault}"
    for name, field in event.payload.items():
        yield from (f"{name}: {fault}" for fault in node_faults(field.value, primitive, timed=event.signal.channel == "due"))
    yield from payload_faults(event)
    yield from (f"when: {fault}" for fault in node_faults(event.signal.condition, primitive, timed=event.signal.channel == "due"))
    if any(isinstance(word, WindowWord) for word in event.words) and not isinstance(primitive, Window):
        yield "rearm: EDGE and RESET go with a window"
    if primitive.by != event.by:
        yield f"by: wanted {primitive.by!r} as for {primitive.name}, whose state it reads, got {event.by!r}"


def node_faults(node: Expr, primitive: Primitive, *, timed: bool) -> Iterator[str]:
    """Parts of an expression that will not be known when the event is made."""
    for part in node.walk():
        if isinstance(part, Output) and part.source is not primitive:
            yield f"wanted something that this event's own `when` reports, got {part}"
        if isinstance(part, RecordField) and timed:
            yield f"{part}: a timer has no record; wanted what its primitive reports"
        if isinstance(part, RecordField) and not timed and part.record is not primitive.records:
            yield f"{part}: wanted a field of {getattr(primitive.records, '__name__', None)}, got one of {part.record.__name__}"


def shared_faults(events: Sequence[type[Event]]) -> Iterator[str]:
    """What is wrong with the definitions together."""
    seen: dict[str, type[Event]] = {}
    numbers: dict[int, type[Event]] = {}
    ids = {event.id for event in events}
    states: dict[tuple[str, str, tuple[str, ...]], type[Event]] = {}
    for event in events:
        if event.id in seen:
            yield f"{event.__module__}: the id {event.id} is taken by {seen[event.id].__module__}"
        if event.number in numbers and event.number < 10_000:  # the number of those that gave none
            yield f"{event.__module__}: the number {event.number} is taken by {numbers[event.number].id}"
        seen[event.id] = event
        numbers[event.number] = event
        primitive = event.signal.primitive
        if primitive.name != event.id and primitive.name in ids and event.signal.channel == MAIN_CHANNEL.get(type(primitive), "matched"):
            yield f"{event.__module__}: when: wanted a primitive of its own, got that of {primitive.name}, whose name its state has: share one with a name, .named('...')"
        after = getattr(primitive, "after", None)
        if after is not None and after.by != event.by:
            yield f"{event.__module__}: by: wanted {after.by!r} as {after.id} has, got {event.by!r}"
        if after is not None:
            yield from (f"{event.__module__}: when: {fault}" for fault in absence_faults(after, primitive))
        first = states.setdefault((primitive.name, primitive.by, tuple(map(str, primitive.same))), event)
        if first.signal.primitive is not primitive:
            yield f"{event.__module__}: when: wanted state of its own, got the name {primitive.name!r}, which that of {first.id} has: give it another name, .named('...'), or use the same object in both"


def absence_faults(after: type[Event], absence: Primitive) -> Iterator[str]:
    """Why an absence would never begin: it does so on the record that makes the event before, and only on one of the type it waits for."""
    before = after.signal
    if before.channel in TIMER_CHANNELS:
        yield f"without: wanted an event that a record makes, got {after.id}, which a timer makes: an absence cannot begin at a timer yet"
    elif before.primitive.records is not absence.records:
        got, wanted = (getattr(p.records, "__name__", None) for p in (before.primitive, absence))
        yield f"without: wanted a stream of {got}, the records that make {after.id}, got one of {wanted}: an absence over two record types cannot begin yet"
