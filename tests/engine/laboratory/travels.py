"""Timers that moves of the place set, and what they read of it (P11 at P7 and P8)."""

from __future__ import annotations

from events.words import G, V
from streams.define import Place, cool, day, event_time, once_per
from tests.engine.laboratory.toys import toy

place = Place(G)
trip, moves = place.trip, place.moved
left = toy("trip_left", "line", moves.where(place.left_home), to=place.to)
voice = V.all

EVENTS = [
    left,
    toy("still_away", "line", left.after("7d").where(trip.id.known()), once_per(trip.id), trip=trip.id, here=place.here, days=trip.length.days),
    toy("settled", "line", moves.after("5h"), cool("1d", per=place.here), here=place.here, home=place.home, at=event_time),
    toy("settled_later", "line", moves.where(place.domestic).after("24h").unless(voice), once_per(place.here), here=place.here),
    toy("no_move", "line", moves.silent("7d", given=place.to != place.home), here=place.here, trip=trip.id),
    toy("no_call_away", "line", moves.where(place.to != place.home).without(voice, within="3d").where(place.here != place.home), day=day, here=place.here),
    toy("call_away", "line", moves.then(voice, within="7d").where(place.here != place.home), cool("1h"), here=place.here, party=V.other_party),
    toy("left_and_stays", "line", left.where(place.to != "110000").without(moves.where(place.came_home), within="12h"), here=place.here, hours=trip.length.hours),
]
