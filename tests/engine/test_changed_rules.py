"""State survives changed rules: columns are carried by name, new ones start empty, dropped ones are deleted, retyped ones refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.definitions.catalogue import Catalogue
from streams.definitions.loading import event_of, sources_of_folder
from streams.engine.engine import Engine, EngineSettings
from streams.engine.state.codec import StateRefused
from streams.tools.plan import Stored, plan
from tests.shards import CATALOGUE, REFERENCE, Bench, epoch_ms
from tests.streams.records import good

NOON = epoch_ms("2026-05-01T12:00:00+08:00")
HOUR = 3_600_000
PROJECT = Path(__file__).parent.parent.parent


def money(number, delta, after, at=NOON):
    operation = "charge" if delta < 0 else "topup"
    reason = {"charge_reason": "data"} if delta < 0 else {"charge_reason": None}
    return good("balance_change", record_id=f"r{number}", event_time=at + number * HOUR, delta=delta, balance_after=after, operation=operation, **reason)


def carried_to(bench: Bench, catalogue: Catalogue) -> Bench:
    """The same application with other definitions, restored from what was written; its migration is written too."""
    other = Bench(catalogue=catalogue)
    other.log, other.offsets = bench.log, bench.offsets
    other.restart()
    other.log += [pair for step in other.shard.migration(3) for pair in step.rows]
    return other


def seen(found):
    return [d.event for d in found]


def without(event: str) -> Catalogue:
    return Catalogue.load(only=[e.id for e in CATALOGUE if e.id not in (event, "topup.missing_after_depletion")])


def test_a_retuned_rule_keeps_its_state():
    """Un-armed under the old mark stays un-armed under the new one, until the new release."""
    bench = Bench()
    assert "balance.low" in seen(bench.feed([money(0, -300, 900)]))
    retuned = carried_to(bench, Catalogue.load(overrides={"balance.low": {"low": 800, "rearm": 1200}}))
    assert "balance.low" not in seen(retuned.feed([money(1, -200, 700)]))
    retuned.feed([money(2, 600, 1300)])
    assert "balance.low" in seen(retuned.feed([money(3, -600, 700)]))


def test_a_removed_rule_changes_nothing_for_the_others_and_returns_without_memory():
    bench = Bench()
    assert "topup.first" in seen(bench.feed([money(0, 500, 900)]))
    fewer = carried_to(bench, without("topup.first"))
    assert seen(fewer.feed([money(1, -1, 899)])) == []
    fewer.feed([money(2, 5000, 5899)])
    again = carried_to(fewer, CATALOGUE)
    found = seen(again.feed([money(3, 100, 5999)]))
    assert "topup.first" in found, "its count was deleted: it starts again, as the plan said"
    assert "topup.completed" in found


def test_roll_forward_and_back_at_once_changes_nothing():
    """New rules come and go: the state of the old ones is the same, byte by byte."""
    bench = Bench(catalogue=without("balance.rapid_drop"))
    bench.feed([money(0, -300, 900)])
    before = {key: value for key, value in dict(bench.log).items() if value is not None and not key.startswith(b"layout")}
    more = carried_to(bench, Catalogue.load())
    back = carried_to(more, bench.catalogue)
    after = {key: value for key, value in dict(back.log).items() if value is not None and not key.startswith(b"layout")}
    assert after == before


def stored_of(bench: Bench) -> Stored:
    stored = Stored()
    stored.take(bench.log)
    return stored


def engine_of(catalogue: Catalogue) -> Engine:
    return Engine(catalogue, REFERENCE, EngineSettings())


def test_the_plan_says_what_is_carried_new_and_dropped_before_it_happens():
    bench = Bench(catalogue=without("balance.rapid_drop"))
    bench.feed([money(0, -300, 900), money(1, -1, 899, at=NOON - HOUR + 1)])
    same = plan(stored_of(bench), engine_of(bench.catalogue), bench.catalogue)
    assert {line.becomes for line in same if line.owner == "balance.low"} == {"carried"}
    more = plan(stored_of(bench), engine_of(CATALOGUE), CATALOGUE)
    new = [line for line in more if line.owner == "balance.rapid_drop"]
    assert new
    assert all(line.becomes == "new" and line.note.startswith("warm from 2026-05-01T05:00:00") for line in new)
    fewer = without("topup.first")
    dropped = [line for line in plan(stored_of(bench), engine_of(fewer), fewer) if line.becomes == "dropped"]
    assert {line.owner for line in dropped} == {"topup.first"}
    assert all(line.rows == 1 for line in dropped)


def with_source(folder: Path, event: str, **changes: str) -> Catalogue:
    """The catalogue with one built-in event's text changed, as an author would in the file."""
    family, name = event.split(".")
    text = (PROJECT / "events" / family / f"{name}.py").read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    where = folder / family
    where.mkdir(parents=True)
    (where / f"{name}.py").write_text(text)
    others = [other for other in CATALOGUE if other.id != event]
    faults: list[str] = []
    (changed,) = [event_of(source, set(), faults) for source in sources_of_folder(folder, faults)]
    assert not faults
    return Catalogue([*others, changed])


def notes(bench: Bench, catalogue: Catalogue, owner: str) -> set[str]:
    return {line.note for line in plan(stored_of(bench), engine_of(catalogue), catalogue) if line.owner == owner and line.becomes == "carried"} - {""}


def test_the_plan_shows_when_a_longer_window_is_complete_and_a_restart_keeps_it():
    bench = Bench()
    bench.feed([money(0, -300, 900), money(1, -1, 899), money(2, -1, 898)])
    longer = Catalogue.load(overrides={"balance.rapid_drop": {"window": 10 * HOUR}})
    shorter = Catalogue.load(overrides={"balance.rapid_drop": {"window": HOUR // 2}})
    assert notes(bench, CATALOGUE, "balance.rapid_drop") == notes(bench, shorter, "balance.rapid_drop") == set()
    (note,) = notes(bench, longer, "balance.rapid_drop")
    expected = "reaches back to 2026-05-01T05:00:00.000Z: complete from 2026-05-01T15:00:00.000Z of the shard's clock"
    assert note == expected
    retuned = carried_to(bench, longer)
    assert notes(retuned, longer, "balance.rapid_drop") == {expected}
    retuned.feed([money(9, -1, 897)])
    assert notes(retuned, longer, "balance.rapid_drop") == {expected}, "it was longer already, and is not complete yet"
    retuned.feed([money(13, -1, 896), money(14, -1, 895)])
    assert notes(retuned, longer, "balance.rapid_drop") == set(), "complete"


def test_timers_that_are_set_keep_their_due_time():
    bench = Bench()
    bench.feed([money(0, -900, 0), money(1, -1, 0, at=NOON - HOUR + 1)])
    sooner = Catalogue.load(overrides={"topup.missing_after_depletion": {"T": 5 * HOUR}})
    assert notes(bench, sooner, "topup.missing_after_depletion") == {"timers that are set keep their due time; the next record sets them again"}
    retuned = carried_to(bench, sooner)
    assert retuned.advance(NOON + 23 * HOUR) == []
    assert seen(retuned.advance(NOON + 25 * HOUR)) == ["topup.missing_after_depletion"]


def test_a_key_at_the_end_of_its_count_never_reaches_a_later_ordinal(tmp_path):
    bench = Bench()
    bench.feed([money(0, 100, 900), money(1, 100, 1000), money(2, 100, 1100)])
    third = with_source(tmp_path, "topup.first", **{"nth(1)": "nth(1, 3)", "    rearm = once()\n": ""})
    (note,) = notes(bench, third, "topup.first")
    assert note.startswith("counted to 1 until now")
    retuned = carried_to(bench, third)
    found = retuned.feed([money(3, 100, 1200), money(4, 100, 1300), money(5, 100, 1400)])
    assert "topup.first" not in seen(found), "it was topped up three times before, not once"
    other = {"customer_id": "C2", "account_id": "A2", "subscription_id": "S2"}
    fresh = [{**money(number, 100, 500 + number), **other} for number in (6, 7, 8)]
    assert seen(retuned.feed(fresh)).count("topup.first") == 2


def test_events_that_share_a_primitive_can_be_removed_one_by_one():
    """The place of a line has a name of its own."""
    bench = Bench()
    bench.feed([good("location_update", record_id=f"g{n}", event_time=NOON + n * HOUR, cell_id="310000-1", roaming=False) for n in range(2)])
    fewer = without("travel.city_changed")
    assert not [line for line in plan(stored_of(bench), engine_of(fewer), fewer) if line.becomes == "dropped" and "place" in line.column]


def test_a_retyped_column_is_refused_by_the_plan_and_at_the_start():
    bench = Bench()
    bench.feed([money(0, -300, 900)])
    other = Bench()
    column = next(name for name in other.shard.engine.state.tables["line"].parts["line"].columns if name.startswith("balance.low"))
    part = other.shard.engine.state.tables["line"].parts["line"]
    part.columns[column].kind = "text"
    part.build(other.shard.engine.state.tables["line"].size)
    (refused,) = [line for line in plan(stored_of(bench), other.shard.engine, CATALOGUE) if line.becomes == "refused"]
    assert refused.owner == "balance.low"
    assert "give the new column a new name" in refused.note
    other.shard.restore([(key, value) for key, value in bench.log if value is not None])
    with pytest.raises(StateRefused, match="stored as time"):
        other.shard.restored()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"partitions": 8}, "wanted partitions 4, it was written with 8"),
        ({"format": 9}, "wanted format 1, it was written with 9"),
    ],
)
def test_state_written_under_other_facts_is_refused_with_what_to_do(change, says):
    bench = Bench()
    bench.shard.engine.state.facts |= change
    bench.feed([money(0, -300, 900)])
    other = Bench()
    other.shard.engine.state.facts["partitions"] = 4
    other.shard.restore([(key, value) for key, value in bench.log if value is not None])
    with pytest.raises(StateRefused, match=says) as caught:
        other.shard.restored()
    assert "start with another --app" in str(caught.value)


def test_a_missing_layout_is_refused():
    bench = Bench()
    bench.feed([money(0, -300, 900)])
    other = Bench()
    other.shard.restore([(key, value) for key, value in bench.log if value is not None and not key.startswith(b"layout")])
    with pytest.raises(StateRefused, match="layout .* is not in the changelog"):
        other.shard.restored()
