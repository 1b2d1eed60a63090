"""Maps of a record, such as the lines of a bill: shown in a detail, kept by timers, and no part of a condition or key."""

from __future__ import annotations

import pytest

from events.stories import bill
from events.words import I, bills
from streams.define import once_per
from streams.definitions.catalogue import Catalogue
from streams.definitions.contracts import field_schema
from streams.definitions.faults import flaws_of
from streams.engine.expression import DefinitionFault
from tests.engine.laboratory.toys import toy
from tests.shards import Bench, epoch_ms

LINES = {"tax": 0, "recurring": 120, "discount": -20}
due = toy("due", "account", bills.same(I.bill_id).on(I.due_date, at="10:00"), lines=I.lines)


@pytest.mark.parametrize("lines", [LINES, {}, None])
def test_a_timer_keeps_it_over_restarts(lines):
    bench = Bench(catalogue=Catalogue([due]))
    record = bill(100, lines=lines)
    bench.queue([{**record, "event_time": epoch_ms(record["event_time"])}])
    bench.drain(restarting=True)
    assert [one.detail for one in bench.advance(epoch_ms("2026-06-01T00:00:00Z"))] == [{"lines": lines}]


def test_it_is_an_object_of_the_contract():
    assert field_schema(due.payload["lines"]) == {"type": ["object", "null"], "additionalProperties": {"type": "integer"}}


@pytest.mark.parametrize(("when", "rearm"), [(bills.same(I.lines), ()), (bills, once_per(I.lines)), (bills.moves(I.lines), ())])
def test_it_is_no_key(when, rearm):
    flaws = flaws_of(toy("keyed", "account", when, rearm, bill_id=I.bill_id))
    assert any("lines: wanted a single value, got a map of texts to numbers, which only a detail can show" in flaw.says for flaw in flaws)


def test_it_may_be_asked_for_and_not_compared():
    assert not flaws_of(toy("given", "account", bills.where(I.lines.known()), bill_id=I.bill_id))
    with pytest.raises(DefinitionFault, match="which has no order|wanted two values of one kind|wanted numbers"):
        bills.where(I.lines == I.lines)
