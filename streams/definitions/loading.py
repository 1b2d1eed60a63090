"""Finds and imports definitions; every error in a file becomes a fault with its place."""

from __future__ import annotations

import ast
import importlib
import os
import pkgutil
import re
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from schemas.fault import KairosFault
from streams.definitions.event import Event, Flaw
from streams.definitions.faults import case_flaws, flaws_of
from streams.definitions.folders import FOLDERS
from streams.definitions.words import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

BUILT_IN = "events"
NAME = re.compile(r"[a-z][a-z0-9_]*")
"""What families and events may be called: their names are in topics, types and settings."""


class Source(NamedTuple):
    """The file of a definition and the module it is."""

    file: Path
    module: str

    def at(self, line: int = 0) -> str:
        """The file, and the line in it."""
        return shown(self.file) + (f":{line}" if line else "")


def shown(file: Path) -> str:
    """A path for messages: relative where it lies below the working directory."""
    own = os.path.relpath(file)
    return str(file) if own.startswith("..") else own


def sources_of(place: str, faults: list[str]) -> list[Source]:
    """The definition files of a package, or of a folder of family/event.py files."""
    folder = Path(place)
    if place not in (BUILT_IN, "") and folder.is_dir():
        return sources_of_folder(folder, faults)
    try:
        package = importlib.import_module(place)
        paths = package.__path__
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        faults.append(f"{place}: wanted a folder or an importable package of definitions, got none ({error})")
        return []
    depth = place.count(".") + 2
    found = [info for info in pkgutil.walk_packages(paths, f"{place}.") if not info.ispkg and info.name.count(".") >= depth]
    if not found:
        faults.append(f"{place}: wanted modules family.event in it, got none")
    specs = [(info.name, info.module_finder.find_spec(info.name, None)) for info in found]
    return [Source(Path(spec.origin), name) for name, spec in specs if spec is not None and spec.origin]


def sources_of_folder(folder: Path, faults: list[str]) -> list[Source]:
    """The family/event.py files of `folder`; a file elsewhere that defines an event is a fault. Files with a leading _ are helpers."""
    package = FOLDERS.package_of(folder)
    root, before = folder.resolve(), len(faults)
    found = []
    for file in sorted(root.rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        if file.stem.startswith("_") or any(part.startswith((".", "__")) for part in parts):
            continue
        source = Source(folder / file.relative_to(root), ".".join([package, *parts]))
        if len(parts) != 2:
            if defines_event(file):
                faults.append(f"{source.at()}: wanted a file in a family folder, such as {shown(folder)}/balance/{file.stem}.py: an event's id is its family and its file name")
        elif wrong := [part for part in parts if not NAME.fullmatch(part)]:
            faults.append(f"{source.at()}: wanted a name of small letters, digits and _ that begins with a letter, got {wrong[0]!r}: it becomes the event's id")
        else:
            found.append(source)
    if not found and len(faults) == before:
        faults.append(f"{shown(folder)}: wanted files FAMILY/EVENT.py in it, got none")
    waiting = cycles(found, faults)
    return [source for source in found if source.module not in waiting]


def defines_event(file: Path) -> bool:
    """Whether a class of the file is derived from Event."""
    try:
        tree = ast.parse(file.read_bytes())
    except SyntaxError:
        return False
    return any(isinstance(node, ast.ClassDef) and any(isinstance(base, ast.Name) and base.id == "Event" for base in node.bases) for node in ast.walk(tree))


def cycles(sources: list[Source], faults: list[str]) -> set[str]:
    """Modules of definitions that start from each other, each ring a fault."""
    files = {source.module: source for source in sources}
    needs = {source.module: [name for name in imports_of(source) if name in files] for source in sources}
    stuck: set[str] = set()
    for begin in needs:
        path = ring(begin, needs) if begin not in stuck else []
        if path:
            stuck |= set(path)
            ids = [".".join(name.split(".")[-2:]) for name in path]
            faults.append(f"{files[begin].at()}: {' waits for '.join(ids)}: wanted events that do not start from each other")
    return stuck


def ring(begin: str, needs: dict[str, list[str]]) -> list[str]:
    """The shortest path from `begin` back to itself; empty when there is none."""
    ways, seen = [[begin]], set()
    while ways:
        way = ways.pop(0)
        for name in needs[way[-1]]:
            if name == begin:
                return [*way, begin]
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []


def imports_of(source: Source) -> Iterator[str]:
    """The modules of own folders that a file imports, by their one name."""
    try:
        tree = ast.parse(source.file.read_bytes())
    except SyntaxError:
        return
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = source.module.rsplit(".", node.level)[0] if node.level else ""
            base = ".".join(filter(None, [above, node.module]))
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        for name in names:
            own = name if name.startswith(source.module.split(".")[0]) else FOLDERS.own_name(name)
            if own:
                yield own


class Loaded(NamedTuple):
    """The definitions without faults, their files by event id, and the faults of all others."""

    events: list[type[Event]]
    sources: dict[str, Source]
    faults: list[str]


def load_all(places: Sequence[str]) -> Loaded:
    """All definitions of packages and folders."""
    loaded = Loaded([], {}, [])
    faulty: set[str] = set()
    FOLDERS.begin()
    for place in places:
        for source in sources_of(place, loaded.faults):
            found = event_of(source, faulty, loaded.faults)
            if found is not None and found.id in loaded.sources:
                loaded.faults.append(f"{source.at()}: the id {found.id} is taken by {loaded.sources[found.id].at()}: wanted another family or file name")
            elif found is not None:
                loaded.events.append(found)
                loaded.sources[found.id] = source
    return loaded


def event_of(source: Source, faulty: set[str], faults: list[str]) -> type[Event] | None:
    """The one event of a file; None (and faults) when something is wrong with it. `faulty`: files with faults, this one is added."""
    before = len(faults)
    event = imported_event(source, faulty, faults)
    if len(faults) > before:
        faulty.add(str(source.file.resolve()))
        return None
    return event


def imported_event(source: Source, faulty: set[str], faults: list[str]) -> type[Event] | None:
    """The event of a file with everything that is wrong with it."""
    try:
        module = importlib.import_module(source.module)
    except Exception as error:  # noqa: BLE001  # a definition may be wrong in any way, and all faults are reported
        faults.append(fault_of(source, error, faulty))
        return None
    events = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Event) and value.__module__ == module.__name__]
    if len(events) != 1:
        faults.append(f"{source.at()}: wanted one Event class, got {', '.join(event.__name__ for event in events) or 'none'}")
        return None
    (event,) = events
    event.cases = getattr(module, "CASES", ())
    try:
        flaws = flaws_of(event)
    except Exception as error:  # noqa: BLE001  # as above
        flaws = [Flaw("", f"wanted a definition in the words of streams.define, got something that cannot be read: {type(error).__name__}: {error}")]
    if not module.__doc__:
        faults.append(f"{source.at(1)}: wanted a docstring that says what happened, got none")
    faults += located(source, event, flaws)
    return event


def case_faults(source: Source, event: type[Event]) -> list[str]:
    """The faults of an event's cases as a whole."""
    return located(source, event, case_flaws(event))


def located(source: Source, event: type[Event], flaws: Iterable[Flaw]) -> list[str]:
    """Flaws as sentences, each with its file and line."""
    lines: dict[str, int] = {}
    found = []
    for flaw in flaws:
        lines = lines or lines_of(source.file, event.__name__)
        line = next((lines[name] for name in (flaw.at, flaw.at.split(".")[0], "") if name in lines), 0)
        found.append(f"{source.at(line)}: {flaw}")
    return found


def fault_of(source: Source, error: Exception, faulty: set[str]) -> str:
    """The error of an import, as a sentence with the last line of the file that ran."""
    mine = str(source.file.resolve())
    if isinstance(error, SyntaxError) and error.filename == mine:
        return f"{source.at(error.lineno or 0)}: {type(error).__name__}: {error.msg}"
    passed = [(str(Path(frame.filename).resolve()), frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
    lines = [number for file, number in passed if file == mine]
    line = lines[-1] if lines else 0
    other = next((file for file, _ in reversed(passed) if file in faulty and file != mine), None)
    if other:
        return f"{source.at(line)}: wanted {shown(Path(other))} without faults: it is needed here"
    words = str(error) if isinstance(error, KairosFault | TypeError | AttributeError) else f"{type(error).__name__}: {error}"
    return f"{source.at(line)}: {words}{hint(error)}"


def hint(error: Exception) -> str:
    """': did you mean …?' for a name that Python does not know."""
    names: list[str] = []
    if isinstance(error, AttributeError) and error.obj is not None and "did you mean" not in str(error):
        names = dir(error.obj)
    elif isinstance(error, NameError) and error.__traceback__ is not None:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        names = [*{**frames[-1].f_globals, **frames[-1].f_locals}]
    said = suggest(error.name or "", names) if isinstance(error, AttributeError | NameError) else ""
    return said if said.startswith(": did") else ""


def lines_of(file: Path, name: str) -> dict[str, int]:
    """The lines of a class's attributes, of the class itself (under the empty name) and of other names of the module."""
    tree = ast.parse(file.read_bytes())
    lines: dict[str, int] = {}
    for node in tree.body:
        lines |= dict.fromkeys(targets_of(node), node.lineno)
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            for part in node.body:
                lines |= dict.fromkeys(targets_of(part), part.lineno)
                lines |= {f"{target}.{name}": line for target in targets_of(part) for name, line in keywords_of(part)}
            lines[""] = node.lineno
    return lines


def keywords_of(node: ast.stmt) -> Iterator[tuple[str, int]]:
    """The names and lines of the arguments of a call that a statement assigns, such as the fields of Detail(…)."""
    call = node.value if isinstance(node, ast.Assign) else None
    for keyword in call.keywords if isinstance(call, ast.Call) else ():
        if keyword.arg is not None:
            yield keyword.arg.rstrip("_"), keyword.lineno


def targets_of(node: ast.stmt) -> list[str]:
    """The names that a statement assigns or defines."""
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return [node.name] if isinstance(node, ast.FunctionDef) else []
