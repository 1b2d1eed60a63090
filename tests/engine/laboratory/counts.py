"""Ordinals and sums of a life (P5), and frames of the civil day (P3)."""

from __future__ import annotations

from events.words import B, C, D, V, all_topups, charged, charges, topups
from streams.define import cool, day, edge, once, once_per, reset
from tests.engine.laboratory.toys import toy

voice = V.all
by_party, by_reason, priced = V.same(V.other_party), C.same(C.reason), V.same(V.currency)
volume, talk, money, spent = D.all.today(), voice.today(), priced.today(), charges.today()

EVENTS = [
    toy("first", "line", voice.where(voice.count().isin(1, 3)), ordinal=voice.count()),
    toy("party", "account", by_party.where(by_party.count() == 2), cool("1d"), ordinal=by_party.count()),
    toy("reason", "customer", by_reason.where(by_reason.count().isin(1, 2)), ordinal=by_reason.count()),
    toy("topup_first", "line", all_topups.where(all_topups.count() == 1), once, amount=B.delta),
    toy("topup_second", "account", topups.where(topups.count() == 2), n=all_topups.count(), total=topups.sum(B.delta)),
    toy("life", "customer", voice.where(voice.sum(V.duration_s) >= 180), once, total=voice.sum(V.duration_s), causes=voice.sum(V.cause_for_term)),
    toy("asked_from", "customer", C.where(C.status == "opened"), cool("5h", per=C.channel), cell=voice.latest(V.cell_id), party=voice.latest(V.other_party), n=voice.count()),
    toy("heavy", "line", D.where(D.all.today().sum(D.total_bytes) >= 3_000_000), once_per(day), total=volume.sum(D.total_bytes), app=volume.top(D.app_category, by=D.total_bytes)),
    toy("money_today", "line", priced.where(money.sum(V.charge_minor) >= 50), once_per(day), total=money.sum(V.charge_minor)),
    toy("talk_today", "line", voice.where(talk.count() >= 2), cool("5h", per=V.other_party), n=talk.count(), parties=talk.list(V.other_party), cell=talk.latest(V.cell_id)),
    toy("talk_edge", "customer", voice.where(talk.distinct(V.cell_id) >= 2), edge, n=talk.distinct(V.cell_id), least=talk.smallest(V.cause_for_term)),
    toy("talk_emptied", "account", voice.where(talk.count() >= 2), reset, n=talk.count(), longest=talk.largest(V.duration_s)),
    toy("first_of_day", "line", voice.where(talk.before().count() == 0), party=V.other_party),
    toy("spent_today", "account", charges.where(spent.sum(charged) >= 2000), once_per(day, B.charge_reason), top=spent.top(B.charge_reason, by=charged), n=spent.count()),
]
