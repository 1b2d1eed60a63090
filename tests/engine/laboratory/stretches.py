"""Stretches: what follows on each other, and what it adds up to (P3, P10)."""

from __future__ import annotations

from events.words import B, C, G, V, money
from streams.define import any_of, cool, day, edge, event_time, once_per, ref
from tests.engine.laboratory.matches import low
from tests.engine.laboratory.toys import toy

voice, by_party, seen = V.all, V.same(V.other_party), G.all
country = ref.plmn.country(G.plmn)
abroad = country != ref.plmn.home_country()
trip = seen.stretch(abroad)
back = seen.moves(abroad)
failed = voice.stretch(V.outcome == "no_answer")
priced = V.where(V.charge_minor.known()).same(V.currency)
dear = priced.stretch(V.charge_minor >= 50)
party = by_party.stretch(V.roaming)
poor = money.stretch(B.balance_after < 1000)
either = any_of(call=V.where(V.duration_s >= 60), contact=C.where(C.status == "opened"))
talks = either.stretch(either.name == "call")
lows = low.where()

EVENTS = [
    toy("came_back", "line", back.where(~abroad, event_time - trip.start >= 3_600_000), countries=trip.list(country), days=day - trip.start.date, n=trip.count()),
    toy("abroad_long", "account", seen.where(abroad, trip.count() >= 2), cool("1d"), since=trip.start, last=trip.latest(country), networks=trip.before().list(G.plmn)),
    toy("fails", "line", voice.where(failed.count() >= 2), edge, n=failed.count(), first=failed.first(V.other_party), cells=failed.list(V.cell_id)),
    toy(
        "fails_ended", "customer", voice.where(V.outcome != "no_answer", failed.count() >= 1), n=failed.count(), causes=failed.sum(V.cause_for_term), last=failed.latest(V.cell_id)
    ),
    toy(
        "dear",
        "customer",
        voice.where(dear.sum(V.charge_minor) >= 100),
        once_per(day),
        currency=V.currency,
        spent=dear.sum(V.charge_minor),
        most=dear.largest(V.charge_minor),
        least=dear.smallest(V.cause_for_term),
    ),
    toy("party_roams", "line", by_party.where(party.count() >= 2), cool("5h"), party=V.other_party, talked=party.any(V.duration_s >= 60), cause=party.first(V.cause_for_term)),
    toy("poor", "account", money.where(poor.count() >= 2), cool("1d", per=B.currency), since=poor.start, least=poor.smallest(B.balance_after)),
    toy("fails_paid", "line", B.where(B.operation == "charge", failed.count() >= 1), once_per(day), n=failed.count(), since=failed.start),
    toy("talks_on", "customer", either.where(talks.count() >= 2), edge, n=talks.count(), longest=talks.largest(V.duration_s)),
    toy("low_on_trip", "line", lows.where(trip.count() >= 1), since=trip.start, countries=trip.list(country)),
    toy("quiet_after_fails", "line", voice.silent("24h", given=failed.count() >= 1), n=failed.count(), cells=failed.list(V.cell_id)),
]
