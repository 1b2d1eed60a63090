"""Deadlines (P8): dates and moments that records name, so long after a record, called off, moved, and learnt too late; and waits that start again."""

from __future__ import annotations

from events.words import B, C, V, main, topups
from streams.define import Param, cool, day, event_time, once, once_per
from tests.engine.laboratory.toys import toy

ahead = Param("3d", doc="so long before", name="ahead", ge="1d")
hour = Param("10:00", doc="at this time of day", name="hour")
purse = main.same(B.bucket_id)
ends = B.valid_until
soon = purse.on(ends.date - ahead, at=hour)

EVENTS = [
    toy("ends_soon", "line", soon, once_per(B.bucket_id, ends), parameters=(ahead, hour), left=ends.date - day, at=event_time),
    toy("ends_soon_funded", "line", purse.on(ends.date - "3d", at="10:00").where(purse.latest(B.balance_after) > 0), cool("2d"), balance=purse.latest(B.balance_after)),
    toy("over", "customer", main.where(ends.known()).at(ends), since=main.where(ends.known()).time, after=B.balance_after),
    toy("ended_unused", "line", main.at(ends).unless(topups), ended=ends),
    toy("ended_account", "account", purse.on(ends.date + "1d").unless(topups.same(B.bucket_id)), once, ended=ends.date),
    toy("last_call", "line", purse.on(ends.date - "3d", at="09:30", catch_up_until=ends.date), once_per(ends.date), left=ends.date - day, at=event_time),
    toy("a_day_after", "customer", V.all.after("24h"), party=V.other_party),
    toy("days_after", "line", V.same(V.other_party).after("3d").unless(V.same(V.other_party).where(V.outcome == "dropped")), since=V.all.time),
    toy("unheard_latest", "customer", C.where(C.status == "opened").without(C.where(C.status == "completed"), within="12h").latest, reason=C.reason),
    toy("empty_latest", "line", main.where(B.balance_after <= 0).without(topups, within="2d").latest, cool("1d"), after=B.balance_after),
]
