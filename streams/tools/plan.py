"""What a deployment of the installed definitions would change in the stored state: carried, begun again, new, dropped or refused."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from schemas.columns import DAY_MS
from streams.definitions.first_ever import first_ever
from streams.definitions.tree import used_by
from streams.engine.features.absence import AbsenceSource
from streams.engine.features.deadline import DeadlineSource
from streams.engine.features.frame import Ever, Today, Within
from streams.engine.features.pair import KEPT_MS
from streams.engine.features.past import Past
from streams.engine.features.place import Place
from streams.engine.features.silence import SilenceSource
from streams.engine.features.stretch import Consecutive
from streams.engine.features.yearly import YearlySource
from streams.engine.spans import Span
from streams.engine.state.codec import Layout, split_key
from streams.engine.state.reach import Memory
from streams.engine.state.store import ABOUT, CLOCK, LAYOUT, MEMORY, OWNER, REMEDIES, Head, Unfinished

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streams.definitions.catalogue import Catalogue
    from streams.definitions.event import Event
    from streams.engine.engine import Engine
    from streams.engine.spans import ValueOf
    from streams.engine.state.codec import ColumnKind

VOTE_DAYS = 28
"""Nights that the home of a line is counted from."""
Result = Literal["carried", "restarted", "new", "dropped", "refused"]
"""`restarted`: state of an event that is there already, which was gathered for something else."""
ORDER: tuple[Result, ...] = ("refused", "dropped", "restarted", "new", "carried")
OF_EVENTS = (".emitted", ".unarmed", ".otherwise")
"""How the names of re-arm marks end, which are of an event whatever it is about."""
SAYS: dict[Result, str] = {"refused": "refused", "dropped": "dropped", "restarted": "begins again", "new": "new", "carried": "carried"}
HOLDS = {
    "members": "what it counts and adds up",
    "days": "what it adds up by civil day",
    "ever": "what it counts and adds up of all time",
    "previous": "the last ones before",
    "streak": "how many in a row",
    "past": "sums of the days before",
    "weeks": "when weeks close",
    "seen": "when it was first seen",
    "crossing": "which levels are armed",
    "moves": "the last values seen",
    "pair": "the first halves of pairs",
    "absence": "timers and what they wait for",
    "silence": "timers since the last one",
    "place": "places, homes and trips",
    "stretch": "what it adds up while something holds",
}
"""What state holds, by the first word of its name."""
KERNEL = "(every installation)"
"""Owner of the state that no event declares: repeats, clocks, ends of lines, consent."""


class Stored:
    """What the changelogs of an application hold, without the values."""

    def __init__(self) -> None:
        self.layouts: dict[bytes, Layout] = {}
        self.rows: dict[str, dict[str, bytes]] = defaultdict(dict)
        """Fingerprint by key, by part."""
        self.memory: dict[str, Memory] = {}
        self.owners: dict[str, list[str]] = {}
        """By the name of state, the events that needed it."""
        self.clock = 0
        self.facts: dict[str, int] = {}
        self.unfinished: list[Unfinished] = []
        """Backfills that were stopped while they were written, a shard each."""

    def take(self, pairs: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Add changelog records in their order."""
        for key, value in pairs:
            part, name = split_key(key)
            if value is None and part == LAYOUT:
                self.layouts.pop(bytes.fromhex(name), None)
            elif value is None:
                self.rows[part].pop(name, None)
                self.owners.pop(name if part == OWNER else "", None)
                self.memory.pop(name if part == MEMORY else "", None)
            elif part == LAYOUT:
                self.layouts[bytes.fromhex(name)] = msgspec.json.decode(value, type=Layout)
            elif part == CLOCK:
                head = msgspec.json.decode(value, type=Head)
                self.clock, self.facts = max(self.clock, head.clock), head.facts
                self.unfinished = [head.unfinished] if head.unfinished else []
            elif part == MEMORY:
                self.memory[name] = shortest(self.memory.get(name), msgspec.json.decode(value, type=Memory))
            elif part == OWNER:
                self.owners[name] = msgspec.json.decode(value)
            elif part not in ABOUT:
                self.rows[part][name] = value[:4]

    def parts(self) -> dict[str, Counter[bytes]]:
        """Rows by fingerprint, by part; of a part that was installed and never used, its layouts with none."""
        found = {part: Counter(rows.values()) for part, rows in self.rows.items() if rows}
        for fingerprint, layout in self.layouts.items():
            found.setdefault(layout.part, Counter())[fingerprint] += 0
        return found


class Line(NamedTuple):
    """What becomes of one column. `events`: those whose state it is, none: every installation's. `rows`: how many rows are stored of it."""

    events: tuple[str, ...]
    becomes: Result
    column: str
    rows: int
    note: str

    @property
    def owner(self) -> str:
        """Its events, for people."""
        return ", ".join(self.events) or KERNEL


def installed_parts(engine: Engine) -> dict[str, Layout]:
    """The layouts that the installed definitions declare, by part."""
    found: dict[str, Layout] = {}
    for table in engine.state.tables.values():
        found |= {part.name: part.layout for part in table.parts.values()}
        found |= {other.part_name: other.layout() for other in table.elsewhere()}
    return {name: layout for name, layout in found.items() if layout.columns}


def plan(stored: Stored, engine: Engine, catalogue: Catalogue) -> list[Line]:
    """Compare column by column; refused columns are listed first."""
    for fact, wanted in engine.state.facts.items():
        if stored.facts.get(fact, wanted) != wanted:
            return [
                Line(
                    (),
                    "refused",
                    f"all state: {fact}",
                    sum(map(len, stored.rows.values())),
                    f"wanted {fact} {wanted}, it was written with {stored.facts[fact]}: {REMEDIES[fact]}",
                )
            ]
    wanted_parts, found, lines = installed_parts(engine), stored.parts(), []
    warm = {event.id: warm_after_ms(event, engine.world.value_of) for event in catalogue}
    owners = {**stored.owners, **engine.state.owners}
    notes = {state_of(place, "", owners): note_of(stored.memory.get(place), memory, stored.clock) for place, memory in engine.state.memory.items()}
    known, firsts = {event for events in stored.owners.values() for event in events}, frozenset(first_ever(catalogue))
    for part in sorted({*wanted_parts, *found}):
        kinds: dict[str, tuple[ColumnKind, int]] = {name: (kind, length) for name, kind, length in wanted_parts[part].columns} if part in wanted_parts else {}
        count: Counter[str] = Counter()
        stored_kinds: dict[str, set[tuple[ColumnKind, int]]] = defaultdict(set)
        for fingerprint, rows in found.get(part, Counter()).items():
            layout = stored.layouts.get(fingerprint)
            if layout is None:
                lines.append(Line((), "refused", part, rows, f"layout {fingerprint.hex()} is not in the changelog: written by a newer version?"))
                continue
            for name, kind, length in layout.columns:
                stored_kinds[name].add((kind, length))
                count[name] += rows
        for name in sorted({*kinds, *stored_kinds}):
            owned = owners_of(part, name, owners, catalogue)
            waits = [warm.get(event, 0) for event in owned]
            wait = None if None in waits else max((one for one in waits if one is not None), default=0)
            note = notes.get(state_of(part, name, owners), "")
            line = Line(tuple(owned), *compared(name, part, kinds.get(name), stored_kinds.get(name, set()), count[name], wait, stored.clock, note))
            lines.append(changed(line, known=bool(known.intersection(owned)), installed=any(event in catalogue.by_id for event in owned), first=not firsts.isdisjoint(owned)))
    return sorted(lines, key=lambda line: (ORDER.index(line.becomes), line.owner, line.column))


def changed(line: Line, *, known: bool, installed: bool, first: bool) -> Line:
    """The line, where it is about an event that was there before and still is: what changed is its condition, value or key. `first`: the event asks which one it is."""
    if line.becomes == "new" and known:
        also = "; nth() is unknown for keys that began before: no later one is published as a first" if first and line.column.endswith(".count") else ""
        return line._replace(becomes="restarted", note=f"its condition, value or key changed; {line.note}{also}")
    if line.becomes == "dropped" and installed:
        return line._replace(note="no rule asks for it any more as it was gathered: deleted at the first start")
    return line


def state_of(part: str, column: str, owners: dict[str, list[str]]) -> str:
    """The name of the state that a column belongs to; empty for that of an event or of every installation."""
    place = f".{part}.{column}."
    return max((name for name in owners if f".{name}." in place), key=len, default="")


def compared(
    name: str, part: str, wanted: tuple[ColumnKind, int] | None, stored: set[tuple[ColumnKind, int]], rows: int, warm_ms: int | None, clock: int, retuned: str
) -> tuple[Result, str, int, str]:
    """Result, column, rows and note for one column; `retuned`: the note when it is carried."""
    from streams.engine.detection import rfc3339

    column = f"{part}: {name}"
    if wanted is None:
        return "dropped", column, rows, "deleted at the first start; empty if it is installed again"
    if not stored:
        if warm_ms is None:
            return "new", column, 0, "counts from each key's next record; what came before is not known"
        since = f"from {rfc3339(clock + warm_ms)} of the shard's clock" if clock else f"{warm_ms // 3_600_000} h after the first record"
        return "new", column, 0, f"warm {since}" if warm_ms else "warm at once"
    if stored != {wanted}:
        others = ", ".join(f"{kind}[{length}]" for kind, length in sorted(stored - {wanted}))
        return "refused", column, rows, f"wanted {wanted[0]}[{wanted[1]}], stored as {others}: give the new column a new name"
    return "carried", column, rows, retuned


def shortest(one: Memory | None, other: Memory) -> Memory:
    """The shorter memory of two shards."""
    return other if one is None or other.complete_at > one.complete_at else one


def note_of(before: Memory | None, declared: Memory, clock: int) -> str:
    """The note on state that was written as `before` and is read by rules that need it as `declared`."""
    from streams.engine.detection import rfc3339

    if before is None:
        return ""
    if declared.delay_ms != before.delay_ms:
        return "timers that are set keep their due time; the next record sets them again"
    if declared.lives and before.known_from:
        return f"counted from {rfc3339(before.known_from)} on: what came before is not known"
    complete = declared.after(before, clock).complete_at
    return f"reaches back to {rfc3339(complete - (declared.span_ms or 0))}: complete from {rfc3339(complete)} of the shard's clock" if complete > clock else ""


def owners_of(part: str, column: str, owners: dict[str, list[str]], catalogue: Catalogue) -> list[str]:
    """The events whose state a column is; one that is not installed is read from the column's name. None: every installation's."""
    stage = state_of(part, column, owners)
    if stage:
        return owners[stage]
    for event in catalogue:
        if column.startswith(f"{event.id}."):
            return [event.id]
    words = column.split(".")
    return [".".join(words[:2])] if column.endswith(OF_EVENTS) and len(words) > 2 else []


def in_words(lines: list[Line]) -> Iterator[str]:
    """The lines as sentences, an event each: what is refused, dropped, begins again, is new, or lacks something yet. Nothing is said of what is carried as it is."""
    for becomes in ORDER:
        said: dict[tuple[str, str], list[str]] = defaultdict(list)
        for line in lines:
            if line.becomes == becomes and (becomes != "carried" or line.note):
                said[line.owner, line.note].append(what_of(line.column))
        for (owner, note), parts in said.items():
            yield f"{owner}: {SAYS[becomes]}: {', '.join(dict.fromkeys(parts))}" + (f" ({note})" if note else "")


def what_of(column: str) -> str:
    """What a column holds, in plain words.

    >>> what_of("line: balance.low.0.emitted"), what_of("line.members.0123abcd: time")
    ('when it was last published', 'what it counts and adds up')
    """
    name = column.rsplit(": ", 1)[-1]
    if name.endswith(OF_EVENTS):
        return "whether it is armed" if name.endswith("unarmed") else "when it was last published"
    return next((says for word, says in HOLDS.items() if f"{word}." in column), column)


def warm_after_ms(event: type[Event], value_of: ValueOf) -> int | None:
    """How long after a start without state the results of a rule are complete; None: never, it counts from its first record."""
    longest = 0
    for part in used_by(event).values():
        match part:
            case Ever() | Consecutive():
                return None
            case Today():
                longest = max(longest, DAY_MS)
            case Past():
                longest = max(longest, (part.reaches_back(value_of) + 1) * DAY_MS)
            case Within() | AbsenceSource() | SilenceSource():
                longest = max(longest, part.span.longest_ms(value_of))
            case DeadlineSource():
                longest = max(longest, part.moment.longest_ms(value_of) if isinstance(part.moment, Span) else KEPT_MS)
            case YearlySource():
                longest = max(longest, KEPT_MS)
            case Place():
                longest = max(longest, VOTE_DAYS * DAY_MS)
    return longest
