"""Civil months, years and bill cycles: counts and sums in them (P5), rows that are split by them, and dates some months away."""

from __future__ import annotations

from events.words import B, C, D, V, main
from streams.define import Param, any_of, cool, cycle, day, edge, event_time, month, once, once_per, ref, year
from tests.engine.laboratory.toys import toy

voice, talk = V.all, V.all.this_month()
priced = V.same(V.currency).this_cycle()
use = any_of(call=V.where(V.duration_s >= 1), data=D.all)
ends = B.valid_until
months, hour = Param("2 months", doc="so long after", name="months", ge="1 month"), Param("10:00", doc="at this time of day", name="hour")
by_day = V.same(day)

EVENTS = [
    toy(
        "of_cycle",
        "line",
        voice.where(V.currency.known(), voice.this_cycle().count().isin(1, 3)),
        once_per(cycle),
        n=voice.this_cycle().count(),
        begins=cycle,
        total=priced.sum(V.charge_minor),
    ),
    toy("of_month", "account", V.same(V.other_party).where(V.same(V.other_party).this_month().count() == 2), cool("1d"), month=month),
    toy("first_in_cycle", "line", use.where(use.this_cycle().count() == 1), what=use.name, line=ref.line.zone(use.subscription_id)),
    toy("asked_in_month", "customer", C.where(talk.sum(V.duration_s) >= 60), cool("5h", per=month), cell=talk.latest(V.cell_id), party=talk.latest(V.other_party), cycle=cycle),
    toy("month_steps", "line", talk.sum(V.duration_s).reaches(60, 180, 300), once_per(month), total=talk.sum(V.duration_s)),
    toy("month_edge", "customer", V.same(month).where(V.same(month).within("30h").count() >= 2), edge, begins=month),
    toy("once_a_cycle", "line", V.same(cycle), once, begins=cycle),
    toy("once_a_year", "customer", C.same(year), once, begins=year),
    toy("of_day", "line", by_day.where(by_day.count() == 2), once, n=by_day.count()),
    toy("day_after", "line", voice.after("24h"), n=voice.this_cycle().count(), cycle=cycle, zone=ref.line.zone(voice.subscription_id), from_=month),
    toy("cycle_moves", "line", V.same(cycle).moves(V.cell_id), begins=cycle),
    toy(
        "months_after",
        "line",
        main.on(ends.date + months, at=hour),
        cool("1d"),
        was=ends.date,
        back=ends.date - "1 year",
        left=ends.date + months - day,
        at=event_time,
        parameters=(months, hour),
    ),
]
