"""Fractions: means and quotients in conditions and payloads, with factors, differences and divisors of 0."""

from __future__ import annotations

from events.words import B, V, charged, charges, main, topups
from streams.define import Param, cool, edge, once_per
from tests.engine.laboratory.toys import toy

times = Param("0.75", doc="so many times", name="times", ge="0.5")
factor = Param("1.5", doc="so many times", name="factor", ge="0.5")
voice = V.all
recent, day_of_calls = charges.within("24h"), voice.within("2d")
before = recent.before()

EVENTS = [
    toy("above_mean", "line", charges.where(charged >= factor * before.mean(charged)), parameters=(factor,), mean=before.mean(charged), ratio=charged / before.mean(charged)),
    toy("far_above", "line", charges.where(charged - recent.mean(charged) > 0, recent.count() >= 1), edge, mean=recent.mean(charged), far=charged - recent.mean(charged)),
    toy("mean_of_some", "customer", voice.where(day_of_calls.mean(V.duration_s) > 20), cool("1h"), mean=day_of_calls.mean(V.duration_s), n=day_of_calls.count()),
    toy("mean_known", "line", voice.where(day_of_calls.count() >= 2), mean=day_of_calls.mean(V.cause_for_term), half=day_of_calls.mean(V.cause_for_term) / 2),
    toy("by_zero", "line", main.where(B.balance_after / B.delta < 0), ratio=B.balance_after / B.delta, third=B.balance_after / 3),
    toy("not_by_zero", "customer", main.where(~(B.balance_after / B.delta < 0)), after=B.balance_after),
    toy("thirds", "line", topups.where(B.delta / 3 * 3 == B.delta), once_per(B.bucket_id), third=B.delta / 3),
    toy("large", "line", main.where((B.balance_after - times * B.delta).or_(times) > 0), parameters=(times,), left=B.balance_after - times * B.delta),
]
