"""Absences and late records: what is known already begins no timer (`semantics.md` §1.2)."""

from __future__ import annotations

import pytest

from events.stories import charge, topup
from events.words import B, topups
from streams.definitions.catalogue import Catalogue
from tests.engine.laboratory.toys import toy
from tests.shards import Bench, details, epoch_ms

spent = toy("spent", "line", B.where(B.operation == "charge"))
CATALOGUE = Catalogue([spent, toy("unpaid", "line", spent.without(topups, within="2h"), since=spent.where().time)])


def since(records, *, restart_after=None):
    bench = Bench(catalogue=CATALOGUE)
    found = []
    for number, record in enumerate(records):
        found += bench.feed([record])
        if number == restart_after:
            bench.restart()
    found += bench.advance(epoch_ms("2026-05-20T12:00:00+08:00"))
    return [detail["since"][11:19] for detail in details(found, "toy.unpaid")]


@pytest.mark.parametrize("restart_after", [None, 0, 1])
@pytest.mark.parametrize(
    ("answered", "fires"),
    [("10:30:00.001", False), ("11:00", False), ("12:30", False), ("12:30:00.001", True), ("10:30", True)],  # the late charge is of 10:30
)
def test_a_late_beginning_whose_answer_is_known_begins_nothing(answered, fires, restart_after):
    """At equal times of one topic the order of release decides: the answer came first."""
    found = since([topup(0, 5000, answered), topup(0, 1, "14:00"), charge(900, 800, "10:30")], restart_after=restart_after)
    assert found == (["02:30:00"] if fires else [])


def test_a_late_beginning_behind_a_newer_one_moves_no_timer_back():
    assert since([charge(900, 800, "12:00"), charge(900, 800, "11:00")]) == ["04:00:00"]
    assert since([charge(900, 800, "12:00"), topup(0, 1, "13:00"), charge(900, 800, "11:30")]) == []
    assert since([charge(900, 800, "12:00"), topup(0, 1, "13:30"), charge(900, 800, "11:00")]) == [], "the newer one had been answered"


def test_a_late_answer_calls_off_a_timer_that_has_not_fired():
    assert since([charge(900, 800, "12:00"), charge(900, 0, "12:30"), topup(0, 1, "12:10")]) == [], "while one was waited on, the other began nothing"
    assert since([charge(900, 800, "12:00"), topup(0, 1, "12:10"), charge(900, 0, "12:30"), topup(0, 1, "12:05")]) == ["04:30:00"], "it is none behind the second"
    assert since([charge(900, 800, "12:00"), topup(0, 1, "18:00"), topup(0, 1, "12:10")]) == ["04:00:00"], "it had fired"
