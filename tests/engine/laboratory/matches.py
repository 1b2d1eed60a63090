"""Matches (P1), levels (P2) and moves (P10), with every re-arm word that needs no frame."""

from __future__ import annotations

from events.words import B, C, V, X, all_topups, main_balance, money, topups
from streams.define import cool, day, each, once, once_per, ref
from tests.engine.laboratory.toys import toy

voice = V.all
by_party = V.same(V.other_party)
low = toy("low", "line", main_balance.falls_below(1000, rearm=2000), after=B.balance_after)
back = low.same(B.currency, B.bucket_id).then(topups.same(B.bucket_id).where(B.balance_after >= 2000))
steps = main_balance.reaches(1000, 2000, 5000)
purses = money.same(B.main, B.bucket_id).level(before=B.balance_after - B.delta, after=B.balance_after)
causes = by_party.level(before=V.cause_for_term, after=V.duration_s)
answer = causes.reaches(60, 61)

length, price = voice.moves(V.duration_s), V.same(V.currency).moves(V.charge_minor)
first_cause = voice.moves(V.cause_for_term, initially=V.duration_s)
cell, outcome = voice.moves(V.cell_id), by_party.moves(V.outcome)
device, unremembered = X.all.moves(X.new_tac, old=X.old_tac), X.all.moves(X.new_tac, old=X.old_tac, remember=False)
brand = X.all.moves(ref.device.brand(X.new_tac), initially=ref.device.brand(X.old_tac))
is_5g = X.all.moves(ref.device.is_5g(X.new_tac))

EVENTS = [
    # Matches
    toy("call", "customer", C.all, once_per(C.interaction_id), reason=C.reason),
    toy("first_topup", "line", all_topups, once, amount=B.delta),
    toy("first_of_currency", "line", topups, once, amount=B.delta),
    toy("rested", "line", voice, cool("2d", per=V.other_party), length=V.duration_s),
    toy("rested_cell", "line", voice, cool("5h", per=V.cell_id), cell=V.cell_id),
    toy("rested_length", "account", voice, cool("1d", per=V.duration_s), length=V.duration_s),
    toy("rested_party", "customer", by_party, cool("12h", per=V.roaming), party=V.other_party),
    toy("combination", "account", voice, once_per(V.other_party, V.outcome), cause=V.cause_for_term),
    toy("paid_today", "customer", V.where(V.charge_minor >= 1), once_per(day), price=V.charge_minor),
    toy("new_cell", "line", voice, once_per(V.cell_id), cell=V.cell_id),
    toy("cell_or_each", "line", voice, once_per(V.cell_id, V.roaming).or_if_unknown(each), cell=V.cell_id),
    toy("cell_or_rest", "account", voice, once_per(V.cell_id).or_if_unknown(cool("3d", per=V.direction)), cell=V.cell_id),
    toy("truth", "customer", voice, once_per(V.roaming, V.charge_minor), cause=V.cause_for_term),
    toy("twice", "line", V.where(V.outcome == "dropped"), (once_per(V.other_party), cool("12h")), party=V.other_party),
    toy("first_ever", "customer", V.where(~V.roaming), (once, once_per(day)), party=V.other_party),
    toy("unpriced", "line", V.where(V.charge_minor.is_unknown() | (V.charge_minor > V.cause_for_term)), cool("1h"), sum=V.cause_for_term.or_(0) + V.duration_s),
    # Levels
    low,
    toy("low_again", "line", back, seconds=back.gap.seconds),
    toy("low_account", "account", main_balance.falls_to(0), cool("1h", per=B.currency), after=B.balance_after),
    toy("low_once", "customer", main_balance.falls_below(1000), once_per(day), after=B.balance_after),
    toy("high", "line", steps, cool("1d"), step=steps.step, after=B.balance_after),
    toy("high_once", "account", steps.where(steps.step >= 2000), once_per(steps.step, B.bucket_id), step=steps.step),
    toy("purse", "customer", purses.falls_below(1000, rearm=2000), cool("5h"), main=B.main),
    toy("answer", "line", answer, step=answer.step),
    toy("answer_fell", "account", causes.falls_below(61, rearm=61), cool("2d"), party=V.other_party),
    # Moves
    toy("length", "line", length, was=length.was, to=length.to),
    toy("price", "line", price, was=price.was, to=price.to, gap=price.gap.seconds),
    toy("first_cause", "customer", first_cause, cool("1d"), was=first_cause.was),
    toy("cell", "customer", cell, cool("1h"), was=cell.was, to=cell.to),
    toy("outcome", "line", outcome.where(outcome.to == "dropped", outcome.gap <= 3_600_000), cool("1d", per=outcome.was), was=outcome.was),
    toy("device", "line", device, once_per(device.to), was=device.was),
    toy("device_told", "account", unremembered, was=unremembered.was, gap=unremembered.gap.days),
    toy("brand", "line", brand, was=brand.was, to=brand.to),
    toy("is_5g", "customer", is_5g, was=is_5g.was),
]
