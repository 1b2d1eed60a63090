"""Absences and silences (P7), and the place machine (P11)."""

from __future__ import annotations

from events.words import B, C, G, V, main_balance, sessions, topups
from streams.define import Param, Place, any_of, cool, day, edge, event_time, once, once_per, reset
from tests.engine.laboratory.matches import low
from tests.engine.laboratory.toys import toy

voice, by_party = V.all, V.same(V.other_party)
talks = V.where(V.duration_s >= 1)
wait = Param("5h", doc="so long", name="wait", ge="1min", le="10h")

charged = toy("charged", "line", B.where(B.operation == "charge"), cool("2h"), after=B.balance_after)
asked = toy("asked", "customer", C.where(C.status == "opened"), once_per(C.interaction_id), at=event_time)
empty = main_balance.falls_to(0)
unpaid = toy("unpaid", "line", charged.without(topups, within=wait), parameters=(wait,), since=charged.where().time, due=event_time, hours=wait.hours)
unpaids, troubles = unpaid.where(), any_of(unpaid, low)
many = troubles.within("5d")
interactions, dropped = C.same(C.interaction_id), V.where(V.outcome == "dropped")
unanswered = asked.without(C.where(C.status == "completed"), within="12h")
open_long = interactions.where(C.status == "opened").without(interactions.where(C.status == "completed"), within="2d")
open_once = interactions.where(C.status == "opened").without(C.where(C.status == "completed"), within="12h")
silent_since = open_once.silent("1d").then(interactions, within="3d")
unheard = dropped.without(C.all, within="5h")
unheard_party = by_party.where(V.outcome == "dropped").without(by_party.where(V.outcome == "answered"), within="1d")

lively, active = voice.within("5d").distinct(day), talks.within("62d").distinct(day)
quiet = voice.silent("3d", given=lively >= 2)
quiet_party = by_party.silent("24h", given=by_party.within("2d").count() >= 2)
used = any_of(call=talks, data=sessions)
quiet_use = used.silent("5d", given=used.within("10d").any(V.outcome == "dropped"))

place = Place(G)
moves = place.moved.where(place.domestic)
away = voice.where(place.here != place.home)

EVENTS = [
    charged,
    asked,
    unpaid,
    toy("empty", "account", empty, after=B.balance_after),
    toy("unpaid_days", "account", empty.without(topups, within="2d"), cool("3d"), since=empty.time, after=B.balance_after),
    toy("empty_line", "line", empty.without(topups.where(B.balance_after > 0), within="5h"), since=empty.time, of=B.currency),
    toy("still_low", "line", low.same(B.currency, B.bucket_id).without(topups.same(B.bucket_id), within="12h"), once_per(B.bucket_id, day), since=low.where().time),
    toy("unanswered", "customer", unanswered, since=asked.where().time, reason=C.reason),
    toy("unanswered_idle", "customer", unanswered.where(voice.within("1d").count() == 0), cool("1d", per=C.reason), due=event_time, n=C.all.within("2d").count()),
    toy("open_long", "customer", open_long, once_per(C.interaction_id), interaction=C.interaction_id, day=day),
    toy("silent_since", "customer", silent_since, interaction=C.interaction_id, gap=silent_since.gap.hours),
    toy("unheard", "customer", unheard, cool("1d"), cell=V.cell_id),
    toy("unheard_party", "line", unheard_party, cool("12h", per=V.cell_id), party=V.other_party),
    toy("quiet", "line", quiet, cool("10d"), since=voice.time, active=lively),
    toy("quiet_account", "account", talks.silent("24h", given=active >= 1), since=talks.time, party=V.other_party),
    toy("quiet_party", "line", quiet_party, party=V.other_party, n=by_party.within("2d").count()),
    toy("quiet_once", "customer", voice.silent("24h"), once, due=event_time, last=voice.time),
    toy("quiet_use", "line", quiet_use, (once_per(day), cool("2d")), last=used.name),
    # On timers
    toy("unpaid_often", "line", unpaid.where(unpaid.within("10d").count() >= 2), reset, n=unpaid.within("10d").count()),
    toy("unpaid_first", "line", unpaids.where(unpaids.count() == 1), once, after=B.balance_after),
    toy("unpaid_or_low", "line", troubles.where(many.distinct(troubles.name) >= 2), edge, names=many.list(troubles.name)),
    toy("talks_at_last", "customer", quiet.then(voice, within="7d"), cool("1h"), cell=V.cell_id),
    # Places
    toy("moved", "line", place.moved, once_per(place.trip.id, place.to).or_if_unknown(cool("30d", per=place.to)), was=place.was, to=place.to, trip=place.trip.id),
    toy("left", "line", place.moved.where(place.left_home), once_per(place.trip.id), home=place.home, trip=place.trip.id),
    toy(
        "came_home",
        "line",
        place.moved.where(place.came_home, place.trip.length >= 6 * 3_600_000),
        cities=place.trip.cities,
        hours=place.trip.length.hours,
        tourist=place.trip.tourist,
    ),
    toy("away", "line", away, cool("1d", per=place.here), here=place.here, days=place.trip.length.days),
    toy("wanders", "line", moves.where(moves.within("5d").count() >= 2), reset, places=moves.within("5d").list(place.to)),
]
