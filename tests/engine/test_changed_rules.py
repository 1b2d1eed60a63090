"""State survives changed rules: what was gathered for the same is carried, the rest begins again, is deleted, or is refused.

State is named by what it was gathered for, re-arm marks by the event (`docs/adr/0008`).
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from events.stories import call, charge, moment, session
from streams.definitions.catalogue import Catalogue
from streams.definitions.loading import event_of, sources_of_folder
from streams.engine.engine import Engine, EngineSettings
from streams.engine.home import fingerprint
from streams.engine.state.codec import StateRefused
from streams.tools.plan import Line, Stored, in_words, plan
from tests.shards import CATALOGUE, REFERENCE, Bench, epoch_ms
from tests.streams.records import good

NOON = epoch_ms("2026-05-01T12:00:00+08:00")
HOUR = 3_600_000
NAMES = Path(__file__).parent / "state_names.txt"
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


SHARING = {"topup.first": "milestone.topup_count"}
"""What keeps state of the same meaning for an event, so that the state is not dropped with it."""
ALONE = Catalogue.load(only=[e.id for e in CATALOGUE if e.id not in SHARING.values()])


def without(event: str) -> Catalogue:
    return Catalogue.load(only=[e.id for e in CATALOGUE if e.id not in (event, SHARING.get(event), "topup.missing_after_depletion")])


def test_a_retuned_rule_keeps_its_state():
    """Un-armed under the old mark stays un-armed under the new one, until the new release."""
    bench = Bench()
    assert "balance.low" in seen(bench.feed([money(0, -300, 900)]))
    retuned = carried_to(bench, Catalogue.load(overrides={"balance.low": {"low": 800, "rearm": 1200}}))
    assert "balance.low" not in seen(retuned.feed([money(1, -200, 700)]))
    retuned.feed([money(2, 600, 1300)])
    assert "balance.low" in seen(retuned.feed([money(3, -600, 700)]))


def test_a_removed_rule_changes_nothing_for_the_others_and_returns_without_memory():
    bench = Bench(catalogue=ALONE)
    assert "topup.first" in seen(bench.feed([money(0, 500, 900)]))
    fewer = carried_to(bench, without("topup.first"))
    assert seen(fewer.feed([money(1, -1, 899)])) == []
    fewer.feed([money(2, 5000, 5899)])
    again = carried_to(fewer, ALONE)
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


def planned(bench: Bench, catalogue: Catalogue, event: str) -> list[Line]:
    """The lines about one event."""
    return [line for line in plan(stored_of(bench), engine_of(catalogue), catalogue) if event in line.events]


def test_the_plan_says_what_is_carried_new_and_dropped_before_it_happens():
    bench = Bench(catalogue=without("balance.rapid_drop"))
    bench.feed([money(0, -300, 900), money(1, 300, 1200, at=NOON - HOUR + 1)])
    assert {line.becomes for line in planned(bench, bench.catalogue, "balance.low")} == {"carried"}
    new = planned(bench, CATALOGUE, "balance.rapid_drop")
    assert new
    assert {line.becomes for line in new} == {"new"}
    assert any(line.note.startswith("warm from 2026-05-01T05:00:00") for line in new)
    bench = Bench(catalogue=without("milestone.topup_count"))
    bench.feed([money(0, -300, 900), money(1, 300, 1200, at=NOON - HOUR + 1)])
    dropped = [line for line in plan(stored_of(bench), engine_of(without("topup.first")), without("topup.first")) if line.becomes == "dropped"]
    assert {line.owner for line in dropped} == {"topup.first"}
    assert all(line.rows == 1 for line in dropped)
    words = list(in_words(dropped))
    assert "topup.first: dropped: what it counts and adds up of all time, when it was last published (deleted at the first start; empty if it is installed again)" in words


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


def notes(bench: Bench, catalogue: Catalogue, event: str) -> set[str]:
    return {line.note for line in planned(bench, catalogue, event) if line.becomes == "carried"} - {""}


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


def test_counts_of_all_time_go_on_when_other_ordinals_are_asked_for(tmp_path):
    """The threshold is no part of the count: lines that were counted before have their own ordinals."""
    bench = Bench()
    bench.feed([money(0, 100, 900), money(1, 100, 1000)])
    third = with_source(tmp_path, "topup.first", **{"all_topups.nth() == 1": "all_topups.count().isin(1, 3)", "    rearm = once\n": ""})
    assert {line.becomes for line in planned(bench, third, "topup.first") if "ever." in line.column} == {"carried"}
    retuned = carried_to(bench, third)
    assert seen(retuned.feed([money(3, 100, 1200), money(4, 100, 1300)])).count("topup.first") == 1


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
    low = next(name for name, events in other.shard.engine.state.owners.items() if name.startswith("crossing.") and "balance.low" in events)
    found = [(table, part) for table in other.shard.engine.state.tables.values() for part in table.parts.values() if f"{low}.newest" in part.columns]
    (table, part) = found[0]
    part.columns[f"{low}.newest"].kind = "text"
    part.build(table.size)
    (refused,) = [line for line in plan(stored_of(bench), other.shard.engine, CATALOGUE) if line.becomes == "refused"]
    assert "balance.low" in refused.owner
    assert "give the new column a new name" in refused.note
    other.shard.restore([(key, value) for key, value in bench.log if value is not None])
    with pytest.raises(StateRefused, match="stored as time"):
        other.shard.restored()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"partitions": 8}, "wanted partitions 4, it was written with 8"),
        ({"format": 1}, "wanted format 4, it was written with 1: state of another edition cannot be read; run the version that wrote it"),
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
    (line,) = plan(stored_of(bench), other.shard.engine, CATALOGUE)
    assert (line.becomes, line.owner) == ("refused", "(every installation)")
    assert line.note in str(caught.value)


def test_a_missing_layout_is_refused():
    bench = Bench()
    bench.feed([money(0, -300, 900)])
    other = Bench()
    other.shard.restore([(key, value) for key, value in bench.log if value is not None and not key.startswith(b"layout")])
    with pytest.raises(StateRefused, match="layout .* is not in the changelog"):
        other.shard.restored()


OFTEN = '''"""So many calls of a kind in a while."""
from events.stories import call
from events.words import V
from streams.define import Case, Detail, Event, Param, cool, edge


class Often(Event, by="line"):
    window = Param("24h", ge="1s", doc="how long calls are counted")
    least = Param(3, unit="calls", ge=1, doc="so many are often")

    kind = V.where({condition})
    recent = kind.within(window)
    when = kind.where(recent.count() >= least)
    rearm = cool("7d")
    detail = Detail(calls=recent.count())


CASES = [Case("none", [], []), Case("one", [call("10:00", "dropped")], [])]
'''
INCOMING, DROPPED = 'V.direction == "mt"', 'V.outcome == "dropped", V.direction == "mo"'


def often(folder: Path, condition: str, **values: int) -> Catalogue:
    """The installed rules and `voice.often`, about calls for which `condition` is true."""
    where = folder / fingerprint(condition) / "mine" / "voice"
    where.mkdir(parents=True, exist_ok=True)
    (where / "often.py").write_text(OFTEN.format(condition=condition))
    for name in [name for name in sys.modules if name.split(".")[0] == "mine"]:
        del sys.modules[name]
    return Catalogue.load([str(where.parent)], overrides={"voice.often": values} if values else None)


def incoming(*times: str):
    return [call(time, direction="mt", record_id=f"in-{time}") for time in times]


def dropped(*times: str):
    return [call(time, "dropped", direction="mo", record_id=f"drop-{time}") for time in times]


def often_in(found):
    return [detection.detail["calls"] for detection in found if detection.event == "voice.often"]


def test_state_of_a_changed_condition_begins_again(tmp_path):
    """Two incoming calls are no dropped ones: "three dropped calls" at the first ever must not happen."""
    bench = Bench(catalogue=often(tmp_path, INCOMING))
    bench.feed(incoming("10:00", "10:01"))
    other = often(tmp_path, DROPPED)
    (line,) = [line for line in planned(bench, other, "voice.often") if line.becomes == "restarted" and "newest" in line.column]
    assert line.note.startswith("its condition, value or key changed; warm from ")
    assert any(text.startswith("voice.often: begins again: what it counts and adds up (its condition, value or key changed; warm from") for text in in_words([line]))
    changed = carried_to(bench, other)
    assert often_in(changed.feed(dropped("10:02", "10:03"))) == []
    assert often_in(changed.feed(dropped("10:04"))) == [3]


def test_marks_of_the_last_event_are_carried_when_the_condition_changes(tmp_path):
    bench = Bench(catalogue=often(tmp_path, INCOMING))
    assert often_in(bench.feed(incoming("10:00", "10:01", "10:02"))) == [3]
    other = often(tmp_path, DROPPED)
    assert [line.column for line in planned(bench, other, "voice.often") if line.becomes == "carried"] == ["line.marks.voice: voice.often.0.emitted"]
    changed = carried_to(bench, other)
    assert often_in(changed.feed(dropped("10:03", "10:04", "10:05", "10:06"))) == [], "published less than 7 days ago"
    assert often_in(changed.feed(dropped("8 10:03", "8 10:04", "8 10:05"))) == [3]


def test_a_threshold_and_a_longer_window_carry_what_was_counted(tmp_path):
    bench = Bench(catalogue=often(tmp_path, DROPPED))
    bench.feed(dropped("10:00", "10:01"))
    other = often(tmp_path, DROPPED, least=4, window=48 * HOUR)
    assert {line.becomes for line in planned(bench, other, "voice.often")} == {"carried"}
    retuned = carried_to(bench, other)
    assert often_in(retuned.feed(dropped("10:02"))) == []
    assert often_in(retuned.feed(dropped("2 10:30"))) == [4]


def test_workers_of_two_versions_one_after_the_other(tmp_path):
    """What a rule gathered is deleted by the first start with the other version; all other rules go on, and so do the marks of the event."""
    first, second = often(tmp_path, INCOMING), often(tmp_path, DROPPED)
    bench = Bench(catalogue=first)
    assert "balance.low" in seen(bench.feed([*incoming("10:00", "10:01"), charge(1200, 900, "10:01")]))
    rolled = carried_to(bench, second)
    assert "balance.low" not in seen(rolled.feed([*dropped("10:02", "10:03"), *incoming("10:04"), charge(1200, 900, "10:04")]))
    back = carried_to(rolled, first)
    assert often_in(back.feed(incoming("10:05", "10:06"))) == [], "it counts from the start of the old version on"
    assert often_in(back.feed(incoming("10:07"))) == [3]


QUIET = '''"""No data for {days} days."""
from events.stories import session
from events.words import sessions
from streams.define import Case, Detail, Event


class {title}(Event, by="line"):
    when = sessions.silent("{days}d")
    detail = Detail(since=sessions.time)


CASES = [Case("none", [], []), Case("one", [session()], [])]
'''


def quiet(folder: Path, *days: int) -> Catalogue:
    where = folder / "-".join(map(str, days)) / "mine" / "data"
    where.mkdir(parents=True)
    for number in days:
        (where / f"quiet_{number}.py").write_text(QUIET.format(days=number, title=f"Quiet{number}"))
    return Catalogue.load([str(where.parent)])


def test_timers_of_a_removed_rule_do_not_pass_to_one_with_another_wait(tmp_path):
    bench = Bench(catalogue=quiet(tmp_path, 3, 5))
    bench.feed([session("10:00")])
    fewer = carried_to(bench, quiet(tmp_path, 5))
    assert seen(fewer.advance(epoch_ms(moment("4 23:00")))) == []
    assert seen(fewer.advance(epoch_ms(moment("6 10:01")))) == ["data.quiet_5"]


def test_the_names_of_state_are_those_of_earlier_releases():
    """A name that changes makes state begin again in every installation: that needs a reason, and a line in CHANGELOG.md."""
    names = "".join(f"{name} {' '.join(events)}\n" for name, events in sorted(engine_of(CATALOGUE).state.owners.items()))
    assert names == NAMES.read_text(), (
        f"the names of state differ from those in {NAMES.name}: what the built-in rules have gathered begins again with this release. If that is wanted, "
        f"write the new ones into the file and say so in CHANGELOG.md: .venv/bin/python -m tests.engine.test_changed_rules"
    )


if __name__ == "__main__":
    NAMES.write_text("".join(f"{name} {' '.join(events)}\n" for name, events in sorted(engine_of(CATALOGUE).state.owners.items())))
