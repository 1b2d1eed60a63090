"""A rule that raises an error is shut off by name; its records go on for the others, whose events and state are as without it."""

from __future__ import annotations

import asyncio

import pytest

from events.stories import charge, moment, topup
from streams.definitions.catalogue import Catalogue
from streams.emit import event_id
from streams.engine.engine import RuleFailed
from streams.engine.features.members import MemberStage
from streams.isolation import isolate, shut_off
from streams.shard import StepFailed
from tests.shards import CATALOGUE, Bench, details, epoch_ms

RULE = '''"""A rule that raises at some amounts, which the rehearsal does not try."""
from events.balance.depleted import Depleted
from events.stories import charge
from events.words import B, charges, main
from streams.define import Case, Detail, Event, cool, edge
from streams.engine.expression import Expr


class Fragile(Expr):
    kind = "int"
    nullable = False

    def __init__(self, node):
        self.node = node

    def children(self):
        return (self.node,)

    def column(self, env):
        found = env.column(self.node)
        if (found.values == {odd}).any():
            raise ValueError("+8613912345678")
        return found

    def __str__(self):
        return "fragile"


recent = charges.within("24h")


class Poison(Event, by="line"):
    when = {when}
    rearm = {rearm}

    detail = Detail(shown={shown})


CASES = [Case("a charge", [charge(900, 0)], [{{}}]), Case("none", [], [])]
'''
BUILT_ON = '''"""Built on a rule that raises."""
from events.stories import charge
from events.words import main
from mine.balance.poison import Poison
from streams.define import Case, Detail, Event


class After(Event, by="line"):
    when = Poison.without(main, within="1h")
    detail = Detail(since=Poison.same().time)


CASES = [Case("a charge", [charge(900, 0)], [{}]), Case("none", [], [])]
'''
PLACES = {
    "in the condition": ("charges.where(Fragile(B.delta) < 0)", "()", "B.delta"),
    "in the payload": ("charges", "()", "Fragile(B.delta)"),
    "in the re-arm word": ("charges", "cool('1h', per=Fragile(B.delta))", "B.delta"),
    "in a window's member": ("charges.where(recent.sum(Fragile(B.delta)) < 0)", "edge", "recent.count()"),
}


class Watched(Bench):
    """A bench that does what a worker does when a rule raises, and says what was shut off."""

    off: tuple[str, ...] = ()

    def drain(self, most: int = 20_000):
        begin = len(self.steps)
        while True:
            try:
                step = self.shard.step(None, most)
            except StepFailed as failed:
                asyncio.run(isolate(self, failed, lambda: None))
                continue
            if step is None:
                return [detection for own in self.steps[begin:] for detection in own.detections]
            self._keep(step)

    async def reload(self) -> None:
        merger = self.shard.merger
        self.restart(self.catalogue.shut_off(self.off))
        self.shard.merger = merger

    async def reload_without(self, events, why) -> None:
        assert "139" not in why
        self.off += events
        await self.reload()
        for step in self.shard.migration(100):
            self._keep(step)

    async def commit(self, step) -> None:
        self._keep(step)


def own(folder, when="charges", rearm="()", shown="B.delta", more=None, odd=-777):
    where = folder / "mine" / "balance"
    where.mkdir(parents=True)
    (where / "poison.py").write_text(RULE.format(when=when, rearm=rearm, shown=shown, odd=odd))
    if more:
        (where / "after.py").write_text(more)
    return Catalogue.load([str(folder / "mine")])


STORY = [
    charge(9000, 8000, "10:00"),
    charge(8000, 900, "10:01"),
    topup(900, 2900, "10:02"),
    charge(2900, 2123, "10:03"),  # 777, at which the rule raises
    charge(2123, 0, "10:04"),
    topup(0, 5000, "10:05"),
    charge(5000, 900, "10:06"),
]
END = epoch_ms(moment("3 10:00"))


def without_texts(bench):
    """What is stored. Texts that no row holds any more are deleted now and then, not at once."""
    return {key: value for key, value in dict(bench.log).items() if value is not None and not key.startswith(b"text\x1e")}


def ids(found):
    return [event_id(detection) for detection in found]


@pytest.mark.parametrize("size", [1, 3, 20_000])
@pytest.mark.parametrize("place", PLACES)
def test_the_rule_alone_is_shut_off_and_the_others_are_as_without_it(tmp_path, place, size):
    catalogue = own(tmp_path, *PLACES[place])
    bench, clean = Watched(catalogue=catalogue), Bench()
    bench.drain = lambda: Watched.drain(bench, size)
    found, wanted = bench.feed(STORY) + bench.advance(END), clean.feed(STORY) + clean.advance(END)
    assert bench.off == ("balance.poison",)
    assert bench.rejects == []
    assert ids([d for d in found if d.event != "balance.poison"]) == ids(wanted)
    before = [d for d in found if d.event == "balance.poison"]
    assert all(d.time < epoch_ms(moment("10:03")) for d in before), "what came before the failing record is published"
    assert len(before) >= 1
    assert without_texts(bench) == without_texts(clean), "nothing of the rule is left in the state"
    assert bench.shard.ledger == clean.shard.ledger


def test_rules_that_build_on_the_rule_are_shut_off_with_it(tmp_path):
    bench = Watched(catalogue=own(tmp_path, shown="Fragile(B.delta)", more=BUILT_ON))
    bench.feed(STORY)
    assert bench.off == ("balance.after", "balance.poison")
    clean = Bench()
    clean.feed(STORY)
    assert ids(bench.advance(END)) == ids(clean.advance(END))


def test_a_rule_that_was_shut_off_starts_empty_with_the_next_start(tmp_path):
    bench = Watched(catalogue=own(tmp_path, shown="Fragile(B.delta)"))
    bench.feed(STORY)
    bench.off = ()
    bench.restart()
    assert details(bench.feed([charge(900, 800, "11:00")]), "balance.poison") == [{"shown": -100, "currency": "CNY"}]


TIMED = "Depleted.without(main.where(B.delta > 99999), within='1h')"
TIMERS = {"in the condition behind it": (f"{TIMED}.where(Fragile(B.delta) < 0)", "B.delta"), "in the payload": (TIMED, "Fragile(B.delta)")}


def timed(folder, place):
    """A rule that raises at the timer of one record: the charge at 10:04, which empties the line."""
    when, shown = TIMERS[place]
    catalogue = own(folder, when, shown=shown, odd=-2123)
    assert catalogue.by_id["balance.poison"].when.source.timed
    return catalogue


@pytest.mark.parametrize("place", TIMERS)
def test_a_timer_that_raises_while_time_passes_shuts_its_rule_off(tmp_path, place):
    bench = Watched(catalogue=timed(tmp_path, place))
    bench.feed(STORY[:6])
    with pytest.raises(RuleFailed, match=r"balance\.poison: the rule raised ValueError at .*: fix the definition, or leave it out") as caught:
        bench.advance(END)
    assert "139" not in str(caught.value)
    asyncio.run(shut_off(bench, caught.value))
    assert bench.off == ("balance.poison",)
    clean = Bench()
    clean.feed(STORY[:6])
    assert ids(bench.advance(END)) == ids(clean.advance(END))


@pytest.mark.parametrize("place", TIMERS)
def test_a_timer_that_raises_just_before_a_record_costs_no_record(tmp_path, place):
    bench, clean = Watched(catalogue=timed(tmp_path, place)), Bench()
    later = [*STORY, charge(900, 800, "15:00"), charge(800, 700, "15:01")]
    assert ids(bench.feed(later)) == ids(clean.feed(later))
    assert bench.off == ("balance.poison",)
    assert bench.rejects == []
    assert bench.shard.ledger == clean.shard.ledger


SHARING = '''"""Reads the same charges, and the same timers, as the rule that raises."""
from events.balance.depleted import Depleted
from events.stories import charge
from events.words import B, charged, charges, main
from streams.define import Case, Detail, Event


class After(Event, by="line"):
    recent = charges.within("24h")
    when = charges.where(recent.sum(charged) > 0)
    detail = Detail(charges=recent.count())


CASES = [Case("a charge", [charge(900, 0)], [{"charges": 1}]), Case("none", [], [])]
'''


def test_of_rules_that_share_a_stage_only_that_is_shut_off_whose_expression_raises(tmp_path):
    """Both add up the charges of 24 h: one list of members, with one column for each of them."""
    catalogue = own(tmp_path, *PLACES["in a window's member"], more=SHARING)
    bench = Watched(catalogue=catalogue)
    (shared,) = [stage for stage in bench.shard.engine.plan.stages if isinstance(stage, MemberStage) and {"balance.poison", "balance.after"} <= stage.events]
    assert "balance.rapid_drop" in shared.events
    found = bench.feed(STORY)
    assert bench.off == ("balance.poison",)
    assert [detail["charges"] for detail in details(found, "balance.after")] == [1, 2, 3, 4, 5]


def test_an_error_of_the_engine_itself_is_narrowed_to_its_record(monkeypatch):
    from streams.engine.admission import Admission

    admit = Admission.admit

    def fragile(self, batch, *more):
        if any(record.record_id == "bad" for group in batch.groups.values() for record in map(group.record, range(group.n))):
            raise ValueError("+8613912345678")
        return admit(self, batch, *more)

    monkeypatch.setattr(Admission, "admit", fragile)
    bench = Watched()
    found = bench.feed([*STORY[:3], {**STORY[3], "record_id": "bad"}, *STORY[4:]])
    assert bench.rejects == ["engine_failed"]
    assert bench.off == ()
    assert ids(found) == ids(Bench().feed([*STORY[:3], *STORY[4:]]))


def test_all_built_in_rules_survive_the_rehearsal():
    from schemas.reference import Reference
    from streams.definitions.rehearsal import faults_of
    from streams.engine.engine import EngineSettings

    assert faults_of(CATALOGUE, Reference.load(), EngineSettings()) == []
