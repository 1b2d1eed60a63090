"""Facts that are sets, and values over the life of other keys: what is in force, read by other streams, at timers and in conditions."""

from __future__ import annotations

from events.words import B, C, D, V, main
from streams.define import cool, edge, event_time, once_per
from tests.engine.laboratory.toys import toy

talks = V.all.active(V.other_party, holds=V.outcome != "dropped")
purses = B.where(B.main).active(B.bucket_id, B.currency, holds=B.balance_after > 0, until=B.valid_until)
packs = V.all.active(V.cell_id, V.call_id, holds=V.outcome != "no_answer", since=V.answer_time, covers=V.other_party, together=V.direction)
spent = main.same(B.bucket_id).sum(B.delta)
told, paid = B.same(B.charge_reason), V.same(V.other_party)
asked, ended = C.where(C.status == "opened"), C.where(C.status == "completed")
pair = asked.then(ended, within="5h", every=True)
dialled = V.where(V.direction == "mo").same(V.other_party)

EVENTS = [
    toy("talks", "line", C.where(talks.count() >= 1), n=talks.count(), longest=talks.largest(V.duration_s), cause=talks.smallest(V.cause_for_term)),
    toy("talks_own", "customer", V.where(talks.count() == 1), edge, n=talks.count(), before=talks.before().count()),
    toy("purses", "line", D.where(purses.count() == 1), cool("1h"), ends=purses.largest(B.valid_until), first=purses.smallest(B.valid_until)),
    toy("ended", "account", main.same(B.bucket_id).on(B.valid_until.date, at="10:00").where(purses.count() == 0), ended=B.valid_until),
    toy("covered", "line", C.where(packs.count() >= 1), n=packs.count()),
    toy("covers", "customer", V.where(~packs.cover(V.other_party)), n=packs.count(), party=V.other_party),
    toy("covers_cell", "line", V.where(packs.cover(V.other_party)), cool("5h"), any=packs.cover(V.other_party), n=packs.before().count()),
    toy("known_at", "line", main.where(told.count()[B.charge_reason] >= 2), n=told.count()[B.charge_reason]),
    toy(
        "of_other",
        "line",
        B.where(B.currency.known(), spent[B.currency, B.bucket_id] < 0),
        once_per(B.bucket_id),
        spent=spent[B.currency, B.bucket_id],
        first=told.first(B.bucket_id)[B.charge_reason],
    ),
    toy("party_again", "customer", V.where(paid.latest(V.duration_s)[V.other_party] >= 1), last=paid.latest(V.cell_id)[V.other_party], at=event_time),
    toy("at_timer", "line", V.same(V.other_party).after("3d").where(paid.count()[V.other_party] >= 2), n=paid.count()[V.other_party], cell=paid.first(V.cell_id)[V.other_party]),
    toy("by_cell", "account", V.where(V.same(V.call_id).count()[V.cell_id] >= 1), n=V.same(V.call_id).count()[V.cell_id]),
    toy("every", "line", pair, gap=pair.gap, status=C.status),
    toy("every_party", "customer", dialled.then(V.same(V.other_party), every=True), party=V.other_party),
    toy("every_days", "account", asked.then(ended, within="3d", every=True), cool("1d"), channel=C.channel),
    toy("until", "line", main.where(main.until(B.valid_until).count() >= 2), n=main.until(B.valid_until).count(), later=main.since(B.valid_until).sum(B.delta)),
    toy("since_at_timer", "line", dialled.after("3d"), n=V.same(V.other_party).since(dialled.time).until(event_time).count()[V.other_party], all=V.all.since(dialled.time).count()),
    toy("between", "customer", C.where(V.all.until(event_time).count() >= 1), n=V.all.since(C.start_time).count(), of=V.same(V.direction).until(event_time).count()[C.channel]),
    toy("only", "line", V.where(V.duration_s.where(V.direction == "mo").or_(0) >= 61), n=V.cause_for_term.where(V.outcome == "answered")),
]
