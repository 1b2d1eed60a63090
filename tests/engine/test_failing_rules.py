"""A rule that raises is told with its name; a record is blamed only when it is one record's doing."""

from __future__ import annotations

import pytest

from events.stories import charge
from streams.definitions.catalogue import Catalogue
from streams.engine.engine import TimerFailed
from streams.shard import RuleFailed
from tests.shards import Bench, epoch_ms

RULE = '''"""A rule that fails."""
from events.balance.depleted import Depleted
from events.words import main
from streams.define import Event, Field, hours
from streams.engine.expression import Expr


class Broken(Expr):
    kind = "int"
    nullable = False

    def children(self):
        return ()

    def evaluate(self, on):
        if len(on.event_times()):
            raise ValueError("+8613912345678")
        return 0

    def __str__(self):
        return "broken"


class Poison(Event, by="line", number=9000):
    when = {when}

    broken: Field[int] = Broken()


CASES = []
'''


def broken(folder, when):
    where = folder / "balance"
    where.mkdir(parents=True)
    (where / "poison.py").write_text(RULE.format(when=when))
    return Bench(catalogue=Catalogue.load([str(folder)]))


def test_a_record_at_which_a_rule_raises_is_named_without_its_contents(tmp_path):
    bench = broken(tmp_path / "mine", "main")
    with pytest.raises(RuleFailed, match="ValueError in a rule, on one of 1 records") as caught:
        bench.feed([charge(1200, 900)])
    assert "139" not in str(caught.value)


def test_a_timer_that_raises_is_no_records_doing_and_its_event_is_named(tmp_path):
    """Else every later record that moves the clock would be taken for the culprit, and put aside."""
    bench = broken(tmp_path / "mine", "Depleted.without(main, within=hours(1))")
    bench.feed([charge(900, 0, "10:00")])
    with pytest.raises(TimerFailed, match=r"the timers of balance\.poison: wanted a verdict, got ValueError at .*: mend the definition") as caught:
        bench.advance(epoch_ms("2026-05-01T12:00:00+08:00"))
    assert "139" not in str(caught.value)


def test_a_timer_that_raises_just_before_a_record_does_not_put_the_record_aside(tmp_path):
    bench = broken(tmp_path / "mine", "Depleted.without(main, within=hours(1))")
    with pytest.raises(TimerFailed):
        bench.feed([charge(900, 0, "10:00"), charge(2000, 1900, "15:00")])
