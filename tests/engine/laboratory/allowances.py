"""Levels whose steps are reached once for each combination of values, which may begin again (P2 with P10 and P5)."""

from __future__ import annotations

from events.words import B, V, main, money
from streams.define import Param, cool, edge, once_per
from tests.engine.laboratory.toys import toy

before = B.balance_after - B.delta
purse = main.same(B.bucket_id)
begun = money.same(B.bucket_id).moves(B.main).where(B.operation == "topup").count()
fallen = purse.level(before=-before, after=-B.balance_after)
risen = main.level(before=before, after=B.balance_after)
mark = Param(-1000, unit="minor", name="mark", doc="a step that may be set")
of_term = fallen.reaches(mark, -10, once_per=(B.valid_until,))
half = money.level(before=100 * before / 4000, after=100 * B.balance_after / 4000).reaches(25, 50, 25, once_per=(B.bucket_id, B.main))
again = purse.level(before=before, after=B.balance_after).reaches(1000, 2000, 5000, once_per=(begun,))
alone = risen.reaches(1000, once_per=())
length = V.same(V.other_party).level(before=V.cause_for_term, after=V.duration_s).reaches(60, 61, once_per=(V.cell_id, V.roaming))
recent = length.within("2d")
evaluated = purse.where(purse.latest(B.event_time) == B.event_time, begun == begun.before(), B.balance_after >= 900)

EVENTS = [
    toy("of_term", "line", of_term.where(of_term.step >= -10), parameters=(mark,), step=of_term.step, until=B.valid_until),
    toy("half", "account", half, step=half.step),
    toy("begun_again", "line", again, begun=begun, step=again.step),
    toy("alone", "customer", alone, cool("1h"), after=B.balance_after),
    toy("first_length", "line", length, step=length.step),
    toy("lengths_again", "line", length.where(recent.count() >= 2), edge, count=recent.count()),
    toy("rescued_again", "line", again.then(money.where(B.balance_after < 0)), cool("1h"), after=B.balance_after),
    toy(
        "evaluated",
        "line",
        evaluated,
        once_per(B.valid_until, begun),
        after=B.balance_after,
        end=B.valid_until - (B.valid_until - B.event_time) / 7,
        begin=B.event_time + (B.event_time - B.valid_until) / B.delta,
    ),
]
