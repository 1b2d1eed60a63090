"""Whether the cases of definitions distinguish the rules from their mutants (`streams/definitions/mutants.py`)."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.fault import KairosFault
from streams.definitions.catalogue import Catalogue, CatalogueFault
from streams.definitions.event import Event
from streams.definitions.faults import flaws_of
from streams.definitions.folders import FOLDERS
from streams.definitions.loading import BUILT_IN, load_all
from streams.definitions.mutants import mutants_of, waivers_of
from streams.definitions.rehearsal import faults_of
from streams.engine.engine import EngineSettings
from streams.engine.expression import DefinitionFault
from streams.tools.check import of_stories, outcome_of, own_of, placed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from schemas.reference import Reference
    from streams.definitions.mutants import Mutant

EVENT_ID = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
UNUSED = "nothing uses"
"""How flaws begin that say of a name that it is without effect: where a part of a rule is dropped, what only this part read is."""


class Result(NamedTuple):
    """What became of the mutants of one event: how many fail a case, how many are no valid definition, how many a comment waives.

    `survivors`: those that pass all cases, and `idle`: comments without such a mutant; with file and line.
    """

    event: str
    killed: int
    refused: int
    waived: int
    survivors: list[str]
    idle: list[str]

    @property
    def faults(self) -> list[str]:
        """What is wrong with the cases or the comments."""
        return [*self.survivors, *self.idle]

    @property
    def counts(self) -> dict[str, int]:
        """How many mutants had which fate."""
        return {"killed": self.killed, "refused": self.refused, "waived": self.waived, "survived": len(self.survivors)}

    def __str__(self) -> str:
        return said(self.event, self.counts)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {"event": self.event, **self.counts, "faults": [*map(placed, self.faults)]}


def said(name: str, counts: Mapping[str, int]) -> str:
    """A name and what became of its mutants."""
    return f"{name}: {sum(counts.values())} mutants: {', '.join(f'{number} {fate}' for fate, number in counts.items())}"


def summed(found: Sequence[Result]) -> str:
    """The results of all events, in one line."""
    total: Counter[str] = Counter()
    for one in found:
        total.update(one.counts)
    return said(f"{len(found)} definitions", total)


def places_and_ids(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Arguments apart: folders and packages of definitions, and event ids."""
    FOLDERS.begin()  # a family of an earlier folder is no package
    ids = [name for name in names if EVENT_ID.fullmatch(name) and not Path(name).is_dir() and importlib.util.find_spec(name.partition(".")[0]) is None]
    return [name for name in names if name not in ids], ids


def results(folders: Sequence[str], ids: Sequence[str], reference: Reference | None = None) -> Iterator[Result]:
    """Run the cases of events on all of their mutants: those of `ids`, else all of `folders`, else the built-in ones. The cases must hold for the rules.

    Raises CatalogueFault.
    """
    events, sources, faults = load_all((BUILT_IN, *folders))
    if faults:
        raise CatalogueFault(*faults)
    catalogue = Catalogue(events, sources=sources)
    reference = reference or of_stories()
    for event in catalogue.chosen(ids or sorted(own_of(sources, folders))):
        if not ids or event.id in ids:
            yield result_of(catalogue, event, reference)


def result_of(catalogue: Catalogue, event: type[Event], reference: Reference) -> Result:
    """Run the cases of one event on all of its mutants; each change alone, everything else as it is."""
    source = catalogue.sources[event.id]
    text = source.file.read_text("utf-8")
    scope = {**vars(sys.modules[source.module]), **vars(event)}
    needed = [one for one in catalogue.chosen([event.id]) if one.id != event.id]
    counts = dict.fromkeys(("killed", "refused", "waived"), 0)
    survivors, waivers = [], waivers_of(text)
    idle = dict(waivers)
    for mutant in mutants_of(text, scope):
        fate = fate_of(mutant, event, needed, catalogue, reference)
        if fate == "survived" and mutant.says in waivers:
            fate = "waived"
            idle.pop(mutant.says, None)
        if fate == "survived":
            survivors.append(f"{source.at(mutant.line)}: {mutant.says}")
        else:
            counts[fate] += 1
    unused = [f"{source.at(line)}: survives: {says}: wanted a mutant that passes all cases, got none: leave the comment out" for says, line in idle.items()]
    return Result(event.id, **counts, survivors=survivors, idle=unused)


def fate_of(mutant: Mutant, event: type[Event], needed: list[type[Event]], catalogue: Catalogue, reference: Reference) -> str:
    """killed: a case differs; refused: it is no valid definition; survived: all cases hold."""
    try:
        changed = event_of(mutant, event)
        if any(not flaw.says.startswith(UNUSED) for flaw in flaws_of(changed)):
            return "refused"
        alone = Catalogue([changed, *needed], sources=catalogue.sources).chosen([event.id])
    except Exception:  # noqa: BLE001  # a mutant may be wrong in any way, as a definition may
        return "refused"
    try:
        if any(outcome_of(alone, changed, case, reference) for case in event.cases):
            return "killed"
    except DefinitionFault:  # no stages can be made of it
        return "refused"
    except Exception:  # noqa: BLE001  # the rule itself runs in all cases
        return "killed"
    return "refused" if faults_of(alone, reference, EngineSettings()) else "survived"


def event_of(mutant: Mutant, event: type[Event]) -> type[Event]:
    """The class of a mutant, as its file would define it. Raises whatever the file would."""
    names = {"__name__": event.__module__, "__package__": event.__module__.rpartition(".")[0]}
    exec(compile(mutant.tree, f"<a mutant of {event.id}>", "exec"), names)  # noqa: S102  # a definition's own file, changed
    found = names[event.__name__]
    if not isinstance(found, type) or not issubclass(found, Event):
        raise KairosFault(f"{event.__name__}: wanted an event, got {found!r}")
    found.cases = event.cases
    return found
