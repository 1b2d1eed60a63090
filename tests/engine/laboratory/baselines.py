"""Baselines (P4): complete days and weeks before the one at hand, the close of weeks, when a key was first seen."""

from __future__ import annotations

from events.words import C, V, charged, charges, sessions
from streams.define import Param, any_of, cool, day, edge, event_time, first_seen, once_per, reset, week
from tests.engine.laboratory.matches import low
from tests.engine.laboratory.toys import toy

voice, by_party, priced = V.all, V.same(V.other_party), V.same(V.currency)
talks = V.where(V.duration_s >= 1)
n = Param(3, unit="days", doc="so many days", name="n", ge=1, le=9)
weeks, k = (Param(2, unit="weeks", doc="so many weeks", name=name, ge=1, le=9) for name in ("weeks", "k"))
few, more, three = voice.daily(n), voice.daily(n + 2, least=2), voice.daily(3)
today, recent, usual = voice.today(), voice.within("24h"), voice.daily(7, least=2)
spent, spent_before = charges.today(), charges.daily(5)
dear = priced.daily(10, least=3, ago=1)
party_days = by_party.daily(4)
used = any_of(call=talks, data=sessions)
last, before_it = voice.weekly(1), voice.weekly(2, least=2, ago=1)
falls, declines = voice.weekly(3), voice.weekly(k + 1)
closes = voice.week_closes(weeks + 1)
quiet = voice.silent("3d")

EVENTS = [
    # Days
    toy("few_days", "line", voice, parameters=(n,), n=few.count(), sum=few.sum(V.duration_s), more=more.mean_count(), since=first_seen),
    toy("surge", "line", voice.where(today.sum(V.duration_s) >= 2 * usual.mean(V.duration_s)), once_per(day), mean=usual.mean(V.duration_s), now=today.sum(V.duration_s)),
    toy("surge_edge", "account", voice.where(recent.count() > usual.mean_count()), edge, mean=usual.mean_count(), n=recent.count()),
    toy("unusual", "line", charges.where(spent.sum(charged) >= spent_before.mean(charged)), cool("1d"), mean=spent_before.mean(charged), spent=spent.sum(charged)),
    toy("dear_days", "customer", priced.where(dear.sum(V.charge_minor) >= 1), (edge, cool("2d")), sum=dear.sum(V.charge_minor), causes=dear.sum(V.cause_for_term)),
    toy("party_days", "line", by_party.where(party_days.count() == 0), n=party_days.count(), party=V.other_party),
    toy("quiet_days", "account", C.where(three.count().or_(0) == 0), n=three.count(), sum=three.sum(V.duration_s)),
    toy("emptied_days", "line", voice.where(voice.within("2d").count() >= 2, three.count() >= 1), reset, n=three.count()),
    toy("days_at_low", "line", low.where(spent_before.count() >= 0), n=spent_before.count(), unknown=usual.mean_count()),
    toy("days_when_quiet", "line", quiet.where(usual.count() >= 1), n=usual.count(), mean=usual.mean(V.duration_s), due=event_time),
    # Weeks
    toy("weeks_at_calls", "line", voice, last=last.sum(V.duration_s), before=before_it.mean(V.duration_s), week=week, falls=falls.falls(V.duration_s)),
    toy("closes", "line", closes, parameters=(weeks,), last=last.count(), since=voice.time, week=week, day=day, known=first_seen),
    toy("decays", "line", used.week_closes(3).where(last.sum(V.duration_s) <= before_it.mean(V.duration_s) / 2), edge, mean=before_it.mean(V.duration_s), last=used.name),
    toy("declines", "account", voice.week_closes(2).where(declines.falls(V.duration_s) == k), parameters=(k,), first=voice.weekly(1, ago=k).sum(V.duration_s)),
    toy("party_closes", "line", by_party.week_closes(2).where(V.other_party == "a"), cool("14d"), party=V.other_party, n=party_days.count(), due=event_time),
    toy("customer_closes", "customer", C.all.week_closes(1), reason=C.reason, n=C.all.weekly(1).count().where(C.all.weekly(1).count() >= 2)),
    toy("after_close", "line", voice.week_closes(1).then(voice, within="1d"), cell=V.cell_id, gap=event_time - first_seen),
]
