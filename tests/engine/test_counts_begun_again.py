"""A count over a life that begins again, since its rule was changed, is unknown for keys that began before (semantics §1.8): no later one is published as a first."""

from __future__ import annotations

import sys

import pytest

from events.stories import call
from schemas.reference import Reference
from streams.definitions.catalogue import Catalogue
from streams.engine.engine import Engine, EngineSettings
from streams.engine.home import fingerprint
from streams.tools.plan import Stored, in_words, plan
from tests.engine.test_backfill import filled
from tests.shards import Bench

FIRST = '''"""The first call of a kind."""

from events.stories import call
from events.words import V
from streams.define import Case, Detail, Event


class FirstKind(Event, by="line"):
    kind = V.where({condition})
    when = kind.where(kind.{word}() == 1)
    detail = Detail(seconds=V.duration_s)


CASES = [Case("none", [], []), Case("one", [call("10:00", "dropped")], [{{"seconds": 60}}])]
'''
INCOMING, DROPPED = 'V.direction == "mt"', 'V.outcome == "dropped"'


def kinds(folder, condition, word="nth") -> Catalogue:
    """One rule, on the first call for which `condition` is true."""
    where = folder / fingerprint(condition + word) / "mine" / "voice"
    where.mkdir(parents=True, exist_ok=True)
    (where / "first_kind.py").write_text(FIRST.format(condition=condition, word=word))
    for name in [name for name in sys.modules if name.split(".")[0] == "mine"]:
        del sys.modules[name]
    return Catalogue.load([str(where.parent)], only=["voice.first_kind"])


@pytest.fixture
def lines(tmp_path) -> Reference:
    rows = ["S1,C1,A1,2026-04-01,", "S2,C1,A1,2026-05-01,", "S3,C1,A1,2026-05-02,", "S4,C1,A1,,", "S5,C9,A9,2019-01-01,", "S5,C1,A1,2019-01-01,2026-05-03T00:00:00+08:00"]
    (tmp_path / "lines.csv").write_text("\n".join(["subscription_id,customer_id,account_id,activation_date,valid_from", *rows]) + "\n", "utf-8")
    return Reference.load(tmp_path)


def incoming(*at: str, line: str = "S1"):
    return [call(time, direction="mt", subscription_id=line) for time in at]


def dropped(*at: str, line: str = "S1"):
    return [call(time, "dropped", subscription_id=line) for time in at]


def published(found) -> list[str]:
    return [one.key for one in found if one.event == "voice.first_kind"]


def changed_to(bench: Bench, catalogue: Catalogue) -> Bench:
    """The same application with another rule, which has written what it starts with."""
    other = Bench(catalogue=catalogue, reference=bench.reference)
    other.log, other.offsets = bench.log, bench.offsets
    other.restart()
    other.log += [pair for step in other.shard.migration(3) for pair in step.rows]
    return other


def running(tmp_path, lines) -> Bench:
    bench = Bench(catalogue=kinds(tmp_path, INCOMING), reference=lines)
    assert published(bench.feed(incoming("1 10:00", "1 11:00"))) == ["S1"]
    return bench


@pytest.mark.parametrize(("line", "greeted"), [("S1", []), ("S2", []), ("S3", ["S3"]), ("S4", []), ("S5", ["S5"]), ("S9", [])])
def test_only_lines_that_began_after_the_change_have_their_first_published(tmp_path, lines, line, greeted):
    """S2 was activated on the day of the change, S4 nobody knows when, S5 passed to the customer later, S9 is in no table."""
    changed = changed_to(running(tmp_path, lines), kinds(tmp_path, DROPPED))
    assert published(changed.feed(dropped("4 10:00", "4 11:00", line=line))) == greeted


def test_it_stays_unknown_after_a_restart_and_one_more_release(tmp_path, lines):
    changed = changed_to(running(tmp_path, lines), kinds(tmp_path, DROPPED))
    changed.feed(dropped("4 10:00", line="S3"))
    again = changed_to(changed, changed.catalogue)
    assert published(again.feed(dropped("5 10:00"))) == []
    back = changed_to(again, kinds(tmp_path, INCOMING))
    assert published(back.feed(incoming("6 10:00"))) == [], "its first count is gone, and was made again"


def test_a_rule_that_did_not_change_goes_on(tmp_path, lines):
    bench = running(tmp_path, lines)
    same = changed_to(bench, bench.catalogue)
    assert published(same.feed(incoming("2 10:00", line="S4"))) == ["S4"]


def test_what_is_new_publishes_what_it_sees_first(tmp_path, lines):
    """Nothing was published by a rule that was not there; what came before it, `history_from` says."""
    bench = Bench(catalogue=Catalogue.load(only=["voice.missed_calls"]), reference=lines)
    bench.feed(incoming("1 10:00"))
    assert published(changed_to(bench, kinds(tmp_path, INCOMING)).feed(incoming("2 10:00"))) == ["S1"]


def test_a_plain_count_goes_on_with_what_it_sees(tmp_path, lines):
    """`count()` makes no promise of a beginning."""
    bench = Bench(catalogue=kinds(tmp_path, INCOMING, "count"), reference=lines)
    bench.feed(incoming("1 10:00"))
    assert published(changed_to(bench, kinds(tmp_path, DROPPED, "count")).feed(dropped("4 10:00"))) == ["S1"]


def test_state_of_an_earlier_version_that_says_nothing_of_it_counts_from_the_beginning(tmp_path, lines):
    bench = running(tmp_path, lines)
    bench.log = [pair for pair in bench.log if not pair[0].startswith(b"memory")]
    assert published(changed_to(bench, bench.catalogue).feed(incoming("2 10:00", line="S4"))) == ["S4"]


@pytest.mark.parametrize(("left_out", "greeted"), [(0, ["S1"]), (1, [])])
def test_a_backfill_with_all_there_ever_was_makes_it_known(tmp_path, lines, left_out, greeted):
    bench, other = running(tmp_path, lines), kinds(tmp_path, DROPPED)
    history = [raw for time in ("1 10:00", "1 11:00") for raw in incoming(time)]
    bench.log += filled(bench, other, history[left_out:]).changes
    assert published(changed_to(bench, other).feed(dropped("4 10:00"))) == greeted


def test_the_plan_says_so_before_and_after(tmp_path, lines):
    bench, other = running(tmp_path, lines), kinds(tmp_path, DROPPED)

    def says(one: Bench) -> str:
        stored = Stored()
        stored.take(one.log)
        return "\n".join(in_words(plan(stored, Engine(other, lines, EngineSettings()), other)))

    assert "voice.first_kind: begins again: what it counts and adds up of all time (its condition, value or key changed; " in says(bench)
    assert "nth() is unknown for keys that began before: no later one is published as a first" in says(bench)
    assert "counted from 2026-05-01T03:00:00.000Z on: what came before is not known" in says(changed_to(bench, other))
