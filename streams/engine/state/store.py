"""All tables of a shard together: what changed since the last transaction, and reading it back after a restart."""

from __future__ import annotations

import weakref
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from schemas.codes import hold, release, text_of
from streams.engine.clock import Ahead
from streams.engine.state.changes import Changes, Records
from streams.engine.state.codec import Change, Entries, Layout, StateRefused, by_layout, key_start, record_key
from streams.engine.state.day_counts import DayCounts
from streams.engine.state.follower import Follower
from streams.engine.state.held_texts import HeldTexts
from streams.engine.state.keymap import Latest
from streams.engine.state.keys import without_parts
from streams.engine.state.packing import ByteStrings
from streams.engine.state.reach import Memory
from streams.engine.state.tables import Part, Table
from streams.engine.state.touched import TouchedRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from schemas.columns import Ints
    from streams.engine.clock import Clock

Ledger = Counter[tuple[str, str]]
"""Records by topic and fate."""
CLOCK, LAYOUT, MEMORY, TEXT, OWNER, DAYS = "clock", "layout", "memory", "text", "owner", "days"
HEAD_KEY = record_key(CLOCK, "")
"""Changelog key of the head row."""
ABOUT = (CLOCK, LAYOUT, MEMORY, TEXT, OWNER, DAYS)
"""What the changelog holds besides the rows of parts."""
TEXTS_BETWEEN = 1024
"""When the texts have grown by so many since the last check, or doubled, those that no row holds any more are deleted."""
FORMAT = 4
NOTHING = Entries(ByteStrings.of([]), ByteStrings.of([]))
REMEDIES = {
    "format": "state of another edition cannot be read; run the version that wrote it, or start with another --app and replay history",
    "partitions": "customers would meet another shard's state; move it with 'kairos repartition', give the topics their old number, or start with another --app and replay history",
}


class Passed(msgspec.Struct, frozen=True):
    """What of a topic that waits for stragglers is done beyond its next offset, and why: enough to continue as if nothing had stopped."""

    read: int
    """The offset behind the record that made the last one go."""
    newest: int
    """The newest believed event time up to there, epoch ms; 0: none yet."""
    frontier: int
    """Up to this event time everything had gone then, epoch ms."""
    done: bytes = b""
    """The offsets above the next one that are done: released, dropped or dead-lettered (`streams/intake/progress.py`)."""


class Unfinished(msgspec.Struct, frozen=True):
    """A backfill that was stopped between two transactions: some customers have history, others have none."""

    events: list[str]
    """The rules that it fills."""
    fresh: list[str]
    """Those of them that did not run before."""
    columns: list[str]
    """The columns, each with its part (`Column.place`): nothing of them counts as gathered yet."""
    missed: int = 0
    """How many events of the history are on the `missed` topic already."""


class Underway(msgspec.Struct, frozen=True):
    """A command that was stopped between two transactions: rows of customers are missing in this shard, or lie in another one."""

    command: str
    """What to run again, such as `kairos repartition --to 8`."""
    partitions: int
    """The number of partitions that the state was written with."""


class Head(msgspec.Struct):
    """What is stored of a shard as a whole."""

    clock: int = 0
    ahead: Ahead | None = None
    facts: dict[str, int] = msgspec.field(default_factory=dict)
    records: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    """By topic, how many records had which fate: their sum is the number of records that are done."""
    offsets: dict[str, int] = msgspec.field(default_factory=dict)
    """Next offset of each raw topic, the lowest one that is not done, as committed in the same transaction; empty in state that an older version wrote."""
    passed: dict[str, Passed] | UnsetType = UNSET
    """By topic that waits for stragglers; left out where none does."""
    unfinished: Unfinished | UnsetType = UNSET
    """Left out but while a backfill is written."""
    settings_version: int | UnsetType = UNSET
    """Of the settings that the last step was evaluated by (`streams/switches.py`); left out where none was ever changed."""
    underway: Underway | UnsetType = UNSET
    """Left out but while a command moves or restores whole rows."""
    parted: dict[str, int] | UnsetType = UNSET
    """By raw topic, the offset from which on this partition has the records of this shard's customers, all of them and no others; left out where it is 0."""

    def moved(self, offsets: dict[str, int], passed: Mapping[str, Passed | None]) -> Head:
        """The same with other next offsets, and what is done beyond them; None: nothing."""
        kept = {topic: one for topic, one in passed.items() if one is not None}
        return msgspec.structs.replace(self, offsets=offsets, passed=kept or UNSET)


def refuse_underway(head: Head | None) -> None:
    """Raises StateRefused where a command was stopped while it moved or restored the rows."""
    if head is not None and head.underway:
        raise StateRefused(f"state: '{head.underway.command}' was stopped while it wrote it: run it again before anything else")


class State:
    """The tables of a shard by name, and the clock."""

    def __init__(self, clock: Clock) -> None:
        self.tables: dict[str, Table] = {}
        self.clock = clock
        self.facts: dict[str, int] = {"format": FORMAT}
        """The facts that the whole state depends on: stored with it, and compared when it is read back."""
        self.settings_version = 0
        """Of the settings that the rules are evaluated by."""
        self.ledger: Ledger = Counter()
        self.day_counts = DayCounts()
        """Events by day, of those that have a valve."""
        self.written = Head()
        """The head row as it was read back, or last returned; its offsets are those of the restore: a transaction writes its own (`streams/kafka`)."""
        self.stored: Head | None = None
        """The head row as it was read back; None when there was none."""
        self.memory: dict[str, Memory] = {}
        """By part, or part and column, where it does not keep everything forever."""
        self.memory_before: dict[str, Memory] = {}
        """The same as it was stored."""
        self.owners: dict[str, list[str]] = {}
        """By the name of state that is gathered for rules, the events that need it."""
        self.owners_before: dict[str, list[str]] = {}
        """The same as it was stored."""
        self.texts = HeldTexts()
        """The codes of the texts that are held for this state and stored with it."""
        weakref.finalize(self, release, self.texts)
        self.look_at = TEXTS_BETWEEN
        self.layouts: dict[bytes, Layout] = {}
        self.pending = Latest()
        """The records that are being read back."""
        self.declared = False
        self.filling = False
        """Whether it is read back for a backfill, which may begin where another was stopped."""
        self.undeclared: list[bytes] = []
        """Changelog keys of what no installed definition declares any more: deleted with the next changes."""

    def table(self, by: str) -> Table:
        """The base table of a key scope, declared on first use."""
        if by not in self.tables:
            self.tables[by] = Table(by, 1 if by == "customer" else 2)
        return self.tables[by]

    def finer(self, by: str, values: tuple[str, ...]) -> Table:
        """The table of a key scope split by `values`, declared on first use."""
        name = f"{by}({', '.join(values)})"
        if name not in self.tables:
            self.tables[name] = Table(name, 1 + len(values), self.table(by))
        return self.tables[name]

    def touched(self, by: str, part: str) -> TouchedRows:
        """The rows of a key scope that `part` is kept for, declared on first use."""
        name = f"{by}.{part}"
        found = self.tables.get(name)
        if not isinstance(found, TouchedRows):
            found = self.tables[name] = TouchedRows(self.table(by))
        return found

    def remembers(self, place: str, memory: Memory) -> None:
        """Declare how far back a part, or a part and column, will reach."""
        self.memory[place] = memory

    def build(self) -> None:
        """Lay out every table; afterwards nothing can be declared."""
        for table in self.tables.values():
            table.build()

    def changes(self) -> Changes:
        """Everything that changed since the last call, as changelog records: layouts, texts, the rows that need them, and the head last."""
        heads: list[Change] = []
        rows: list[Records] = []
        codes: list[Ints] = []
        if not self.declared:
            self._declare(heads)
        for table in self.tables.values():
            if table.dropped:  # these come first, because a key may have a new row
                rows += [Records.tombstones(table.dropped_keys(key_start(name))) for name in (*table.parts, *(follower.part_name for follower in table.followers))]
                table.dropped.clear()
            for part in table.parts.values():
                self._part_changes(table, part, heads, rows, codes)
            for follower in table.followers:
                dirty = follower.take_dirty()
                if len(dirty):
                    self._layout(follower.layout(), heads)
                    values, held = follower.encode_with_codes(dirty)
                    codes.append(held)
                    rows.append(Records(table.key_strings(dirty, key_start(follower.part_name)), values))
            for blocks in table.blocks:
                changed = blocks.take_changes()
                rows.append(Records(table.key_strings(changed.rows.astype(np.int32), key_start(blocks.part_name), changed.numbers), changed.values))
        heads += [(record_key(TEXT, str(code)), text.encode()) for code, text in self._hold_texts(codes)]
        heads += [(record_key(DAYS, name), value) for name, value in self.day_counts.changes().items()]
        deleted = self._unheld_texts() + self.undeclared
        self.undeclared = []
        head = self.head()
        stored: Change | None = None
        if head != self.written and (head.clock or head.ahead or head.records):
            stored = HEAD_KEY, msgspec.json.encode(head)
            self.written = head
        return Changes([Records.of(heads), *rows, Records.tombstones(ByteStrings.of(deleted))], stored)

    def settle(self) -> None:
        """Used instead of `changes` where nothing is stored: hold the texts of changed rows, and forget the changes."""
        codes: list[Ints] = []
        for table in self.tables.values():
            table.dropped.clear()
            for part in table.parts.values():
                dirty = part.dirty.nonzero()[0].astype(np.int32)
                part.dirty[dirty] = False
                codes += [column.values[dirty].ravel() for column in part.columns.values() if column.kind == "text"]
            codes += [follower.text_codes(follower.take_dirty()) for follower in table.followers]
            for blocks in table.blocks:
                blocks.forget_changes()
        self._hold_texts(codes)
        self._unheld_texts()

    def _unheld_texts(self) -> list[bytes]:
        """The changelog keys of the texts that no row holds any more, once there may be many of them."""
        if len(self.texts) <= self.look_at:
            return []
        unheld = self.texts.keep(self._all_text_codes()).tolist()
        release(unheld)
        self.look_at = len(self.texts) + max(TEXTS_BETWEEN, len(self.texts))
        return [record_key(TEXT, str(code)) for code in unheld]

    def _all_text_codes(self) -> Iterator[Ints]:
        """The codes of the texts that rows hold, 0 among them."""
        for table in self.tables.values():
            used = np.arange(table.map.used, dtype=np.int32)
            for part in table.parts.values():
                for column in part.columns.values():
                    if column.kind == "text":
                        yield column.values[used].ravel()
            for follower in table.followers:
                yield follower.text_codes(used)

    def head(self) -> Head:
        """The head row: what is stored of the shard as a whole."""
        records: dict[str, dict[str, int]] = {}
        for (topic, fate), number in self.ledger.items():
            if number:
                records.setdefault(topic, {})[fate] = number
        written, version = self.written, self.settings_version or UNSET
        return Head(self.clock.now, self.clock.ahead, dict(self.facts), records, written.offsets, written.passed, settings_version=version, parted=written.parted)

    def _declare(self, heads: list[Change]) -> None:
        """Write the layouts and memories of all parts, used or not, so that a plan can show what was installed."""
        self.declared = True
        for place, memory in self.memory.items():
            if self.memory_before.get(place) != memory:
                heads.append((record_key(MEMORY, place), msgspec.json.encode(memory)))
        heads += [(record_key(MEMORY, place), None) for place in self.memory_before.keys() - self.memory.keys()]
        heads += [(record_key(OWNER, name), msgspec.json.encode(events)) for name, events in self.owners.items() if self.owners_before.get(name) != events]
        heads += [(record_key(OWNER, name), None) for name in self.owners_before.keys() - self.owners.keys()]
        for table in self.tables.values():
            for layout in (*(part.layout for part in table.parts.values()), *(other.layout() for other in table.elsewhere())):
                if layout.columns or layout.texts:
                    self._layout(layout, heads)

    def _part_changes(self, table: Table, part: Part, heads: list[Change], rows: list[Records], codes: list[Ints]) -> None:
        dirty = part.dirty.nonzero()[0].astype(np.int32)
        if not len(dirty):
            return
        part.dirty[dirty] = False
        self._layout(part.layout, heads)
        codes += [column.values[dirty].ravel() for column in part.columns.values() if column.kind == "text"]
        rows.append(Records(table.key_strings(dirty, key_start(part.name)), part.encode(dirty)))

    def _layout(self, layout: Layout, heads: list[Change]) -> None:
        fingerprint = layout.fingerprint
        if fingerprint not in self.layouts:
            self.layouts[fingerprint] = layout
            heads.append((record_key(LAYOUT, fingerprint.hex()), msgspec.json.encode(layout)))

    def _hold_texts(self, codes: list[Ints]) -> list[tuple[int, str]]:
        """Hold the texts behind `codes` that are not held yet. Returns them."""
        fresh = [(code, text_of(code)) for code in self.texts.add(np.concatenate([*codes, np.zeros(0, np.int64)])).tolist()]
        for _, text in fresh:
            hold(text)
        return fresh

    def restore(self, records: Records | Iterable[Change]) -> None:
        """Take changelog records in their order; the last one of a key counts. `restored` must follow the last call."""
        keys, values = records if isinstance(records, Records) else Records.of(records)
        self.pending.take(keys, *values)

    def restored(self) -> int:
        """Move the records that were read into the tables. Returns the number of rows. Raises StateRefused.

        Columns that no installed rule declares are deleted with the next changes: what a rule remembered from before it was
        removed would have holes when the rule comes back (`docs/adr/0008`).
        """
        pending, self.pending = self.pending, Latest()
        found = pending.parts()

        def taken(part: str) -> Entries:
            numbers = found.pop(part, None)
            if numbers is None:
                return NOTHING
            return Entries(pending.key_strings(numbers, len(record_key(part, ""))), pending.value_strings(numbers))

        about = {part: dict(taken(part).pairs()) for part in ABOUT}
        self._restore_head(about[CLOCK].get(""))
        self.layouts |= {bytes.fromhex(name): msgspec.json.decode(value, type=Layout) for name, value in about[LAYOUT].items()}
        for value in about[TEXT].values():
            hold(value.decode())
        self.texts.add(np.array([*map(int, about[TEXT])], np.int64))
        self.look_at = len(self.texts) + TEXTS_BETWEEN
        self.memory_before = {place: msgspec.json.decode(value, type=Memory) for place, value in about[MEMORY].items()}
        self.owners_before = {name: msgspec.json.decode(value, type=list[str]) for name, value in about[OWNER].items()}
        known = {event for events in self.owners_before.values() for event in events}
        self.memory = {place: self._reach(place, memory, known) for place, memory in self.memory.items()}
        count = 0
        customers = self.table("customer")
        for table in self.tables.values():
            homes: dict[str, Part | Follower] = {**table.parts, **{follower.part_name: follower for follower in table.followers}}
            for name, home in homes.items():
                for layout, keys, values in self._with_layouts(name, taken(name)):
                    count += len(keys.ends)
                    own = table.restore_rows(keys, customers)
                    home.load(own, layout, values)
                    if not {name for name, _, _ in layout.columns} <= home.column_names():
                        home.touch(own)
            for blocks in table.blocks:
                for _, keys, values in self._with_layouts(blocks.part_name, taken(blocks.part_name)):
                    count += len(keys.ends)
                    owners, numbers = without_parts(keys, 1)
                    blocks.load(table.restore_rows(owners, customers), numbers[:, 0], values)
                blocks.loaded()
        for table in self.tables.values():
            table.all_restored()
        self.undeclared = [key for numbers in found.values() for key in pending.key_strings(numbers).listed()]
        self.undeclared += [record_key(DAYS, name) for name in self.day_counts.restore(about[DAYS])]
        self._forget_layouts()
        return count

    def _reach(self, place: str, memory: Memory, known: set[str]) -> Memory:
        """How far back a part reaches now. A count of lives that was not there is of whole lives, but where one of the events `known` before asked for another one."""
        before, name = self.memory_before.get(place), place.partition(".")[2]
        if before is None and memory.lives and (name in self.owners_before or known.isdisjoint(self.owners.get(name, ()))):
            return memory
        return memory.after(before, self.clock.now)

    def _with_layouts(self, part: str, entries: Entries) -> Iterator[tuple[Layout, ByteStrings, ByteStrings]]:
        """Keys and values of a part by the layout they were written in. Raises StateRefused where that is not known."""
        for fingerprint, (keys, values) in by_layout(entries):
            if fingerprint not in self.layouts:
                raise StateRefused(
                    f"state {part}: layout {fingerprint.hex()} is not in the changelog: was it written by a newer version, or cut? Start with an empty changelog, or restore it"
                )
            yield self.layouts[fingerprint], keys, values

    def _forget_layouts(self) -> None:
        """Layouts with columns that no installed rule declares: their rows are written again without them, then the layouts are deleted."""
        names: dict[str, set[str]] = {}
        for table in self.tables.values():
            names |= {part.name: part.column_names() for part in table.parts.values()}
            names |= {other.part_name: other.column_names() for other in table.elsewhere()}
        for fingerprint, layout in list(self.layouts.items()):
            if not {name for name, _, _ in layout.columns} <= names.get(layout.part, set()):
                del self.layouts[fingerprint]
                self.undeclared.append(record_key(LAYOUT, fingerprint.hex()))

    def _restore_head(self, value: bytes | None) -> None:
        """The clock, if the state was written under the same facts."""
        if value is None:
            return
        try:
            self.written = msgspec.json.decode(value, type=Head)
        except msgspec.DecodeError as error:
            raise StateRefused("state: its head is in no known format: was it written by another version? Run that one, or start with another --app") from error
        refuse_underway(self.written)
        for name, wanted in self.facts.items():
            stored = self.written.facts.get(name, wanted)
            if stored != wanted:
                raise StateRefused(f"state: wanted {name} {wanted}, it was written with {stored}: {REMEDIES[name]}")
        if strange := sorted(self.written.facts.keys() - REMEDIES.keys()):
            raise StateRefused(f"state: it was written under {', '.join(strange)}, of which this version knows nothing: {REMEDIES['format']}")
        if self.written.unfinished and not self.filling:
            raise StateRefused(f"state: 'kairos backfill' was stopped while it wrote {', '.join(self.written.unfinished.events)}: run it again before a worker starts")
        self.stored = self.written
        self.clock.now, self.clock.ahead = self.written.clock, self.written.ahead
        self.ledger = Counter({(topic, fate): number for topic, fates in self.written.records.items() for fate, number in fates.items()})

    def note_touched(self, newest: Ints) -> None:
        """Treat rows read back as touched by the newest record of their customer (`newest`, by customer row): they are kept longer, never shorter."""
        for table in self.tables.values():
            used = table.map.used
            table.note_touched(np.maximum(max(self.clock.now, 1), newest[table.customers_of(slice(used))]) if table.base is not None else max(self.clock.now, 1))

    def take_dropped(self) -> int:
        """How many members were dropped because their list was full, since the last call."""
        dropped = 0
        for table in self.tables.values():
            for follower in table.followers:
                dropped += follower.dropped
                follower.dropped = 0
        return dropped

    def row_counts(self) -> dict[str, int]:
        """Rows in use by table."""
        return {name: len(table) for name, table in self.tables.items()}
