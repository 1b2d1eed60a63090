"""What happens to customers and accounts, in rules of lines: each active line, or the only one (P1 to P7 over them)."""

from __future__ import annotations

from events.words import C, L, V
from streams.define import any_of, cool, day, edge, once, once_per
from tests.engine.laboratory.toys import toy

contacted = toy("contacted", "customer", C.where(C.reason == "billing"), cool("1h"), status=C.status)
cut = toy("cut_of_account", "account", V.where(V.outcome == "dropped"), cool("5h"), cell=V.cell_id)
quiet = toy("no_contact", "customer", C.all.silent("1d"), reason=C.reason)
cuts = V.where(V.outcome == "dropped")
told, told_account = contacted.each_line(), cut.each_line()
signs = any_of(contact=told, account=told_account, status=L.where(L.attribute == "line.status"))
recent = signs.within("3d")
ended = cuts.then(contacted, within="24h")
calls = C.where(C.status == "completed")
often = told.within("12h")

EVENTS = [
    contacted,
    cut,
    quiet,
    toy("told", "line", told, cool("5h"), status=contacted.detail.status, reason=C.reason),
    toy("told_account", "line", told_account, once_per(day), line=V.subscription_id),
    toy("told_quiet", "line", quiet.each_line(), reason=C.reason),
    toy("told_records", "line", calls.each_line(), once_per(C.interaction_id), line=C.subscription_id),
    toy("line_signs", "line", signs.where(recent.distinct(signs.name) >= 2), edge, names=recent.list(signs.name), first=recent.first(signs.time)),
    toy("told_often", "line", told.where(often.count() >= 2), (edge, cool("1d")), count=often.count()),
    toy("told_silent", "line", calls.each_line().silent("3d"), once, reason=C.reason),
    toy("told_without", "line", told.same(C.channel).without(calls.same(C.channel), within="30h"), cool("1h"), channel=C.channel),
    toy("of_only_line", "line", C.all, cool("1h"), line=C.subscription_id, reason=C.reason),
    toy("count_of_line", "line", C.all, count=C.all.count()),
    toy("cut_then_contact", "line", ended, gap=ended.gap.seconds, line=C.subscription_id),
]
