"""Events off or on and values of parameters that were changed while workers run: the versions that the control topic keeps.

A version says who changed what, when and why, and holds all that is switched as of it, so that the newest one alone says what is in force. What cannot be
used is ignored, and the values before it stay: a record as a whole where it is no version, one value where the installed definitions do not take it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from schemas.fault import KairosFault
from streams.definitions.catalogue import Catalogue, CatalogueFault
from streams.definitions.words import suggest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

KEY = "V/"
"""Before the version in the key of a record."""
LONGEST = 1_000
"""Characters of a name and of a reason."""
Parameters = dict[str, dict[str, int]]
"""By event and parameter, the value, in the parameter's base unit."""
Text = Annotated[str, Meta(min_length=1, max_length=LONGEST)]


class SwitchFault(KairosFault):
    """A change cannot be made: what, wanted, got."""


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"before": "from", "after": "to"}):
    """One event or one parameter."""

    what: Text
    """`event:balance.low` or `parameter:balance.low.low`."""
    before: int | str
    """`on` or `off`; of a parameter, the value that was in force where the change was written."""
    after: int | str | None
    """None: the value of the installation's own settings again."""


class Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A change, and everything that is switched as of it. Versions count from 1."""

    version: Annotated[int, Meta(ge=1)]
    at: Annotated[int, Meta(ge=0)]
    """Epoch ms."""
    by: Text
    why: Text
    changes: tuple[Change, ...]
    off: tuple[str, ...] = ()
    """All events that are off."""
    parameters: Parameters = {}
    """All values that are not those of the installation's own settings."""

    def record(self) -> tuple[bytes, bytes]:
        """Key and value in the control topic."""
        return f"{KEY}{self.version}".encode(), msgspec.json.encode(self)


class Values(NamedTuple):
    """What is in force."""

    version: int = 0
    off: frozenset[str] = frozenset()
    """Events that are evaluated and not published."""
    parameters: Mapping[str, Mapping[str, int]] = {}


AS_INSTALLED = Values()
"""Nothing was ever changed."""


class History:
    """The versions in the order in which they were written, and what of the topic is no version."""

    def __init__(self) -> None:
        self.versions: list[Version] = []
        self.ignored: list[str] = []
        """A sentence for each record that is ignored."""

    def take(self, pairs: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Add records of the topic in their order."""
        for key, value in pairs:
            name = key.decode(errors="replace")[:40]
            try:
                version = msgspec.json.decode(value or b"", type=Version)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                self.ignored.append(f"{name}: wanted a version of the settings, got {'a deletion' if value is None else error}: written by a newer Kairos, or by something else?")
                continue
            if key != version.record()[0]:
                self.ignored.append(f"{name}: wanted the key {KEY}{version.version} of its version")
            elif version.version <= self.newest:
                self.ignored.append(f"{name}: wanted a version above {self.newest}, which was written before, got {version.version}")
            else:
                self.versions.append(version)

    @property
    def newest(self) -> int:
        """The newest version; 0: none."""
        return self.versions[-1].version if self.versions else 0

    def at(self, number: int) -> Version | None:
        """Version `number`; None for 0, where nothing is switched. Raises SwitchFault."""
        if number == 0:
            return None
        for version in self.versions:
            if version.version == number:
                return version
        raise SwitchFault(f"version: wanted one of 'kairos settings history', 0 (as installed) to {self.newest}, got {number}")


class InForce(NamedTuple):
    """What is in force by a history, with the definitions that are installed."""

    values: Values
    catalogue: Catalogue
    """With the values of parameters."""
    ignored: list[str]
    """A sentence for each value that is ignored."""


def in_force(installed: Catalogue, history: History) -> InForce:
    """What is in force. A value that does not fit the installed definitions is ignored: the last one before it that fits stays."""
    if not history.versions:
        return InForce(AS_INSTALLED, installed, [])
    newest = history.versions[-1]
    ignored: list[str] = []
    off = set()
    for event in newest.off:
        if published(installed, event):
            off.add(event)
        else:
            ignored.append(f"version {newest.version}: {event} off: wanted an event that is published here")
    parameters = newest.parameters
    try:
        catalogue = installed.tuned(parameters)
    except CatalogueFault:
        parameters, catalogue = {}, installed
        for event in newest.parameters:
            own, catalogue = last_fitting(catalogue, history, event, ignored)
            parameters |= {event: own} if own else {}
    return InForce(Values(newest.version, frozenset(off), parameters), catalogue, ignored)


def last_fitting(catalogue: Catalogue, history: History, event: str, ignored: list[str]) -> tuple[dict[str, int], Catalogue]:
    """The newest values of an event's parameters that fit, none where those of the installation do; and the definitions with them."""
    for version in reversed(history.versions):
        own = version.parameters.get(event, {})
        try:
            return own, catalogue.tuned({event: own}) if own else catalogue
        except CatalogueFault as fault:
            if version is history.versions[-1]:
                ignored.append(f"version {version.version}: {'; '.join(fault.faults)}")
            if event not in catalogue.by_id:
                break
    return {}, catalogue


def published(catalogue: Catalogue, event: str) -> bool:
    """Whether `event` is installed, and not only evaluated for others."""
    return event in catalogue.by_id and event not in catalogue.quiet


class Proposal(NamedTuple):
    """What the next version would say, with the definitions as they would be."""

    changes: tuple[Change, ...]
    off: tuple[str, ...]
    parameters: Parameters
    catalogue: Catalogue

    @property
    def events(self) -> list[str]:
        """The installed events whose parameters it changes."""
        found = {change.what.removeprefix("parameter:").rpartition(".")[0] for change in self.changes if change.what.startswith("parameter:")}
        return sorted(found & self.catalogue.by_id.keys())


def proposed(installed: Catalogue, history: History, parameters: Mapping[str, Mapping[str, Any]], off: Collection[str] = (), on: Collection[str] = ()) -> Proposal:
    """The next version with these parameters changed (numbers, or texts with units), these events off and these on.

    Raises CatalogueFault or SwitchFault for a wrong name, a value out of bounds, and what is in force already.
    """
    values, before, _ = in_force(installed, history)
    if twice := set(off) & set(on):
        raise SwitchFault(f"{', '.join(sorted(twice))}: wanted off or on, got both")
    faults = [f"{event}: wanted an event that is published here, got none{suggest(event, before.by_id)}" for event in (*off, *on) if not published(before, event)]
    faults += [f"{event}: wanted an event that is on, got one that is off already" for event in off if event in values.off]
    faults += [f"{event}: wanted an event that is off, got one that is on already" for event in on if event in before.by_id and event not in values.off]
    after = before.tuned(parameters)
    given = [(event, name, after.value(after.by_id[event], name)) for event, own in parameters.items() for name in own]
    faults += [f"{event}.{name}: wanted another value than the one in force, got {value}" for event, name, value in given if before.value(before.by_id[event], name) == value]
    if faults:
        raise SwitchFault("\n".join(faults))
    mine = kept(installed, history, values)
    for event, name, value in given:
        mine.setdefault(event, {})[name] = value
    elsewhere = {event for event in history.versions[-1].off if not published(installed, event)} if history.versions else set()
    return proposal(before, after, values, (values.off | elsewhere | set(off)) - set(on), mine)


def kept(installed: Catalogue, history: History, values: Values) -> Parameters:
    """The values in force, with those of events that are not installed here, which are not this change's business."""
    elsewhere = {event: own for event, own in history.versions[-1].parameters.items() if event not in installed.by_id} if history.versions else {}
    return {event: dict(own) for event, own in {**elsewhere, **values.parameters}.items()}


def rolled_back(installed: Catalogue, history: History, number: int) -> Proposal:
    """The next version with everything as it was as of version `number`; 0: as installed. Raises SwitchFault, CatalogueFault."""
    target = history.at(number)
    values, before, _ = in_force(installed, history)
    parameters = {event: dict(own) for event, own in target.parameters.items()} if target is not None else {}
    after = installed.tuned({event: own for event, own in parameters.items() if event in installed.by_id})
    found = proposal(before, after, values, target.off if target is not None else (), parameters)
    if not found.changes:
        raise SwitchFault(f"version: wanted one with other values than those in force (version {history.newest}), got {number}")
    return found


def proposal(before: Catalogue, after: Catalogue, values: Values, off: Iterable[str], parameters: Parameters) -> Proposal:
    """What changes between what is in force and what is wanted."""
    wanted = sorted(off)
    here = {event for event in wanted if published(before, event)}
    changes = [Change(f"event:{event}", *(("on", "off") if event in here else ("off", "on"))) for event in sorted(here ^ values.off)]
    names = {(event, name) for held in (values.parameters, parameters) for event, own in held.items() for name in own if event in before.by_id}
    for event, name in sorted(names):
        now = parameters.get(event, {}).get(name)
        if now != values.parameters.get(event, {}).get(name):
            changes.append(Change(f"parameter:{event}.{name}", before.value(before.by_id[event], name), now))
    return Proposal(tuple(changes), tuple(wanted), parameters, after)


def version_of(found: Proposal, number: int, *, at_ms: int, by: str, why: str) -> Version:
    """The version that a proposal becomes. Raises SwitchFault."""
    for name, text in (("why", why), ("by", by)):
        if not text.strip() or len(text) > LONGEST:
            raise SwitchFault(f"{name}: wanted a text of 1 to {LONGEST} characters, got {len(text.strip())}")
    return Version(version=number, at=at_ms, by=by.strip(), why=why.strip(), changes=found.changes, off=found.off, parameters=found.parameters)


def in_words(version: Version) -> Iterator[str]:
    """The changes of a version, a phrase each."""
    for change in version.changes:
        kind, _, name = change.what.partition(":")
        yield f"{name} {change.after}" if kind == "event" else f"{name} {change.before} -> {'as installed' if change.after is None else change.after}"


__all__ = ["AS_INSTALLED", "Change", "History", "InForce", "Proposal", "SwitchFault", "Values", "Version", "in_force", "in_words", "proposed", "rolled_back", "version_of"]
