"""Check definitions: load them, rehearse every rule, run every case; every fault with file and line."""

from __future__ import annotations

import ast
import importlib
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.raw import RECORD_TYPES, TOPICS, type_name
from schemas.reference import Reference
from streams.definitions.catalogue import Catalogue, CatalogueFault
from streams.definitions.loading import BUILT_IN, load_all
from streams.definitions.rehearsal import faults_of
from streams.definitions.samples import encoded
from streams.engine.engine import Engine, EngineSettings, RuleFailed
from streams.shard import Shard, ShardSettings, StepFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.definitions.event import Case, Event
    from streams.definitions.loading import Source

TOPIC_OF = {type_name(record): record.topic for record in RECORD_TYPES}
PLACE = re.compile(r"(?P<file>.+?\.py)(:(?P<line>[0-9]+))?: (?P<says>.*)", re.DOTALL)


class Report(NamedTuple):
    """What was checked, and the faults."""

    definitions: int
    cases: int
    faults: list[str]
    notices: list[str]

    def as_json(self) -> dict[str, Any]:
        """For machines: faults with file, line (or null) and text."""
        return {"definitions": self.definitions, "cases": self.cases, "faults": [*map(placed, self.faults)], "notices": self.notices}


def placed(fault: str) -> dict[str, Any]:
    """A fault for machines: file, line (or null) and text."""
    found = PLACE.fullmatch(fault)
    if not found:
        return {"file": None, "line": None, "says": fault}
    return {"file": found["file"], "line": int(found["line"]) if found["line"] else None, "says": found["says"]}


def check(folders: Sequence[str], reference: Reference | None = None) -> Report:
    """Check the definitions of `folders`, or the built-in ones when there are none. `reference`: for the cases; the built-in stories' by default."""
    events, sources, faults = load_all((BUILT_IN, *folders))
    own = own_of(sources, folders)
    reference = reference or of_stories()
    try:
        catalogue = Catalogue(events, sources=sources)
    except CatalogueFault as fault:
        return Report(len(own), 0, [*faults, *fault.faults], [])
    faults += faults_of(catalogue, reference, EngineSettings())
    mine = [event for event in catalogue if event.id in own]
    for event in mine:
        alone = catalogue.chosen([event.id])
        for case in event.cases:
            faults += case_faults(alone, event, case, reference)
    notices = [notice for notice in catalogue.notices if any(notice.startswith(catalogue.at(event)) for event in mine)]
    return Report(len(own), sum(len(event.cases) for event in mine), faults, notices)


def own_of(sources: Mapping[str, Source], folders: Sequence[str]) -> set[str]:
    """The ids of the events of `folders`; without any, of all."""
    begun = {str(Path(folder).resolve()) for folder in folders}
    return {
        name for name, source in sources.items() if not folders or any(source.file.resolve().is_relative_to(folder) for folder in begun) or source.module.split(".")[0] in folders
    }


def of_stories() -> Reference:
    """The reference tables of the built-in stories."""
    return Reference.load(Path(importlib.import_module(BUILT_IN).__path__[0]) / "reference")


def case_faults(catalogue: Catalogue, event: type[Event], case: Case, reference: Reference) -> list[str]:
    """How the events of a case differ from the wanted ones."""
    try:
        case.history_day  # noqa: B018  # asked before anything runs
    except ValueError as error:
        return [f"{place_of(catalogue, event, case)}: history_from: {error}"]
    try:
        return outcome_of(catalogue, event, case, reference)
    except Exception as error:  # noqa: BLE001  # a case may raise anything
        return [f"{place_of(catalogue, event, case)}: wanted records and details, got {type(error).__name__}: {error}"]


def place_of(catalogue: Catalogue, event: type[Event], case: Case) -> str:
    """File, line and title of a case."""
    source = catalogue.sources[event.id]
    return f"{source.at(line_of(source.file, case))}: case {case.title!r}"


def outcome_of(catalogue: Catalogue, event: type[Event], case: Case, reference: Reference) -> list[str]:
    """Run one case."""
    place = f"{place_of(catalogue, event, case)}: "
    shard = Shard(0, Engine(catalogue, reference, EngineSettings(history_from=case.history_day)), ShardSettings())
    for topic in TOPICS:
        own = [raw for raw in case.records if TOPIC_OF.get(raw.get("record_type", "")) == topic]
        keys = [str(raw.get("customer_id")).encode() for raw in own]
        shard.feed(topic, range(len(own)), keys, [encoded(dict(raw)) for raw in own], next_offset=len(own), caught_up=True)
    got: list[dict[str, Any]] = []
    refused = [f"record_type: wanted one of {', '.join(TOPIC_OF)}" for raw in case.records if raw.get("record_type") not in TOPIC_OF]
    try:
        while (step := shard.step(None, 20_000)) is not None:
            got += [found.detail for found in step.detections]
            refused += [dict(letter.headers)["detail"].decode() for letter in step.dead_letters]
        if case.until:
            got += [found.detail for found in shard.advance(round(datetime.fromisoformat(case.until).timestamp() * 1000)).detections]
    except (RuleFailed, StepFailed) as failed:
        return [f"{place}wanted no error, got one: {failed}"]
    faults = [f"{place}wanted valid records, got one that is refused: {why}" for why in refused]
    wanted = [dict(detail) for detail in case.details]
    return faults if got == wanted else [*faults, place + difference(wanted, got)]


def difference(wanted: list[dict[str, Any]], got: list[dict[str, Any]]) -> str:
    """The differences between two lists of details."""
    lines = [f"wanted {len(wanted)} events, got {len(got)}"]
    for number in range(max(len(wanted), len(got))):
        one, other = wanted[number : number + 1], got[number : number + 1]
        if one == other:
            continue
        if not one or not other:
            lines.append(f"  - missing {one[0]}" if one else f"  + not wanted {other[0]}")
            continue
        for name in {**one[0], **other[0]}:
            pair = [shown(detail, name) for detail in (one[0], other[0])]
            if pair[0] != pair[1]:
                lines.append(f"  event {number + 1}, {name}: wanted {pair[0]}, got {pair[1]}")
    return "\n".join(lines)


def shown(detail: dict[str, Any], name: str) -> str:
    """A field of a detail, or that it is missing."""
    return repr(detail[name]) if name in detail else "no such field"


def line_of(file: Path, case: Case) -> int:
    """The line of a case: where its sentence stands."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Constant) and node.value == case.title:
            return node.lineno
    return 0
