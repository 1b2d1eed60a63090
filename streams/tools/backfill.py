"""Backfill: the state of some rules of a shard, filled from history before they go live (`docs/adr/0014`).

The history is replayed by a second engine that has these rules alone, and what they depend on. Then its rows take the place of theirs in
the stored state, column by column, by name. What other rules have gathered is not touched, nor are remembered ids, clock and offsets.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
import xxhash

from schemas.raw import TOPICS
from streams.definitions.tree import events_in, used_by
from streams.emit import MISSED, message
from streams.engine.detection import rfc3339
from streams.engine.features.line_count import LineCount
from streams.engine.features.past import Past
from streams.engine.features.seen import FirstSeen
from streams.engine.rearm import Cool, Once, OncePer
from streams.engine.sources import Source
from streams.engine.state.graft import Choice, graft
from streams.engine.state.store import HEAD_KEY, Unfinished
from streams.intake.decode import decode_chunk
from streams.tools.plan import installed_parts, owners_of, plan, state_of, warm_after_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from schemas.columns import Bools, Ints
    from streams.definitions.catalogue import Catalogue
    from streams.definitions.event import Event
    from streams.emit import Message
    from streams.engine.detection import Detection
    from streams.engine.state.codec import Change
    from streams.engine.state.store import State
    from streams.intake.decode import DecodedRun
    from streams.shard import Shard, Step
    from streams.tools.plan import Line, Stored

BATCH_RECORDS = 20_000
NONE: Ints = np.zeros(0, np.int64)
BEGUN = ("new", "anew")
"""What `kairos plan` calls state that nothing was gathered for yet."""
REASON = b"backfill"
"""Why events of the history are on the `missed` topic."""


class Chosen(NamedTuple):
    """What is filled in one shard."""

    events: list[str]
    """The rules whose state is filled."""
    with_needs: frozenset[str]
    """These and the events that they depend on."""
    lines: list[Line]
    """What becomes of each column at a start (`plan.py`)."""
    begun: frozenset[str]
    """The columns and texts for which nothing was gathered yet, each with its part."""
    places: dict[str, tuple[str, str]]
    """Part and name of each installed column, by both together."""


def choose(stored: Stored, target: Shard, catalogue: Catalogue, named: Iterable[str]) -> Chosen:
    """The rules to fill: those of `named`, or all that are new or begin anew over the `stored` state of a shard."""
    lines = plan(stored, target.engine, catalogue)
    again = {event for one in stored.unfinished for event in one.events}
    fresh = again | {event for line in lines if line.becomes in BEGUN for event in line.events}
    events = sorted(set(named) or {event for event in fresh if event in catalogue.by_id})
    texts = {f"{layout.part}: {name}" for layout in stored.layouts.values() for name in layout.texts}
    parts = installed_parts(target.engine)
    begun = {f"{part}: {name}" for part, layout in parts.items() for name in layout.texts} - texts
    begun |= {line.column for line in lines if line.becomes in BEGUN} | {column for one in stored.unfinished for column in one.columns}
    places = {f"{part}: {name}": (part, name) for part, layout in parts.items() for name, _, _ in layout.columns}
    return Chosen(events, frozenset(catalogue.chosen(events).by_id) if events else frozenset(), lines, frozenset(begun), places)


def lost_by(chosen: Chosen, catalogue: Catalogue) -> list[str]:
    """The events whose state a start with these definitions would delete, since they are not installed: surely `--definitions` was forgotten."""
    return sorted({event for line in chosen.lines if line.becomes == "dropped" for event in line.events if event not in catalogue.by_id})


class Columns:
    """Which columns are filled: those that nothing was gathered for yet, and those of the chosen rules alone."""

    def __init__(self, chosen: Chosen, target: State, donor: State, catalogue: Catalogue) -> None:
        self.chosen, self.owners, self.there, self.catalogue = chosen, target.owners, donor.owners, catalogue
        self.by_column = {line.column: line.events for line in chosen.lines}

    def takes(self, part: str, column: str) -> str | None:
        """The name of a column in the engine that replayed the history; None where the column is left as it is."""
        place = f"{part}: {column}"
        owners = frozenset(self.by_column[place] if place in self.by_column else owners_of(part, column, self.owners, self.catalogue))
        if owners <= self.chosen.with_needs if place in self.chosen.begun else bool(owners) and owners <= set(self.chosen.events):
            return self.named(column, state_of(part, column, self.owners))
        return None

    def named(self, text: str, state: str) -> str:
        """`text` with the name that `state` has in the other engine, which counts states of the same meaning by themselves."""
        other = state if not state or state in self.there else ".".join(state.split(".")[:2])
        return text.replace(state, other) if state else text

    def choice(self) -> Choice:
        """For `graft`."""
        return Choice(self.takes, lambda part: self.named(part, state_of(part, "", self.owners)))


class Filling:
    """The replay of one shard's history by `donor`. `since_ms`: records before are left out; 0: none."""

    def __init__(self, donor: Shard, since_ms: int = 0) -> None:
        self.donor, self.since_ms = donor, since_ms
        self.next = dict.fromkeys(TOPICS, 0)
        self.first: dict[str, int] = {}
        """By topic, the event time of the first record that was taken."""
        self.whole = set(TOPICS)
        """The topics of which everything that there ever was is replayed."""
        self.counts: Counter[str] = Counter()
        """Records taken, and left out by why."""

    def wants(self, topic: str) -> bool:
        """Whether more of a topic can be fed before the next step."""
        return not self.donor.full(topic)

    def feed(self, topic: str, keys: Sequence[bytes | None], values: Sequence[bytes | None], *, until_ms: int | None = None, live: Ints = NONE) -> None:
        """Take raw records of a topic in their order. `until_ms`: later ones are left out, and so are those whose `names_of` are in `live`: they come elsewhere."""
        begin = self.next[topic]
        self.next[topic] = begin + len(values)
        settings = self.donor.settings
        chunk = decode_chunk(
            topic, self.donor.partition, range(begin, self.next[topic]), keys, values, next_offset=self.next[topic], latest_ms=None, max_bytes=settings.max_record_bytes
        )
        self.counts["refused"] += len(chunk.rejects)
        early = chunk.event_time < self.since_ms
        late = np.isin(names_of(chunk), live) if len(live) else np.zeros(len(chunk), bool)
        late |= chunk.event_time > until_ms if until_ms is not None else False
        if early.any():
            self.whole.discard(topic)
        keep(chunk, ~early & ~late)
        self.counts.update({"before": int(early.sum()), "live": int((late & ~early).sum()), "taken": len(chunk)})
        if len(chunk):
            self.first.setdefault(topic, int(chunk.event_time[0]))
        chunk.rejects = []
        self.donor.merger.add(chunk)
        self.donor.set_caught_up(topic, False)

    def steps(self) -> Iterator[Step]:
        """What the records that were fed give, as far as nothing unread can come before."""
        while (step := self.donor.step(None, BATCH_RECORDS)) is not None:
            yield step

    def end(self, clock_ms: int) -> Iterator[Step]:
        """Everything has been fed; time passes to the clock of the stored state."""
        for topic in TOPICS:
            self.donor.set_caught_up(topic, True)
        yield from self.steps()
        if clock_ms > self.donor.clock:
            yield self.donor.advance(clock_ms)

    def known_from(self, topics: Iterable[str], clock_ms: int) -> int:
        """Since when everything of `topics` is known, epoch ms; 0: since the very first record."""
        return max((0 if topic in self.whole else max(self.since_ms, self.first.get(topic, clock_ms)) for topic in topics), default=0)


def names_of(chunk: DecodedRun) -> Ints:
    """A number for each record, equal for the same record of the same customer wherever it comes from."""
    keys = np.fromiter((xxhash.xxh3_64_intdigest(key or b"") for key in chunk.keys), np.uint64, len(chunk)).view(np.int64)
    return keys ^ chunk.id_hash


def keep(chunk: DecodedRun, wanted: Bools) -> None:
    """Leave records out of a run."""
    if wanted.all():
        return
    for name in ("offset", "event_time", "kind", "slot", "id_hash", "content_hash"):
        setattr(chunk, name, getattr(chunk, name)[wanted])
    kept = np.flatnonzero(wanted).tolist()
    chunk.keys, chunk.values = [chunk.keys[at] for at in kept], [chunk.values[at] for at in kept]


def same_rows_kept(target: State, donor: State) -> None:
    """Let the donor keep rows of finer keys as long as the whole catalogue does, so that both free the same."""
    for name, table in donor.tables.items():
        if name in target.tables:
            table.keep_ms = target.tables[name].keep_ms


class Filled(NamedTuple):
    """The result for one shard."""

    changes: Sequence[Change]
    """Changelog records to write, without the head row."""
    unfinished: Unfinished
    """For the head row, until all of them are written."""
    reaches: dict[str, Reach]
    """By rule."""


class Reach(NamedTuple):
    """How far back the state of a rule reaches. `known_from`, `complete_at`: epoch ms, 0: from the very first record; now. None: never, it counts from then on."""

    known_from: int
    complete_at: int | None
    shared: tuple[str, ...] = ()
    """The rules with which it shares state that reaches back less far than it needs, and is theirs."""

    def said(self, event: str) -> str:
        """A sentence."""
        return f"{event}: {self._own()}" + (
            f"; what it shares with {', '.join(self.shared)} is theirs, was left as it is, and fills with the records to come" if self.shared else ""
        )

    def _own(self) -> str:
        since = rfc3339(self.known_from)
        if not self.known_from:
            return "complete, from the very first record"
        if self.complete_at is None:
            return f"counts from {since} on; what came before is not known"
        return f"reaches back to {since}: complete from {rfc3339(self.complete_at)} of the shard's clock" if self.complete_at else f"complete, reaches back to {since}"

    def worse(self, other: Reach | None) -> Reach:
        """The shorter of those of two shards."""
        if other is None:
            return self
        first, last = sorted((self, other), key=lambda one: one.known_from)
        return last._replace(shared=tuple(sorted({*first.shared, *last.shared})))


def fill(target: Shard, filling: Filling, chosen: Chosen, catalogue: Catalogue) -> Filled:
    """Move the chosen rules' state from the donor into `target`, which has been restored. Raises StateRefused."""
    state, clock = target.engine.state, target.clock
    columns = Columns(chosen, state, filling.donor.engine.state, catalogue)
    topics = {event: topics_of(catalogue.by_id[event]) for event in chosen.events}
    taken, left = by_state(chosen, columns, state)
    graft(state, filling.donor.engine.state, columns.choice())
    for place, memory in state.memory.items():
        name = state_of(place, "", state.owners)
        if name in taken - left:
            known = filling.known_from({topic for event in state.owners.get(name, ()) for topic in topics.get(event, TOPICS)}, clock)
            state.memory[place] = msgspec.structs.replace(memory, known_from=known)
    short = {state_of(place, "", state.owners) for place, memory in state.memory.items() if memory.complete_at > clock}
    short |= {state_of(*chosen.places[line.column], state.owners) for line in chosen.lines if line.becomes in BEGUN}
    reaches = {}
    for event in chosen.events:
        shared = {other for name in short & left for other in state.owners.get(name, ()) if event in state.owners[name]} - {event}
        known = filling.known_from(topics[event], clock)
        needs = reach_of(catalogue.by_id[event], catalogue)
        reaches[event] = Reach(known, needs if needs is None or not known else known + needs if known + needs > clock else 0, tuple(sorted(shared)))
    filled = [place for place, column in chosen.places.items() if columns.takes(*column) is not None]
    return Filled([change for change in target.engine.changes() if change[0] != HEAD_KEY], Unfinished(chosen.events, filled), reaches)


def by_state(chosen: Chosen, columns: Columns, state: State) -> tuple[set[str], set[str]]:
    """The names of the states of which columns are filled, and of those of which columns are left."""
    found: tuple[set[str], set[str]] = set(), set()
    for part, column in chosen.places.values():
        found[columns.takes(part, column) is None].add(state_of(part, column, state.owners))
    return found


def reach_of(event: type[Event], catalogue: Catalogue) -> int | None:
    """How far back a rule, its re-arm words and the events that it depends on look, ms; None: to the first record."""
    value_of = catalogue.value_of()
    own = warm_after_ms(event, value_of)
    words = [None if isinstance(word, Once | OncePer) else word.span.longest_ms(value_of) for word in event.words if isinstance(word, Once | OncePer | Cool)]
    below = [reach_of(other, catalogue) for other in events_in(event)]
    known = [one for one in (own, *words, *below) if one is not None]
    if len(known) < 1 + len(words) + len(below):
        return None
    return max([own or 0, *(word or 0 for word in words)]) + max((one or 0 for one in below), default=0)


def topics_of(event: type[Event]) -> frozenset[str]:
    """The topics whose records a rule reads; all where it asks when a key was first seen, or which lines are active."""
    parts = list(used_by(event).values())
    if any(isinstance(part, Past | FirstSeen | LineCount) for part in parts):
        return frozenset(TOPICS)
    own = {record.topic for part in parts if isinstance(part, Source) for record in part.records()}  # type: ignore[attr-defined]  # raw records
    return frozenset(own).union(*map(topics_of, events_in(event)))


def rebuilt(stored: Iterable[bytes], rows: dict[bytes, bytes | None]) -> list[Change]:
    """The changelog records that make `rows`, the last of each key, the whole state in place of what is `stored`; without the head row."""
    gone: list[Change] = [(key, None) for key in stored if rows.get(key) is None and key != HEAD_KEY]
    return gone + [(key, value) for key, value in rows.items() if value is not None and key != HEAD_KEY]


def missed(detections: Iterable[Detection], operator: str, published: frozenset[str]) -> list[Message]:
    """Events of the history as messages for the `missed` topic: `topic` says where they would have gone."""
    found = []
    for detection in detections:
        if detection.event in published:
            own, _ = message(detection, operator, None)
            found.append(own._replace(topic=MISSED, headers=(*own.headers, ("reason", REASON), ("topic", own.topic.encode()))))
    return found
