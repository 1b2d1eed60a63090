"""P2 cross: steps that are reached once for each combination of values (`semantics.md` §1.7 Quota, §2 P2)."""

from __future__ import annotations

import pytest

from events.data.quota_50 import Quota50
from events.data.quota_80 import Quota80
from events.data.quota_early_burn import QuotaEarlyBurn
from events.data.quota_exhausted import QuotaExhausted
from events.stories import allowance, minutes
from events.voice.quota_step import QuotaStep
from events.words import B, data_used
from streams.define import event_time
from streams.definitions.catalogue import Catalogue
from streams.engine.expression import DefinitionFault
from tests.engine.laboratory.toys import toy
from tests.shards import Bench, epoch_ms

DAY = 86_400_000
steps = data_used.reaches(50, 80, once_per=(B.valid_until,))
reached = toy("reached", "line", steps, step=steps.step)
cut = toy("cut", "line", B.where(B.delta < -1), at=B.event_time + (B.event_time - B.valid_from) / B.delta)


def found(event, records, days=0):
    """The details that records cause; the last one comes `days` of 24 h after the first."""
    times = [epoch_ms(record["event_time"]) for record in records]
    if days:
        times[-1] = times[0] + days * DAY
    bench = Bench(catalogue=Catalogue([event]))
    bench.queue([{**record, "event_time": time} for record, time in zip(records, times, strict=True)])
    return [one.detail for one in bench.drain()]


@pytest.mark.parametrize(("days", "again"), [(399, False), (400, True)])
def test_a_step_is_remembered_for_400_days(days, again):
    records = [allowance(6000, 5000), allowance(6000, 4000)]
    assert found(reached, records, days) == [{"step": 50}] * (1 + again)


def test_what_is_jumped_over_is_reached():
    records = [allowance(6000, 1000, "10:00"), allowance(6000, 5000, "11:00"), allowance(6000, 2000, "12:00")]
    assert found(reached, records) == [{"step": 80}]


def test_a_jump_whose_highest_step_was_reached_is_no_event_but_reaches_the_lower_ones():
    records = [allowance(4000, 2000, "10:00"), allowance(6000, 1000, "11:00"), allowance(6000, 5000, "12:00")]
    assert found(reached, records) == [{"step": 80}]


@pytest.mark.parametrize(
    ("event", "records"),
    [
        (Quota50, [allowance(9000, 8000, "12:00"), allowance(6000, 5000, "11:00")]),
        (Quota80, [allowance(9000, 8000, "12:00", "expire"), allowance(6000, 1000, "11:00")]),
        (QuotaExhausted, [allowance(9000, 8000, "12:00"), allowance(6000, 0, "11:00")]),
        (QuotaEarlyBurn, [allowance(9000, 9000, "4 00:00:01"), allowance(6100, 6000, "4 00:00")]),
        (QuotaStep, [minutes(6000, 5000, "12:00"), minutes(6000, 3000, "11:00")]),
    ],
)
def test_what_is_late_for_its_own_allowance_is_not_judged(event, records):
    assert found(event, records) == []
    assert len(found(event, [{**records[0], "bucket_id": "other"}, records[1]])) == 1
    assert len(found(event, [{**records[0], "shared": True}, records[1]])) == 1


def test_a_late_step_is_not_remembered():
    records = [allowance(4000, 3900, "12:00"), allowance(6000, 5000, "11:00"), allowance(3900, 6000, "13:00", "adjust_credit"), allowance(6000, 4900, "14:00")]
    assert [one["left_bytes"] for one in found(Quota50, records)] == [4900]


def test_a_late_grant_begins_nothing_again():
    records = [allowance(6000, 5000, "12:00"), allowance(5000, 9000, "11:00", "grant", bucket_initial=20000), allowance(6000, 4900, "13:00")]
    assert [one["left_bytes"] for one in found(Quota50, records)] == [5000]


def test_beside_a_moment_a_fraction_is_cut_off():
    assert found(cut, [allowance(6000, 5993, "1 00:00:00.001")]) == [{"at": "2026-04-30T16:00:00.000Z"}], "1 ms - 1/7 ms"
    assert (event_time + (event_time - B.valid_from) / 3).kind == "time"


@pytest.mark.parametrize("wrong", ["valid_until", 5, B.valid_until, (B.valid_until, 5)])
def test_what_is_no_list_of_values_is_refused(wrong):
    with pytest.raises(DefinitionFault, match="once_per: wanted values such as"):
        data_used.reaches(50, once_per=wrong)
