"""Backfill: the state of some rules of a shard, filled from history before they go live (`docs/adr/0015`).

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
from streams.engine.state.changes import Changes, Records
from streams.engine.state.codec import record_key
from streams.engine.state.graft import Choice, graft
from streams.engine.state.store import HEAD_KEY, MEMORY, Unfinished
from streams.intake.decode import decode_chunk
from streams.intake.raw import picked
from streams.tools.plan import installed_parts, owners_of, plan, state_of, warm_after_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from schemas.columns import Bools, Ints
    from streams.definitions.catalogue import Catalogue
    from streams.definitions.event import Event
    from streams.emit import Message
    from streams.engine.detection import Detection
    from streams.engine.state.codec import Change
    from streams.engine.state.store import Ledger, State
    from streams.intake.decode import DecodedRun
    from streams.shard import Shard, Step
    from streams.tools.plan import Line, Stored

BATCH_RECORDS = 20_000
NONE: Ints = np.zeros(0, np.int64)
BEGUN = ("new", "restarted")
"""What `kairos plan` calls state that nothing was gathered for yet."""
ALL = "all rules"
"""What is unfinished where the whole state is being rebuilt."""
REASON = b"backfill"
"""Why events of the history are on the `missed` topic."""


class Chosen(NamedTuple):
    """What is filled in one shard."""

    events: list[str]
    """The rules whose state is filled."""
    named: frozenset[str]
    """Those of them that were asked for by name: what they have gathered is replaced."""
    fresh: frozenset[str]
    """Those of them that were asked for by name, or did not run before."""
    with_needs: frozenset[str]
    """These, those with which they share state that is short for them, and the events that all of them depend on: the history is replayed by these."""
    lines: list[Line]
    """What becomes of each column at a start (`plan.py`)."""
    begun: frozenset[str]
    """The columns and texts for which nothing was gathered yet, each with its part."""
    places: dict[str, tuple[str, str]]
    """Part and name of each installed column, by both together."""


def choose(stored: Stored, target: Shard, catalogue: Catalogue, named: Iterable[str]) -> Chosen:
    """The rules to fill: those of `named`, or all with state that is new or begins again over the `stored` one of a shard, for that state alone."""
    lines = plan(stored, target.engine, catalogue)
    named, ran = frozenset(named), {event for events in stored.owners.values() for event in events}
    begun_by = {event for line in lines if line.becomes in BEGUN for event in line.events} | {event for one in stored.unfinished for event in one.events}
    events = sorted(named or {event for event in begun_by if event in catalogue.by_id})
    fresh = named | (frozenset(events) - ran) | {event for one in stored.unfinished for event in one.fresh}
    texts = {f"{layout.part}: {name}" for layout in stored.layouts.values() for name in layout.texts}
    parts = installed_parts(target.engine)
    begun = {f"{part}: {name}" for part, layout in parts.items() for name in layout.texts} - texts
    begun |= {line.column for line in lines if line.becomes in BEGUN} | {column for one in stored.unfinished for column in one.columns}
    places = {f"{part}: {name}": (part, name) for part, layout in parts.items() for name, _, _ in layout.columns}
    owners = target.engine.state.owners
    short = short_states(target, [places[line.column] for line in lines if line.becomes in BEGUN])
    sharing = {event for name in short if set(events) & set(owners.get(name, ())) for event in owners[name]}
    return Chosen(events, named, fresh, frozenset(catalogue.chosen([*events, *sharing]).by_id) if events else frozenset(), lines, frozenset(begun), places)


def short_states(target: Shard, begun: Iterable[tuple[str, str]]) -> set[str]:
    """The names of states that do not hold all that the installed rules read of them: a longer frame, or columns that are `begun`."""
    state = target.engine.state
    longer = {state_of(place, "", state.owners) for place, memory in state.memory.items() if memory.complete_at > target.clock}
    return longer | {state_of(part, name, state.owners) for part, name in begun}


def lost_by(chosen: Chosen, catalogue: Catalogue) -> list[str]:
    """The events whose state a start with these definitions would delete, since they are not installed: surely `--definitions` was forgotten."""
    return sorted({event for line in chosen.lines if line.becomes == "dropped" for event in line.events if event not in catalogue.by_id})


class Columns:
    """Which columns are filled: those that nothing was gathered for yet, those of the rules asked for by name alone, and `extended` parts."""

    def __init__(self, chosen: Chosen, target: State, donor: State, catalogue: Catalogue, extended: frozenset[str]) -> None:
        self.chosen, self.owners, self.there, self.catalogue = chosen, target.owners, donor.owners, catalogue
        self.by_column = {line.column: line.events for line in chosen.lines}
        followers = {follower.part_name for table in target.tables.values() for follower in table.followers}
        self.left = {part for part, column in chosen.places.values() if part in followers - extended and not self._fills(part, column)}
        """Parts of members that are left, since they are moved as a whole or not at all."""
        self.extended = extended

    def takes(self, part: str, column: str) -> str | None:
        """The name of a column in the engine that replayed the history; None where the column is left as it is."""
        if part in self.extended or (part not in self.left and self._fills(part, column)):
            return self.named(column, state_of(part, column, self.owners))
        return None

    def _fills(self, part: str, column: str) -> bool:
        """Whether the column is one that nothing was gathered for, or one of rules that were asked for by name alone."""
        place = f"{part}: {column}"
        owners = frozenset(self.by_column[place] if place in self.by_column else owners_of(part, column, self.owners, self.catalogue))
        return owners <= self.chosen.with_needs if place in self.chosen.begun else bool(owners) and owners <= self.chosen.named

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
        self.fed: Counter[str] = Counter()
        """By topic, the records that are the history's, refused ones too."""
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
        self.fed[topic] += len(chunk) + len(chunk.rejects)
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

    def compare(self, ledger: Ledger) -> None:
        """Where the stored state has seen more records of a topic than the history holds, that is not all there ever was."""
        for topic in TOPICS:
            if sum(number for (of, _), number in ledger.items() if of == topic) > self.fed[topic]:
                self.whole.discard(topic)

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
    kept = wanted.nonzero()[0]
    chunk.keys, chunk.values = picked(chunk.keys, kept), picked(chunk.values, kept)


def same_rows_kept(target: State, donor: State) -> None:
    """Let the donor keep rows of finer keys as long as the whole catalogue does, so that both free the same."""
    for name, table in donor.tables.items():
        if name in target.tables:
            table.keep_ms = target.tables[name].keep_ms


class Filled(NamedTuple):
    """The result for one shard."""

    changes: Changes
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
        if not self.shared:
            return f"{event}: {self._own()}"
        return (
            f"{event}: what it shares with {', '.join(self.shared)} reaches back less far than it needs: left as it is, it fills with the records to come; the rest: {self._own()}"
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
    state, clock, donor = target.engine.state, target.clock, filling.donor.engine.state
    filling.compare(state.ledger)
    columns = Columns(chosen, state, donor, catalogue, extended(target, filling, chosen, catalogue))
    taken = {place for place, column in chosen.places.items() if columns.takes(*column) is not None}
    states = {place: state_of(*column, state.owners) for place, column in chosen.places.items()}
    whole = {states[place] for place in taken} - {name for place, name in states.items() if place not in taken}
    short = short_states(target, [column for place, column in chosen.places.items() if place in chosen.begun - taken])
    short -= whole | {state_of(part, "", state.owners) for part in columns.extended}
    graft(state, donor, columns.choice())
    for place, memory in state.memory.items():
        name = state_of(place, "", state.owners)
        if (name in whole or place in columns.extended) and (memory.known_from or not memory.lives):
            state.memory[place] = msgspec.structs.replace(memory, known_from=filling.known_from(topics_of_state(name, state, catalogue), clock))
    shared = {event: {other for name in short for other in state.owners.get(name, ()) if event in state.owners[name]} - {event} for event in chosen.events}
    reaches = {event: reach_of(event, filling, clock, catalogue)._replace(shared=tuple(sorted(shared[event]))) for event in chosen.events}
    return Filled(Changes(target.engine.changes().records), Unfinished(chosen.events, sorted(chosen.fresh), sorted(taken)), reaches)


def extended(target: Shard, filling: Filling, chosen: Chosen, catalogue: Catalogue) -> frozenset[str]:
    """The parts with members of frames that running rules share, which the history replaces: it holds more than they do, and nothing less.

    Either it is all there ever was, or all rules that read them are warm in it since before what they hold now begins.
    """
    state, clock, found = target.engine.state, target.clock, set()
    for part in [follower.part_name for table in state.tables.values() for follower in table.followers]:
        name, memory, before = state_of(part, "", state.owners), state.memory.get(part), state.memory_before.get(part)
        owners = state.owners.get(name, [])
        begun = [place in chosen.begun for place, (of, _) in chosen.places.items() if of == part]
        longer = memory is not None and memory.complete_at > clock
        if not owners or not set(owners) <= chosen.with_needs or not set(owners) & set(chosen.events) or all(begun) or not (any(begun) or longer):
            continue
        known, spans = filling.known_from(topics_of_state(name, state, catalogue), clock), [span_of(catalogue.by_id[event], catalogue) for event in owners]
        begins = max(before.known_from, clock - before.span_ms) if before is not None and before.span_ms is not None else 0
        if not known or all(span is not None and known + span <= begins for span in spans):
            found.add(part)
    return frozenset(found)


def topics_of_state(name: str, state: State, catalogue: Catalogue) -> frozenset[str]:
    """The topics whose records the rules read that need a state."""
    return frozenset[str]().union(*(topics_of(catalogue.by_id[event]) for event in state.owners.get(name, ()))) or frozenset(TOPICS)


def reach_of(event: str, filling: Filling, clock_ms: int, catalogue: Catalogue) -> Reach:
    """How far back the state of a rule reaches after the replay."""
    known, needs = filling.known_from(topics_of(catalogue.by_id[event]), clock_ms), span_of(catalogue.by_id[event], catalogue)
    if not known or needs is None:
        return Reach(known, None if known else 0)
    return Reach(known, known + needs if known + needs > clock_ms else 0)


def span_of(event: type[Event], catalogue: Catalogue) -> int | None:
    """How far back a rule, its re-arm words and the events that it depends on look, ms; None: to the first record."""
    value_of = catalogue.value_of()
    words = [None if isinstance(word, Once | OncePer) else word.span.longest_ms(value_of) for word in event.words if isinstance(word, Once | OncePer | Cool)]
    own = [warm_after_ms(event, value_of), *words]
    below = [span_of(other, catalogue) for other in events_in(event)]
    known, deeper = [one for one in own if one is not None], [one for one in below if one is not None]
    return max(known) + max(deeper, default=0) if len(known) == len(own) and len(deeper) == len(below) else None


def topics_of(event: type[Event]) -> frozenset[str]:
    """The topics whose records a rule reads; all where it asks when a key was first seen, or which lines are active."""
    parts = list(used_by(event).values())
    if any(isinstance(part, Past | FirstSeen | LineCount) for part in parts):
        return frozenset(TOPICS)
    own = {record.topic for part in parts if isinstance(part, Source) for record in part.records()}  # type: ignore[attr-defined]  # raw records
    return frozenset(own).union(*map(topics_of, events_in(event)))


def rebuilt(shard: Shard, filling: Filling, stored: Iterable[bytes], rows: dict[bytes, bytes | None], catalogue: Catalogue) -> Filled:
    """The whole state of the shard that replayed its history, in place of what is `stored`; `rows`: what its steps wrote, the last of each key."""
    state, clock = shard.engine.state, shard.clock
    memory = {record_key(MEMORY, place): one for place, one in state.memory.items() if not one.lives}
    known = filling.known_from(TOPICS, clock)
    rows = {key: msgspec.json.encode(msgspec.structs.replace(memory[key], known_from=known)) if key in memory else value for key, value in rows.items()}
    gone: list[Change] = [(key, None) for key in stored if rows.get(key) is None and key != HEAD_KEY]
    changes = Changes([Records.of(gone + [(key, value) for key, value in rows.items() if value is not None and key != HEAD_KEY])])
    with_state = sorted({event for events in state.owners.values() for event in events})
    return Filled(changes, Unfinished([ALL], [ALL], []), {event: reach_of(event, filling, clock, catalogue) for event in with_state})


def missed(detections: Iterable[Detection], operator: str, published: frozenset[str], settings_version: int) -> list[Message]:
    """Events of the history as messages for the `missed` topic: `topic` says where they would have gone."""
    found = []
    for detection in detections:
        if detection.event in published:
            own, _ = message(detection, operator, None, settings_version=settings_version)
            found.append(own._replace(topic=MISSED, headers=(*own.headers, ("reason", REASON), ("topic", own.topic.encode()))))
    return found
