"""Backfill: a rule that is filled from history goes on as if it had been installed all along, in its events and in every column of the state."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from events.stories import call, charge, moment
from schemas.raw import RECORD_TYPES, TOPICS
from schemas.reference import Reference
from streams.definitions.catalogue import Catalogue
from streams.emit import MISSED, event_id
from streams.engine.engine import Engine
from streams.engine.state.codec import StateRefused
from streams.engine.state.store import HEAD_KEY, Head, Unfinished
from streams.intake.decode import decode_chunk
from streams.shard import Shard, ShardSettings
from streams.simulation.city import City
from streams.tools.backfill import Filled, Filling, choose, fill, lost_by, missed, names_of, rebuilt, same_rows_kept
from streams.tools.plan import Stored
from tests.engine.test_laws import NEVER, REFERENCE, end_of, facts
from tests.engine.timelines import DAY, HOUR, merged, timelines
from tests.shards import CATALOGUE, TOPIC_OF, Bench, epoch_ms

EXAMPLES = settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])
MIDNIGHT = epoch_ms("2026-03-01T00:00:00+08:00")
RULES = [event.id for event in CATALOGUE]
Raws = list[dict[str, Any]]


def feed(filling: Filling, topic: str, records: Raws, **how: Any) -> None:
    filling.feed(topic, [record["customer_id"].encode() for record in records], [orjson.dumps(record) for record in records], **how)


def replayed(filling: Filling, history: Raws, clock_ms: int, sizes: list[int]) -> list[Any]:
    """Feed a history topic by topic, in pieces of these sizes, as far as the merge asks for it; what was detected."""
    left = {topic: [record for record in history if TOPIC_OF[record["record_type"]] == topic] for topic in TOPICS}
    steps, turn = [], 0
    while any(left.values()):
        for topic in TOPICS:
            size = sizes[turn % len(sizes)]
            turn += 1
            if left[topic] and filling.wants(topic):
                feed(filling, topic, left[topic][:size])
                left[topic] = left[topic][size:]
            if not left[topic]:
                filling.donor.set_caught_up(topic, True)
        steps += filling.steps()
    steps += filling.end(clock_ms)
    return [detection for step in steps for detection in step.detections]


def stored_of(bench: Bench) -> Stored:
    stored = Stored()
    stored.take([(key, value) for key, value in dict(bench.log).items() if value is not None])
    return stored


def target_of(bench: Bench, catalogue: Catalogue) -> Shard:
    """The stored state of `bench`, read back by the definitions of the deployment."""
    target = bench._new(catalogue)
    target.engine.state.filling = True
    target.restore([(key, value) for key, value in dict(bench.log).items() if value is not None])
    target.restored()
    return target


def donor_of(bench: Bench, target: Shard, catalogue: Catalogue, events: list[str]) -> Shard:
    donor = Shard(0, Engine(catalogue.chosen(only=events), bench.reference, bench.settings), ShardSettings(keep_state=False))
    same_rows_kept(target.engine.state, donor.engine.state)
    return donor


def filled(bench: Bench, catalogue: Catalogue, history: Raws, named: tuple[str, ...] = (), sizes: tuple[int, ...] = (10_000,)) -> Filled:
    """Backfill the stored state of `bench`; nothing is written yet."""
    target = target_of(bench, catalogue)
    chosen = choose(stored_of(bench), target, catalogue, named)
    filling = Filling(donor_of(bench, target, catalogue, sorted(chosen.with_needs)))
    replayed(filling, history, target.clock, list(sizes))
    return fill(target, filling, chosen, catalogue)


def columns_of(bench: Bench, catalogue: Catalogue) -> dict[Any, Any]:
    """Everything that the state of `bench` holds, column by column, as an engine with `catalogue` reads it; how far back it reaches too."""
    state = target_of(bench, catalogue).engine.state
    found: dict[Any, Any] = {("memory", place): memory for place, memory in state.memory.items()}
    for table in state.tables.values():
        rows = np.flatnonzero(table.live()).astype(np.int32)
        keys = dict(zip(rows.tolist(), table.key_texts(rows), strict=True))
        for part in table.parts.values():
            for name, column in part.columns.items():
                found |= {(part.name, name, keys[row]): np.array(column.values[row]).tolist() for row in rows.tolist() if np.any(column.values[row])}
            for name, texts in part.texts.items():
                found |= {(part.name, name, keys[row]): texts[row] for row in rows.tolist() if texts[row]}
        for follower in table.followers:
            found |= {(follower.part_name, keys[row]): value for row, value in zip(rows.tolist(), follower.encode(rows).listed(), strict=True) if value is not None}
    return found


def gone_live(bench: Bench, catalogue: Catalogue) -> None:
    """The deployment: a restart with the new definitions, and its migration."""
    bench.catalogue = catalogue
    bench.restart()
    bench.log += [pair for step in bench.shard.migration(1000) for pair in step.rows]


def seen(found: list[Any]) -> Counter[Any]:
    return Counter((facts(one), event_id(one)) for one in found)


def without(rule: str) -> Catalogue:
    """The catalogue as it was before the rule, and what builds on it, was written."""
    return CATALOGUE.shut_off([rule])


# As if it had been installed all along


@EXAMPLES
@given(timelines(astray=False), st.floats(0.2, 0.95), st.sampled_from(RULES), st.lists(st.integers(1, 9), min_size=1, max_size=3))
def test_any_rule_goes_on_as_if_it_had_been_installed_all_along(records, cut, rule, sizes):
    ordered = merged(records)
    at = int(len(ordered) * cut)
    whole, late = Bench(reference=REFERENCE, sweep_every_ms=NEVER), Bench(reference=REFERENCE, sweep_every_ms=NEVER, catalogue=without(rule))
    whole.feed(ordered[:at])
    late.feed(ordered[:at])
    others = late.state() if at else {}
    untouched = columns_of(late, CATALOGUE)
    log = list(late.log)
    late.log += filled(late, CATALOGUE, []).changes
    of_rows = {key: value for key, value in columns_of(late, CATALOGUE).items() if key[0] != "memory"}
    assert of_rows == {key: value for key, value in untouched.items() if key[0] != "memory"}, "without history nothing changes: running rules keep what they have gathered"
    late.log = log
    result = filled(late, CATALOGUE, ordered[:at], sizes=tuple(sizes))
    late.log += result.changes
    assert {key: late.state().get(key) for key in others if key.startswith((b"clock", b"customer.seen", b"customer.ids"))} == {
        key: value for key, value in others.items() if key.startswith((b"clock", b"customer.seen", b"customer.ids"))
    }, "clock, offsets and remembered ids are not touched"
    assert not any(reach.shared for reach in result.reaches.values())
    gone_live(late, CATALOGUE)
    if at:
        assert columns_of(late, CATALOGUE) == columns_of(whole, CATALOGUE)
    expected, found = whole.feed(ordered[at:]) + whole.advance(end_of(records)), late.feed(ordered[at:]) + late.advance(end_of(records))
    assert seen(found) == seen(expected)
    assert columns_of(late, CATALOGUE) == columns_of(whole, CATALOGUE)


@cache
def city() -> tuple[Raws, Reference]:
    import tempfile
    from pathlib import Path

    town = City(7, 12, MIDNIGHT)
    with tempfile.TemporaryDirectory() as folder:
        town.write_reference(Path(folder))
        reference = Reference.load(Path(folder))
    return merged_quickly([orjson.loads(raw.value) for raw in town.records(40)]), reference


def merged_quickly(records: Raws) -> Raws:
    """Records in the order in which a backlog is merged; those of the city come in time in each topic."""
    return sorted(records, key=lambda record: (epoch_of(record), TOPICS.index(TOPIC_OF[record["record_type"]])))


def epoch_of(record: dict[str, Any]) -> int:
    at = record["event_time"]
    return at if isinstance(at, int) else epoch_ms(at)


@cache
def city_whole() -> tuple[Counter[Any], dict[Any, Any], int]:
    """The second part's events, the state at its end, and the cut, with all rules from the beginning."""
    records, reference = city()
    whole = Bench(reference=reference, sweep_every_ms=NEVER)
    at = len(records) * 3 // 4
    whole.feed(records[:at])
    found = whole.feed(records[at:]) + whole.advance(epoch_of(records[-1]) + 40 * DAY)
    return seen(found), columns_of(whole, CATALOGUE), at


KINDS = {
    "a mean of 28 days": "data.surge",
    "a window": "balance.rapid_drop",
    "a pair": "topup.rescued",
    "an absence": "topup.missing_after_depletion",
    "a session": "web.session_closed",
    "a streak": "bill.rising",
    "a deadline": "bill.due_soon",
    "once": "topup.first",
    "a rule on another event": "milestone.day_7",
    "a place": "travel.trip_started",
    "silence": "voice.silent",
    "a level": "balance.low",
    "weeks": "churn.activity_decay",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_city_goes_on_as_if_the_rule_had_been_installed_all_along(kind):
    expected, state, at = city_whole()
    records, reference = city()
    late = Bench(reference=reference, sweep_every_ms=NEVER, catalogue=without(KINDS[kind]))
    late.feed(records[:at])
    result = filled(late, CATALOGUE, records[:at], sizes=(700, 80))
    assert not any(reach.shared for reach in result.reaches.values())
    late.log += result.changes
    gone_live(late, CATALOGUE)
    found = late.feed(records[at:]) + late.advance(epoch_of(records[-1]) + 40 * DAY)
    assert seen(found) == expected
    assert columns_of(late, CATALOGUE) == state


@pytest.mark.parametrize("sweep_every_ms", [NEVER, HOUR])
def test_all_rules_at_once_but_one(sweep_every_ms):
    """A catalogue of one rule grows by all the others. When rows are freed is seen in the state alone."""
    expected, state, at = city_whole()
    records, reference = city()
    late = Bench(reference=reference, sweep_every_ms=sweep_every_ms, catalogue=CATALOGUE.chosen(only=["care.call_started"]))
    late.feed(records[:at])
    late.log += filled(late, CATALOGUE, records[:at]).changes
    gone_live(late, CATALOGUE)
    found = late.feed(records[at:]) + late.advance(epoch_of(records[-1]) + 40 * DAY)
    assert seen(found) == expected
    assert sweep_every_ms != NEVER or columns_of(late, CATALOGUE) == state


def test_without_it_the_rule_is_blind():
    """What the tests above would see."""
    _, state, at = city_whole()
    records, reference = city()
    late = Bench(reference=reference, sweep_every_ms=NEVER, catalogue=without("data.surge"))
    late.feed(records[:at])
    gone_live(late, CATALOGUE)
    late.feed(records[at:])
    late.advance(epoch_of(records[-1]) + 40 * DAY)
    assert columns_of(late, CATALOGUE) != state


# At the seam


def money(number: int, at: int, delta: int = -100, **more: Any) -> dict[str, Any]:
    return {**charge(1000, -delta, "10:00"), "record_id": f"m{number}", "event_time": at, "delta": delta, "balance_after": 5000, **more}


NOON = epoch_ms(moment("10:00"))


def test_what_is_read_elsewhere_is_not_taken_twice():
    """A file that goes on behind the seam: later records, and late ones that still wait in the topic, come with the live run."""
    history = [money(n, NOON + n * HOUR) for n in range(5)]
    waiting = [money(7, NOON + HOUR + 1)]
    file = [*history, *waiting, money(8, NOON + 6 * HOUR)]
    bench = Bench(catalogue=without("balance.rapid_drop"))
    bench.feed(history)
    target = target_of(bench, CATALOGUE)
    chosen = choose(stored_of(bench), target, CATALOGUE, ())
    assert chosen.events == ["balance.rapid_drop"]
    live = names_of(run_of(waiting))
    filling = Filling(donor_of(bench, target, CATALOGUE, chosen.events))
    feed(filling, "raw.billing", file, until_ms=target.clock, live=live)
    assert filling.counts == Counter(taken=5, live=2, refused=0, before=0)
    [*filling.end(target.clock)]
    bench.log += fill(target, filling, chosen, CATALOGUE).changes
    gone_live(bench, CATALOGUE)
    whole = Bench()
    whole.feed(history)
    for records in (waiting, file[-1:]):
        assert seen(bench.feed(records)) == seen(whole.feed(records))
    assert columns_of(bench, CATALOGUE) == columns_of(whole, CATALOGUE)


def run_of(records: Raws) -> Any:
    values = [orjson.dumps(record) for record in records]
    return decode_chunk(
        "raw.billing", 0, range(len(values)), [record["customer_id"].encode() for record in records], values, next_offset=len(values), latest_ms=None, max_bytes=1_000_000
    )


def test_records_of_other_customers_with_the_same_id_are_others():
    one, other = money(1, NOON), money(1, NOON, customer_id="C2")
    first, second, third = names_of(run_of([one, other, {**one, "delta": -5}])).tolist()
    assert first != second
    assert first == third, "the name of a record is not its content"


def test_a_repeat_of_a_record_before_the_seam_is_dropped_behind_it():
    bench = Bench(catalogue=without("balance.rapid_drop"))
    history = [money(n, NOON + n * 60_000, -3000) for n in range(1)]
    bench.feed(history)
    bench.log += filled(bench, CATALOGUE, history).changes
    gone_live(bench, CATALOGUE)
    assert "balance.rapid_drop" not in [one.event for one in bench.feed(history)]
    assert bench.counters["duplicate"] == 1


# Begun again


def test_a_backfill_that_was_killed_is_begun_again_and_gives_the_same():
    records, reference = city()
    at = len(records) // 4
    early = records[:at]
    whole = Bench(reference=reference, sweep_every_ms=NEVER)
    whole.feed(early)
    late = Bench(reference=reference, sweep_every_ms=NEVER, catalogue=without("data.surge"))
    late.feed(early)
    result = filled(late, CATALOGUE, early)
    assert len(result.changes) > 30
    head = orjson.loads(dict(late.log)[HEAD_KEY])
    half = [
        *[*result.changes][: len(result.changes) // 2],
        (HEAD_KEY, orjson.dumps({**head, "unfinished": msgspec.to_builtins(result.unfinished)})),
    ]
    late.log += half
    with pytest.raises(StateRefused, match=r"'kairos backfill' was stopped while it wrote data.silent, data.surge: run it again before a worker starts"):
        gone_live(late, CATALOGUE)
    again = filled(late, CATALOGUE, early)
    assert again.unfinished == result.unfinished, "it goes on with the same rules and columns"
    late.log += [*again.changes, (HEAD_KEY, orjson.dumps(head))]
    gone_live(late, CATALOGUE)
    assert columns_of(late, CATALOGUE) == columns_of(whole, CATALOGUE)


def test_a_named_rule_that_runs_already_is_filled_again_and_nothing_else_changes():
    """By its name what it has gathered alone is replaced; a second time changes nothing."""
    records, reference = city()
    early = records[: len(records) // 4]
    whole, blind = Bench(reference=reference, sweep_every_ms=NEVER), Bench(reference=reference, sweep_every_ms=NEVER, catalogue=without("voice.silent"))
    whole.feed(early)
    blind.feed(early)
    gone_live(blind, CATALOGUE)
    before = columns_of(blind, CATALOGUE)
    assert before != columns_of(whole, CATALOGUE)
    assert not choose(stored_of(blind), target_of(blind, CATALOGUE), CATALOGUE, ()).events, "the plan calls it carried"
    for _ in range(2):
        blind.log += filled(blind, CATALOGUE, early, ("voice.silent",)).changes
        after = columns_of(blind, CATALOGUE)
        assert after == columns_of(whole, CATALOGUE)


OWN = {
    "topup.first": ("line.marks.topup: topup.first.",),
    "net.unreachable": ("line.VMDG: absence.8644739d.", "line.absence.8644739d.", "line.marks.net: net.unreachable."),
}
"""Rules, and how the places of what they alone have gathered begin: a mark; timers with their texts and lists."""


@pytest.mark.parametrize("rule", OWN)
def test_what_the_history_does_not_have_is_gone_of_the_named_rule_and_of_no_other(rule):
    records, reference = city()
    bench = Bench(reference=reference, sweep_every_ms=NEVER)
    bench.feed(records[: len(records) // 4])
    before = rows_of(bench)
    own = {key for key in before if f"{key[0]}: {key[1]}".startswith(OWN[rule])}
    assert own
    bench.log += filled(bench, CATALOGUE, [], (rule,)).changes
    assert rows_of(bench) == {key: value for key, value in before.items() if key not in own}


def rows_of(bench: Bench) -> dict[Any, Any]:
    """The same as `columns_of`, without how far back it reaches."""
    return {key: value for key, value in columns_of(bench, CATALOGUE).items() if key[0] != "memory"}


def test_a_rule_that_is_not_installed_would_be_dropped():
    """The definitions of another folder were forgotten: its state would be deleted."""
    bench = Bench()
    bench.feed([money(1, NOON)])
    fewer = without("balance.rapid_drop")
    chosen = choose(stored_of(bench), target_of(bench, fewer), fewer, ())
    assert "balance.rapid_drop" in lost_by(chosen, fewer)
    assert not lost_by(choose(stored_of(bench), target_of(bench, CATALOGUE), CATALOGUE, ()), CATALOGUE)


# How far back


def said(bench: Bench, history: Raws, *, since: int = 0, cut: bool = False, catalogue: Catalogue = CATALOGUE, named: tuple[str, ...] = ()) -> dict[str, str]:
    target = target_of(bench, catalogue)
    chosen = choose(stored_of(bench), target, catalogue, named)
    filling = Filling(donor_of(bench, target, catalogue, sorted(chosen.with_needs)), since)
    if cut:
        filling.whole.clear()
    replayed(filling, history, target.clock, [100])
    return {event: reach.said(event) for event, reach in fill(target, filling, chosen, catalogue).reaches.items()}


def test_the_report_says_since_when_the_state_is_complete():
    history = [money(n, NOON + n * 10 * 60_000) for n in range(12)]
    bench = Bench(catalogue=without("balance.rapid_drop"))
    bench.feed(history)
    assert said(bench, history) == {"balance.rapid_drop": "balance.rapid_drop: complete, from the very first record"}
    end = NOON + 110 * 60_000
    (later,) = said(bench, history, since=end - 25 * HOUR).values()
    assert later == "balance.rapid_drop: complete, from the very first record", "nothing was left out"
    (deleted,) = said(bench, history[6:], cut=True).values()
    assert deleted == "balance.rapid_drop: reaches back to 2026-05-01T03:00:00.000Z: complete from 2026-05-02T03:00:00.000Z of the shard's clock", "it cools for a day"
    (short,) = said(bench, history, since=NOON + 1).values()
    assert short == "balance.rapid_drop: reaches back to 2026-05-01T02:10:00.000Z: complete from 2026-05-02T02:10:00.000Z of the shard's clock"


def test_counts_of_all_time_say_from_when_they_count():
    history = [money(n, NOON + n * HOUR, 500, operation="topup", charge_reason=None) for n in range(3)]
    bench = Bench(catalogue=CATALOGUE.shut_off(["topup.first", "milestone.topup_count"]))
    bench.feed(history)
    sentences = said(bench, history[1:], cut=True)
    assert sentences["topup.first"] == "topup.first: counts from 2026-05-01T03:00:00.000Z on; what came before is not known"


def test_a_frame_that_was_made_longer_is_filled_when_its_rule_is_named():
    longer = Catalogue.load(overrides={"balance.rapid_drop": {"window": 10 * HOUR}})
    history = [money(n, NOON + n * HOUR) for n in range(5)]
    bench, whole = Bench(), Bench(catalogue=longer)
    bench.feed(history)
    whole.feed(history)
    assert columns_of(bench, longer) != columns_of(whole, longer)
    bench.log += filled(bench, longer, history, ("balance.rapid_drop",)).changes
    assert columns_of(bench, longer) == columns_of(whole, longer)


def test_a_frame_that_a_running_rule_shares_is_left_and_said_where_the_history_is_shorter():
    """Sums of days that `data.silent` has gathered for weeks are not replaced by those of five days."""
    records, reference = city()
    early = records[: len(records) // 2]
    late = Bench(reference=reference, sweep_every_ms=NEVER, catalogue=without("data.surge"))
    late.feed(early)
    before = columns_of(late, CATALOGUE)
    sentences = said(late, early, since=epoch_of(early[-1]) - 5 * DAY)
    assert sentences["data.surge"].startswith("data.surge: what it shares with data.silent reaches back less far than it needs: left as it is")
    part = "line.days.5e31b3a6"
    target = target_of(late, CATALOGUE)
    chosen = choose(stored_of(late), target, CATALOGUE, ())
    filling = Filling(donor_of(late, target, CATALOGUE, sorted(chosen.with_needs)), epoch_of(early[-1]) - 5 * DAY)
    replayed(filling, early, target.clock, [1000])
    late.log += fill(target, filling, chosen, CATALOGUE).changes
    after = columns_of(late, CATALOGUE)
    assert any(key[0] == part for key in before)
    assert {key: value for key, value in after.items() if key[0] == part} == {key: value for key, value in before.items() if key[0] == part}


def test_history_that_holds_fewer_records_than_the_state_has_seen_is_not_all_there_ever_was():
    """Offsets say that nothing was deleted; the ledger of the state says more."""
    history = [money(n, NOON + n * 10 * 60_000) for n in range(12)]
    bench = Bench(catalogue=without("balance.rapid_drop"))
    bench.feed(history)
    (sentence,) = said(bench, history[6:]).values()
    assert sentence.startswith("balance.rapid_drop: reaches back to 2026-05-01T03:00:00.000Z")


# Lost state, and events of the history


def test_a_lost_state_is_rebuilt_from_history():
    records, reference = city()
    early = records[: len(records) // 4]
    whole = Bench(reference=reference, sweep_every_ms=NEVER)
    whole.feed(early)
    lost = Bench(reference=reference, sweep_every_ms=NEVER)
    filling = Filling(lost._new())
    rows: dict[bytes, bytes | None] = {}
    for topic in TOPICS:
        feed(filling, topic, [record for record in early if TOPIC_OF[record["record_type"]] == topic])
    for step in filling.end(0):
        rows.update(step.rows)
    result = rebuilt(filling.donor, filling, [b"line\x1eleft over", HEAD_KEY], rows, CATALOGUE)
    changes = result.changes
    assert {reach.known_from for reach in result.reaches.values()} == {0}
    assert (b"line\x1eleft over", None) in changes
    lost.log += [(b"line\x1eleft over", b"old"), *changes, (HEAD_KEY, rows[HEAD_KEY])]
    assert lost.state() == whole.state()
    lost.restart()
    expected, found = whole.feed(records[len(early) :][:2000]), lost.feed(records[len(early) :][:2000])
    assert seen(found) == seen(expected)
    assert found


def test_events_of_the_history_go_to_the_missed_topic_or_nowhere():
    history = [call(f"10:{minute:02d}", "no_answer", direction="mt") for minute in range(0, 50, 10)]
    bench = Bench(catalogue=without("voice.missed_calls"))
    bench.feed(history)
    target = target_of(bench, CATALOGUE)
    filling = Filling(donor_of(bench, target, CATALOGUE, ["voice.missed_calls"]))
    found = replayed(filling, history, target.clock, [2])
    (message,) = missed(found, "op1", frozenset({"voice.missed_calls"}), 3)
    assert message.topic == MISSED
    assert dict(message.headers)["reason"] == b"backfill"
    assert dict(message.headers)["topic"] == b"customer-events.voice"
    assert missed(found, "op1", frozenset(), 3) == []


def test_the_head_row_carries_what_is_unfinished():
    head = Head(unfinished=Unfinished(["a.b"], ["a.b"], ["line.V: x"])).moved({"raw.usage": 1}, {})
    assert head.unfinished == Unfinished(["a.b"], ["a.b"], ["line.V: x"])
    assert len(RECORD_TYPES) == len(set(TOPIC_OF))
