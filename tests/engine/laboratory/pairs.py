"""Pairs (P6): one thing after another, of one topic and of two, on records, crossings, events and pairs."""

from __future__ import annotations

from events.words import B, C, V, main_balance, topups
from streams.define import any_of, cool, event_time, once_per, reset
from tests.engine.laboratory.matches import low
from tests.engine.laboratory.toys import toy

voice, by_party = V.all, V.same(V.other_party)
asked, answered = C.where(C.status == "opened"), C.where(C.status == "completed")
dropped = V.where(V.outcome == "dropped")
either = any_of(call=dropped, contact=asked)

redial = by_party.where(V.outcome == "no_answer").then(by_party.where(V.outcome == "answered"), within="1h")
redials = redial.within("2d")
complained = dropped.then(asked, within="12h")
complained_days = dropped.then(asked, within="2d")
called_after = asked.then(dropped, within="5h")
handled = C.same(C.interaction_id).where(C.status == "opened").then(C.same(C.interaction_id).where(C.status == "completed"))
rescue = main_balance.falls_to(0).then(topups.where(B.balance_after > 0), within="1h")
rescue_days = main_balance.falls_to(0).then(topups.where(B.balance_after > 0), within="2d")
after_low = low.then(topups, within="5d")
overlap = voice.where(V.charge_minor >= 1).then(voice.where(V.duration_s == 0), within="5h")
solved = complained.then(answered, within="1d")
again = by_party.where(V.outcome == "dropped").then(by_party.where(V.direction == "mo"), within="1h", start=V.start_time)
again_days = dropped.then(V.all, within="2d", start=V.answer_time)
asked_first = asked.then(dropped, within="5h", start=V.start_time)
something = either.then(any_of(topup=topups, end=answered), within="5h")

EVENTS = [
    toy("redial", "line", redial, gap=redial.gap.seconds, party=V.other_party),
    toy("redial_often", "account", redial.where(redials.count() >= 2), (reset, cool("1d")), n=redials.count(), longest=redials.largest(redial.gap).seconds),
    toy("complained", "customer", complained, cool("1d", per=C.reason), gap=complained.gap.minutes, reason=C.reason),
    toy("complained_days", "customer", complained_days, hours=complained_days.gap.hours),
    toy("called_after", "customer", called_after.where(called_after.gap >= 1), once_per(V.other_party), gap=called_after.gap.seconds),
    toy("handled", "customer", handled, days=handled.gap.days, interaction=C.interaction_id),
    toy("rescue", "line", rescue, gap=rescue.gap.seconds, amount=B.delta),
    toy("rescue_days", "account", rescue_days, once_per(B.currency), gap=rescue_days.gap.seconds),
    toy("after_low", "line", after_low, cool("1h"), gap=after_low.gap.seconds),
    toy("overlap", "line", overlap, gap=overlap.gap.seconds, price=V.charge_minor),
    toy("busy_overlap", "account", overlap.where(voice.within("1d").count() >= 3), cool("1h"), n=voice.within("1d").count()),
    toy("solved", "customer", solved, gap=solved.gap.seconds),
    toy("again", "line", again, gap=again.gap.seconds, cell=again.earlier(V.cell_id), since=dropped.time, at=event_time),
    toy("again_days", "account", again_days, cool("1h", per=V.other_party), gap=again_days.gap.minutes, cause=again_days.earlier(V.cause_for_term), party=V.other_party),
    toy("asked_first", "customer", asked_first, once_per(V.cell_id), gap=asked_first.gap.seconds, reason=asked_first.earlier(C.reason)),
    toy("called_again", "line", again.then(answered, within="12h"), reason=C.reason),
    toy("something", "customer", something, gap=something.gap.seconds, reason=C.reason),
]
