"""Frames over members, held against a plain reading: every member is kept for good and looked at again for each happening."""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.codes import code, text_of
from streams.engine.features.reset import ResetStage
from streams.engine.rearm import cool, once_per
from streams.engine.rule import Words
from streams.engine.sources import RecordSource
from tests.engine.frames import BERLIN, CALENDAR, CODES, DAY, HOUR, LATE, SHANGHAI, Given, Shard, VoiceUsage

EXAMPLES = int(os.environ.get("KAIROS_EXAMPLES", "40"))
START = 1_793_059_200_000
"""2026-10-27T00:00Z: the clocks of Berlin were changed two days before."""
X, W, C, K = Given("x"), Given("w", "text"), Given("c", "bool"), Given("k")
FRAMES = (lambda s: s.within("1h"), lambda s: s.within("3d"), lambda s: s.today(), lambda s: s.within("1h").before())
FUNCTIONS = (
    lambda f: f.count(), lambda f: f.sum(X), lambda f: f.distinct(X), lambda f: f.distinct(W), lambda f: f.largest(X), lambda f: f.smallest(X),
    lambda f: f.latest(X), lambda f: f.latest(W), lambda f: f.latest(C), lambda f: f.first(X), lambda f: f.top(W, by=X), lambda f: f.list(W), lambda f: f.any(C),
)  # fmt: skip


def stretch_of(feature, entry, *, late=False):
    """(low, until]: a late member sees all members of its day."""
    extent, zone = feature.frame.extent, BERLIN if entry["line"] % 2 == 0 else SHANGHAI
    span = getattr(extent, "span", None)
    if span is not None and not span.civil:
        return entry["time"] - span.length, entry["time"]
    day = CALENDAR.day(np.array([entry["time"]]), zone)
    first = day - ((span.length if span is not None else 1) - 1)
    until = int(CALENDAR.midnight(day + 1, zone)[0]) - 1 if late and span is None else entry["time"]
    return int(CALENDAR.midnight(first, zone)[0]) - 1, until


def plain_value(feature, members, stretch):
    """`members`: in order of arrival."""
    low, until = stretch
    there = [m for m in members if low < m["time"] <= until]
    if feature.function == "count":
        return len(there)
    name = feature.arguments[0].name
    known = [m for m in there if m[name] is not None and (name != "w" or m[name])]
    values = [m[name] for m in known]
    match feature.function:
        case "sum":
            return max(-(2**62), min(2**62, sum(values)))
        case "distinct":
            return len(set(values))
        case "any":
            return any(values)
        case "largest" | "smallest":
            return (max if feature.function == "largest" else min)(values, default=None)
        case "first":
            return min(known, key=lambda m: m["time"])[name] if known else None
        case "latest":
            return max(reversed(known), key=lambda m: m["time"])[name] if known else None
        case "list":
            return [text_of(value) for value in dict.fromkeys(values)][:32]
    sums = {}
    for m in known:
        if m["x"] is not None:
            sums[m["w"]] = sums.get(m["w"], 0) + m["x"]
    return min(sums, key=lambda value: (-sums[value], text_of(value))) if sums else None


def shown(column, place):
    if column.known is not None and not column.known[place]:
        return None
    value = column.values[place]
    return value if isinstance(value, list) else value.item()


@st.composite
def timelines(draw, *, resets=True, most=50, lines=3):
    """Batches of entries, each with the ends of lines in it."""
    now, batches = START, []
    for _ in range(draw(st.integers(1, 4))):
        entries, ends, position = [], [], 0
        for _ in range(draw(st.integers(0, most))):
            now += draw(st.sampled_from((0, 0, 1, 1, 60_000, 600_000, HOUR - 1, HOUR, 5 * HOUR)))
            kind = draw(st.sampled_from(("both", "both", "member", "other")))
            back = draw(st.sampled_from((0, 0, 0, 0, 0, 1, 60_000, 3 * HOUR, LATE)))
            entries.append({
                "kind": kind, "time": now - back, "line": draw(st.integers(0, lines)), "timer": kind == "other" and draw(st.booleans()), "believed": True,
                "x": draw(st.sampled_from((None, 0, 1, 1, 2, -3, 2**61, -(2**62), 2**62))), "w": draw(st.sampled_from((None, *CODES))),
                "c": draw(st.sampled_from((None, True, False))), "k": draw(st.sampled_from((None, 0, 1))),
            })  # fmt: skip
            if entries[-1]["timer"] and len(entries) > 1 and entries[-2]["timer"]:
                entries[-1]["time"] = max(entries[-1]["time"], entries[-2]["time"])  # timers at one place fire in their order
            position += not entries[-1]["timer"]
            if resets and position and draw(st.integers(0, 15)) == 0:
                ends.append((position - 1, draw(st.integers(0, lines)), draw(st.integers(0, 3)) == 0, False))
        batches.append((entries, ends))
    return batches


class Plain:
    """The plain reading: members of each key, and which of them are late."""

    def __init__(self, *, split):
        self.split, self.members, self.newest, self.emptied = split, {}, {}, {}

    def end_lines(self, position, ends):
        for at, line, timers_only, _ in ends:
            if at == position and not timers_only:
                for kept in (self.members, self.newest, self.emptied):
                    for key in [key for key in kept if key[0] == line]:
                        del kept[key]

    def take_in(self, entry):
        """Returns the members without and with the entry, and whether it is late."""
        key = (entry["line"], entry["k"] if self.split else None)
        if self.split and entry["k"] is None:
            return [], [], False
        members = self.members.setdefault(key, [])
        before, late = list(members), False
        if entry["kind"] != "other":
            late = entry["time"] < self.newest.get(key, 0)
            self.newest[key] = max(self.newest.get(key, 0), entry["time"])
            if entry["time"] >= self.emptied.get(key, 0):
                members.append(entry)
        return before, list(members), late


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(timelines(), st.lists(st.tuples(st.sampled_from(FRAMES), st.sampled_from(FUNCTIONS)), min_size=1, max_size=5), st.booleans(), st.booleans())
def test_a_frame_reads_as_if_all_were_kept(batches, chosen, split, restarted):
    def features(stream):
        return [function(frame(stream)) for frame, function in chosen]

    shard, plain = Shard(features, split=split), Plain(split=split)
    for entries, ends in batches:
        readers = shard.run(entries, ends)
        found, position = [], 0
        for entry in entries:
            found.append(plain.take_in(entry))
            if not entry["timer"]:
                plain.end_lines(position, ends)
                position += 1
        for stage, numbers in zip((shard.some, shard.others), readers, strict=True):
            flow = stage.flow
            if not flow.has(("late", "window")):
                continue
            assert flow.mask(("late", "window")).tolist() == [found[number][2] for number in numbers]
            part = np.arange(flow.n)[::2]
            for feature in shard.stage.readers[id(stage)].features.values():
                with_own, without = flow.held(feature.key()).take(None), flow.held(("without", feature.key())).take(None)
                some = flow.take(part).held(feature.key()).take(None)
                for place, number in enumerate(numbers):
                    before, after, late = found[number]
                    if late and feature.frame.extent.ordered:
                        continue
                    stretch = stretch_of(feature, entries[number], late=late)
                    assert shown(without, place) == plain_value(feature, before, stretch)
                    assert shown(with_own, place) == plain_value(feature, before if feature.frame.without_own else after, stretch)
                    if place % 2 == 0:
                        assert shown(some, place // 2) == shown(with_own, place)
        if restarted:
            stored = list(shard.state.stored())
            shard = Shard(features, split=split)
            shard.state.restore(stored)


CONDITIONS = (
    lambda s: (s.within("1h").count() >= 3),
    lambda s: (s.within("3d").sum(X) >= 2),
    lambda s: (s.within("3d").before().count() >= 2) & (s.within("1h").count() >= 2),
)  # fmt: skip
WORDS = ((), (cool("30min"),), (once_per(K),))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(timelines(lines=1), st.sampled_from(CONDITIONS), st.sampled_from(WORDS), st.booleans(), st.booleans(), st.sampled_from(("some", "others")))
def test_a_rule_with_reset_reads_as_if_each_event_emptied_its_key(batches, condition, words, split, restarted, trigger):
    node = []

    def features(stream):
        node[:] = [condition(stream)]
        return [one for one in node[0].walk() if hasattr(one, "frame")]

    def reset(shard):
        inner = getattr(shard, trigger)
        for feature in shard.features:
            shard.stage.read(feature, inner)
        source = RecordSource(VoiceUsage)
        words_of = Words(shard.home, "rule", "line", words, (K,) if split else (), (source,))
        return ResetStage("rule", inner, node[0], [shard.stage], words_of, ["window"])

    shard, plain, last = Shard(features, split=split, reset=reset), Plain(split=split), {}
    for entries, ends in batches:
        some, others = shard.run(entries, ends)
        numbers = some if trigger == "some" else others
        events, position, values = [], 0, []
        for number, entry in enumerate(entries):
            before, after, late = plain.take_in(entry)
            if number in numbers and not late:
                value = {f.key(): plain_value(f, before if f.frame.without_own else after, stretch_of(f, entry)) for f in shard.features}
                slot = (entry["line"], entry["k"] if split or words == WORDS[2] else None)
                free = not words or not (slot in last and entry["time"] < last[slot] + (30 * 60_000 if words == WORDS[1] else 400 * DAY))
                if split and entry["k"] is None and words:
                    free = True
                if holds(node[0], value) and free:
                    events.append(number)
                    values.append(value)
                    last[slot] = entry["time"]
                    key = (entry["line"], entry["k"] if split else None)
                    plain.members[key], plain.emptied[key] = [], entry["time"]
            if not entry["timer"]:
                plain.end_lines(position, ends)
                ended = {line for at, line, timers_only, _ in ends if at == position and not timers_only}
                last = {slot: time for slot, time in last.items() if slot[0] not in ended}
                position += 1
        flow = shard.rule.flow
        assert [(int(at), int(time)) for at, time in zip(flow.at, flow.time, strict=True)] == [
            (int(shard_at), entries[number]["time"]) for number, shard_at in zip(events, [at_of(entries, number) for number in events], strict=True)
        ]
        for feature in shard.features:
            column = flow.held(feature.key()).take(None)
            assert [shown(column, place) for place in range(flow.n)] == [value[feature.key()] for value in values]
        shard.stage.settle()
        if restarted:
            stored = list(shard.state.stored())
            shard = Shard(features, split=split, reset=reset)
            shard.state.restore(stored)


def at_of(entries, number):
    position = sum(not entry["timer"] for entry in entries[:number])
    return 2 * position + (not entries[number]["timer"])


def holds(node, value):
    """A condition of the kinds above, plainly."""
    sign = getattr(node, "sign", None)
    if sign == ">=":
        return value[node.left.key()] >= node.right.value
    return all(holds(child, value) for child in node.children())


def entry(time, line=0, kind="both", **values):
    return {"kind": kind, "time": time, "line": line, "timer": False, "believed": True, "x": 1, "w": CODES[0], "c": True, "k": 0, **values}


@pytest.mark.parametrize("late", [(), (7000,)])
def test_a_hot_key_reads_its_newest_members(late):
    shard = Shard(lambda s: [f(s.within("1h")) for f in (lambda f: f.count(), lambda f: f.sum(X), lambda f: f.distinct(X))])
    entries = [entry(START + number - (500 if number in late else 0), x=number % 999) for number in range(9000)]
    shard.run(entries)
    flow = shard.some.flow
    count, total, distinct = (flow.held(feature.key()).take(None).values for feature in shard.features)
    assert count[8999] == 4096
    for number in (3, 500, 4096, 5000, 7003, 8999):
        values = [entries[n]["x"] for n in range(max(0, number - 4095), number + 1)]
        assert (count[number], total[number], distinct[number]) == (len(values), sum(values), len(set(values)))
    assert shard.stage.lists.dropped == 9000 - 4096


def test_readers_that_are_no_members_make_no_rows():
    shard = Shard(lambda s: [s.within("1h").count(), s.within("1h").count(), s.within("3d").count()], split=True)
    shard.run([entry(START, kind="other", k=7), entry(START, kind="member", k=1), entry(START + 1, kind="other", k=1), entry(START + 2, kind="other", k=8)])
    count = shard.others.flow.held(shard.features[2].key()).take(None)
    assert (count.values.tolist(), len(shard.stage.scope.table)) == ([0, 1, 0], 1)


def test_a_misdated_member_makes_nobody_late():
    shard = Shard(lambda s: [s.within("1h").count()])
    shard.run([entry(START), entry(START + 4000 * DAY, believed=False), entry(START + 1)])
    flow = shard.some.flow
    assert flow.mask(("late", "window")).tolist() == [False, False, False]
    assert flow.held(shard.features[0].key()).take(None).values.tolist() == [1, 1, 2]


def test_lists_say_of_what_they_are():
    shard = Shard(lambda s: [s.within("1h").latest(W), s.within("2h").distinct(W), s.today().sum(X)])
    assert [kind for _, kind in shard.stage.lists.kinds] == ["time", "text", "int"]
    shard.run([entry(START, w=code("shown"))])
    assert text_of(int(shard.stage.lists.text_codes(np.zeros(1, np.int32))[0])) == "shown"
