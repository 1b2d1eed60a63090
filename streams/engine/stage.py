"""Stages: what runs over a batch, one after the other, each once, in the order in which they need each other."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from schemas.codes import code, keep
from schemas.raw import RECORD_TYPES
from streams.engine.batch import PROCESSED, TERMINATED
from streams.engine.expression import both
from streams.engine.flow import Flow, MergedFlow, RecordFlow, in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from schemas.columns import Bools, Ints
    from streams.engine.batch import Batch, Group
    from streams.engine.expression import Array, Column, Expr
    from streams.engine.features.frame import Feature
    from streams.engine.sources import UnionSource

STATE_CHANGE = next(i for i, record in enumerate(RECORD_TYPES) if record.code == "L")


STATUS, PORT, TERMINATED_LINE, PORTED_OUT = code("line.status"), code("line.port"), code("terminated"), code("out_done")


def of_ended_lines(group: Group) -> Bools:
    """Which state changes a line rule sees although the line has ended: that it has, and that its number was ported out (`docs/semantics.md` §1.1)."""
    attribute, value = group.field("attribute"), group.field("new_value")
    return np.asarray(((attribute == PORT) & (value == PORTED_OUT)) | ((attribute == STATUS) & (value == TERMINATED_LINE)))


class NodeFailed(Exception):
    """An expression that some of the rules that share a stage read there raised an error: its cause."""

    def __init__(self, node: Expr, error: Exception) -> None:
        super().__init__(str(node))
        self.node, self.error = node, error


def read_for(node: Expr, flow: Flow) -> Column:
    """The values of `node` at happenings that several rules share. Raises NodeFailed."""
    try:
        return flow.column(node)
    except MemoryError:  # not caused by a rule
        raise
    except Exception as error:
        raise NodeFailed(node, error) from error


class Stage:
    """A step of the way from records to events. `needs`: the stages that must have run before."""

    forced = False
    """Whether all happenings pass and nothing rests, as in a rehearsal; conditions are evaluated all the same."""

    def __init__(self, *needs: Stage) -> None:
        self.needs: list[Stage] = list(needs)
        self.events: set[str] = set()
        """The events that stop when this stage raises an error."""

    def run(self, batch: Batch) -> None:
        """Do it for one batch."""
        raise NotImplementedError

    def refer(self) -> None:
        """The reference tables are other ones now: drop what was computed from them."""

    @cached_property
    def inputs(self) -> list[FlowStage]:
        """The stages whose flows it reads."""
        return [stage for stage in self.needs if isinstance(stage, FlowStage)]

    def rests(self, batch: Batch) -> bool:
        """Whether nothing happens here in a batch: no input, no end of a line, no timer that is due. Then `run` is not called."""
        if self.forced or batch.resets or batch.returns:
            return False
        for stage in self.inputs:
            if stage.flow.n:
                return False
        due = self.earliest()
        return due is None or due > batch.timer_clock[-1]

    def rest(self, batch: Batch) -> None:
        """Called in place of `run` where nothing happens."""

    def declare(self) -> None:
        """Declare the state, once it is known what is read of it."""

    def restored(self) -> None:
        """Called when the state has been read back."""

    def settle(self) -> None:
        """Called after all stages have run over a batch."""

    def earliest(self) -> int | None:
        """The earliest moment at which one of its timers may be due, epoch ms; None: it has none."""
        return None


class FlowStage(Stage):
    """A stage that gives a flow."""

    flow: Flow
    by = "customer"

    def rest(self, batch: Batch) -> None:
        self.flow = batch.world.nothing(self.by)


class RecordStage(FlowStage):
    """The records of one type that were let in, as rules of scope `by` see them."""

    def __init__(self, kind: int, by: str) -> None:
        super().__init__()
        self.kind, self.by = kind, by

    def rests(self, batch: Batch) -> bool:
        return self.kind not in batch.groups

    def run(self, batch: Batch) -> None:
        group = batch.groups[self.kind]
        position = group.position
        wanted = self.let_in(batch, group)
        if self.by != "customer":
            wanted = wanted & (group.rows(self.by) >= 0)
        if self.by == "line":
            ended = batch.ended[position]
            wanted = wanted & ~(ended & ~of_ended_lines(group) if self.kind == STATE_CHANGE and ended.any() else ended)
        self.flow = RecordFlow(group, self.by, wanted.nonzero()[0])

    @staticmethod
    def let_in(batch: Batch, group: Group) -> Bools:
        """Which records of `group` are no repeats and not too late."""
        fate = batch.fate[group.position]
        return np.asarray((fate == PROCESSED) | (fate == TERMINATED))


class FilterStage(FlowStage):
    """The happenings of a stage for which conditions are true. `late`: the feature stages whose late members are not evaluated."""

    def __init__(self, inner: FlowStage, conditions: Sequence[Expr], *needs: Stage, late: Sequence[str] = ()) -> None:
        super().__init__(inner, *needs)
        self.inner, self.condition, self.late = inner, both(tuple(conditions)), late

    def run(self, batch: Batch) -> None:
        flow = self.inner.flow
        wanted = flow.values(self.condition)
        if self.late:
            wanted = wanted & ~late_in(flow, self.late)
        if self.forced:
            self.flow = flow
        elif wanted.any():
            self.flow = flow.take(wanted)
        else:
            self.rest(batch)


def late_in(flow: Flow, names: Sequence[str]) -> Bools:
    """Which happenings are late members of the feature stages `names`."""
    late = np.zeros(flow.n, bool)
    for name in names:
        mask = flow.mask(("late", name))
        if mask is not None:
            late |= mask
    return late


class OwnStage(FlowStage):
    """The happenings of a stage as one rule alone sees them: what is read for it is not what others read there."""

    def __init__(self, inner: FlowStage, by: str) -> None:
        super().__init__(inner)
        self.inner, self.by = inner, by

    def run(self, batch: Batch) -> None:
        self.flow = self.inner.flow._taken(np.arange(self.inner.flow.n))


class RescopeStage(FlowStage):
    """Events of another key, as rules of scope `by` see them: those that have such a key."""

    def __init__(self, inner: FlowStage, by: str) -> None:
        super().__init__(inner)
        self.inner, self.by = inner, by

    def run(self, batch: Batch) -> None:
        self.flow = self.inner.flow.rescoped(self.by)


class UnionStage(FlowStage):
    """The happenings of several stages in their order, and which each is of."""

    def __init__(self, source: UnionSource, parts: Sequence[FlowStage], by: str) -> None:
        super().__init__(*parts)
        self.source, self.parts, self.by = source, parts, by
        self.names = np.array([keep(name) for name in source.parts], np.int64)

    def run(self, batch: Batch) -> None:
        flow = MergedFlow.of(batch, [part.flow for part in self.parts], self.by)
        flow.put(("Of", self.source.key(), "name"), self.names[flow.which])
        self.flow = flow


class FeatureStage(Stage):
    """Keeps what the members of a stream add up to, and reads it at the happenings of other stages: the readers.

    A record that is both a member and a reader reads after it was taken in. For each reader and feature `run` puts into the
    reader's flow what was read, under `feature.key()`; under `("without", feature.key())` the same without the reader's own
    record (equal where it is no member); and under `("late", name)` which happenings are members that came late: behind a newer
    member of their row.
    """

    def __init__(self, name: str, members: FlowStage) -> None:
        super().__init__(members)
        self.name, self.members = name, members
        self.readers: dict[object, Reader] = {}

    def read(self, feature: Feature, reader: FlowStage) -> None:
        """Declare that `feature` is read at the happenings of `reader`. Called before the tables are built."""
        at = feature.finds_by
        found = self.readers.setdefault((id(reader), *(one.key() for one in at)) if at else id(reader), Reader(reader, {}, at))
        found.features.setdefault(feature.key(), feature)
        if reader not in self.needs:
            self.needs.append(reader)

    def features(self) -> Iterator[Feature]:
        """What is read, reader by reader."""
        for reader in self.readers.values():
            yield from reader.features.values()


class Reader(NamedTuple):
    """A stage at whose happenings features are read, and the features by their keys. `at`: the values by which it finds a row, where they are not its own."""

    stage: FlowStage
    features: dict[object, Feature]
    at: tuple[Expr, ...] = ()


class Entries(NamedTuple):
    """Members and readers of a feature stage in one order. Every entry is a happening, which may be both.

    `member`: the place in the members' flow, -1 for none. `at`: see `flow.py`. `readers`: for each reader the entry of each of its happenings.
    """

    at: Ints
    time: Ints
    member: Ints
    readers: list[Ints]


def entries_of(members: Flow, readers: Sequence[Flow], apart: Sequence[bool] = ()) -> Entries:
    """Put the happenings of `members` and `readers` into one order. A reader's happening that is a member is one entry with it, unless the reader is `apart`.

    Happenings are the same when both are taken from one flow and have one place there. At the same place members go before readers.
    """
    own = np.arange(members.n)
    indexes = None
    flows, found, n = [members], [], members.n
    for number, reader in enumerate(readers):
        together = members.n and reader.n and not (apart and apart[number])
        if together and reader is members:
            found.append(own)
            continue
        entry = np.full(reader.n, -1)
        if together and indexes is None:
            indexes = member_indexes(members, own)
        for whole, member_at in indexes if together and indexes is not None else ():
            place = places_in(reader, whole)
            if place is not None:
                inside = (entry < 0) & (place >= 0) & (place < len(member_at))
                entry[inside] = member_at[place[inside]]
        alone = (entry < 0).nonzero()[0]
        if len(alone):
            entry[alone] = np.arange(n, n + len(alone))
            flows.append(reader.take(alone))
            n += len(alone)
        found.append(entry)
    if n == members.n:
        return Entries(members.at, members.time, own, found)
    if len(flows) == 2 and not members.n:
        return Entries(flows[1].at, flows[1].time, np.full(n, -1), found)
    at, due = np.concatenate([flow.at for flow in flows]), np.concatenate([flow.due for flow in flows])
    order = in_order(at, due)
    """At the same place members stay before readers."""
    place = np.empty(n, np.int64)
    place[order] = np.arange(n)
    time = np.concatenate([flow.time for flow in flows])
    return Entries(at[order], time[order], np.where(order < members.n, order, -1), [place[entry] for entry in found])


def at_entries(entries: Entries, members: Flow, readers: Sequence[Flow], values_of: Callable[[Flow], Array], fill: int) -> Ints:
    """For each entry the value of its member, else of one of its readers, such as its row. `values_of`: the values for a flow."""
    n = len(entries.at)
    if n and n == members.n:
        return np.asarray(values_of(members), np.int64)
    found = np.full(n, fill)
    if members.n:
        inside = (entries.member >= 0).nonzero()[0]
        found[inside] = values_of(members)[entries.member[inside]]
    for flow, entry in zip(readers, entries.readers, strict=True):
        lacking = entries.member[entry] < 0
        if lacking.any():
            found[entry[lacking]] = values_of(flow.take(lacking))
    return found


def believed_at(entries: Entries, batch: Batch) -> Bools:
    """Whether the time of each entry may be the newest of a state: those of timers always."""
    believed = np.ones(len(entries.at), bool)
    if batch.believed.all():
        return believed
    records = entries.at & 1 == 1
    believed[records] = batch.believed[entries.at[records] >> 1]
    return believed


def member_indexes(members: Flow, numbers: Ints) -> list[tuple[object, Ints]]:
    """What members were taken from, and there at each place the number of the member, -1: none; of merged flows also what their parts were taken from."""
    whole, place = root_of(members)
    member_at = np.full(int(place.max(initial=-1)) + 1, -1, np.int64)
    member_at[place] = numbers
    found = [(whole, member_at)]
    if isinstance(whole, MergedFlow):
        for number, part in enumerate(whole.parts):
            mine = whole.which[place] == number
            found += member_indexes(part.take(np.sort(whole.where[place[mine]])), numbers[mine])
    return found


def places_in(flow: Flow, whole: object) -> Ints | None:
    """The place in `whole` of each happening of `flow`, -1 where it was not taken from there; merged flows are looked through. None: none was."""
    root, place = root_of(flow)
    if root is whole:
        return place
    if not isinstance(root, MergedFlow):
        return None
    found = None
    for number, part in enumerate(root.parts):
        within = places_in(part, whole)
        if within is not None:
            found = np.full(flow.n, -1) if found is None else found
            mine = root.which[place] == number
            found[mine] = within[root.where[place[mine]]]
    return found


def root_of(flow: Flow) -> tuple[object, Ints]:
    """What a flow was taken from (records of one type: their group), and the place of each of its happenings there."""
    if isinstance(flow, RecordFlow):
        return flow.group, flow.idx
    index = np.arange(flow.n)
    while flow.parent is not None and flow.index is not None:
        index, flow = flow.index[index], flow.parent
    return flow, index
