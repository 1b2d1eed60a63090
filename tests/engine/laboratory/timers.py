"""Absences (P7) and the place machine (P11)."""

from __future__ import annotations

from events.words import B, C, V, main_balance, topups
from schemas.raw import LocationUpdate
from streams.define import Field, Place, Time, active_days, cool, days, event_time, hours, per, per_trip
from tests.engine.laboratory.toys import toy

charged = toy("charged", "line", B.where(B.operation == "charge"), cool(hours(2)), after=(Field[int], B.balance_after))
empty = toy("empty", "account", main_balance.falls_to(0), after=(Field[int], B.balance_after))
asked = toy("asked", "customer", C.where(C.status == "opened"), per(C.interaction_id), at=(Field[Time], event_time))
unpaid = charged.without(topups, within=hours(5))
unpaid_days = empty.without(topups, within=days(2))
unanswered = asked.without(C.where(C.status == "completed"), within=hours(12))
quiet = V.all.silent(days(3), given=active_days(2, of=5))
quiet_account = V.where(V.duration_s >= 1).silent(hours(24), given=active_days(1, of=62))
place = Place(LocationUpdate, name="toy_place")

EVENTS = [
    charged,
    empty,
    asked,
    toy("unpaid", "line", unpaid, since=(Field[Time], unpaid.since)),
    toy("unpaid_days", "account", unpaid_days, cool(days(3)), since=(Field[Time], unpaid_days.since)),
    toy("unanswered", "customer", unanswered, since=(Field[Time], unanswered.since)),
    toy("quiet", "line", quiet, cool(days(10)), since=(Field[Time], quiet.since), active=(Field[int], quiet.active_days)),
    toy("quiet_account", "account", quiet_account, since=(Field[Time], quiet_account.since)),
    toy("moved", "line", place.moved, per_trip(place.trip_id, and_=place.to, unknown=cool(days(30))), to=(Field[str | None], place.to), trip=(Field[str | None], place.trip_id)),
]
