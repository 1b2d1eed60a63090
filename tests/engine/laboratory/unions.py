"""Several streams as one, of records of different types and of events; events as streams; composites on them."""

from __future__ import annotations

from events.words import B, C, V, sessions, topups
from streams.define import any_of, cool, edge, once, once_per, reset
from tests.engine.laboratory.matches import low
from tests.engine.laboratory.toys import toy

touched = any_of(call=V.where(V.duration_s >= 60), contact=C.where(C.status == "opened"))
used = any_of(call=V.where(V.duration_s >= 1), data=sessions, topup=topups)
day_long, week = touched.within("24h"), used.within("7d")
by_kind = touched.same(touched.name)

calls = V.all
hour = calls.within("1h")
crowd = toy("calls_in_crowd", "line", calls.where(hour.count() >= 2), edge, n=hour.count())
opened = toy("opened", "customer", C.where(C.status == "opened"), cool("1h"), reason=C.reason)
lows, crowds, signs = low.where(), crowd.where(), any_of(low, crowd)
two_days, of_signs = signs.within("2d"), signs.within("5d")

EVENTS = [
    # Records of several types
    toy("either", "customer", touched, once_per(touched.name), which=touched.name, reason=C.reason, party=V.other_party),
    toy("both", "customer", touched.where(day_long.distinct(touched.name) >= 2), edge, names=day_long.list(touched.name), since=day_long.first(touched.time)),
    toy("both_emptied", "account", touched.where(day_long.count() >= 2), (reset, cool("5h", per=touched.name)), n=day_long.count(), seconds=day_long.sum(V.duration_s)),
    toy("of_one_kind", "customer", by_kind.where(by_kind.within("2d").count() >= 2), cool("1d"), which=touched.name, n=by_kind.within("2d").count()),
    toy("first_use", "line", used.where(used.count() == 1), once, by_=used.name),
    toy("used", "line", used.where(week.count() >= 3), cool("2d"), n=week.count(), last=week.latest(used.name), longest=week.largest(V.duration_s)),
    toy("not_a_call", "line", used.where(used.name != "call", V.outcome.is_unknown()), cool("12h", per=used.name), which=used.name),
    # Events
    crowd,
    opened,
    toy("low_seen", "line", lows, cool("1d"), after=low.detail.after),
    toy("low_twice", "line", lows.where(lows.within("30d").count() >= 2), reset, n=lows.within("30d").count(), since=lows.within("30d").first(lows.time)),
    toy("low_and_poor", "line", low.where(B.balance_after < 0), once_per(B.bucket_id), after=B.balance_after),
    toy("crowd_after_low", "line", crowds.where(lows.within("2d").count() >= 1), once_per(V.other_party), party=V.other_party),
    toy("signs", "line", signs.where(two_days.distinct(signs.name) >= 2), (edge, cool("5d")), signals=two_days.list(signs.name), since=two_days.first(signs.time)),
    toy("each_sign", "line", signs, cool("12h", per=signs.name), which=signs.name, n=of_signs.count(), party=V.other_party),
    toy("opened_again", "customer", opened.where(opened.within("2d").count() >= 2), edge, n=opened.within("2d").count(), reason=C.reason),
]
