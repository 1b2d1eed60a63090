"""Matches (P1), levels (P2) and changes (P10)."""

from __future__ import annotations

from events.words import B, C, V, X, main_balance, topups
from streams.define import Field, cool, days, hours, lasted_s, once, per, per_day, released
from tests.engine.laboratory.toys import toy

low = toy("low", "line", main_balance.falls_below(1000, rearm=2000), after=(Field[int], B.balance_after))
length = V.all.changes(V.duration_s)
price = V.all.changes(V.charge_minor)
first_price = V.all.changes(V.charge_minor, initially=V.duration_s)
cell = V.all.changes(V.cell_id)
device = X.all.changes(X.new_tac, old=X.old_tac)
reason = C.where().same(C.channel)  # changes and levels are of the key; the words before `changes` filter only

EVENTS = [
    toy("call", "customer", C.all, per(C.interaction_id), reason=(Field[str], C.reason)),
    toy("first_topup", "line", topups, once(), amount=(Field[int], B.delta)),
    toy("rested", "line", V.all, cool(days(2), per=V.other_party), length=(Field[int], V.duration_s)),
    toy("combination", "account", V.all, per(V.other_party, V.outcome), price=(Field[int | None], V.charge_minor)),
    toy("paid_today", "customer", V.where(V.charge_minor >= 1), per_day(), price=(Field[int | None], V.charge_minor)),
    toy("new_cell", "line", V.all, per(V.cell_id), cell=(Field[str | None], V.cell_id)),
    toy("twice", "line", V.where(V.outcome == "dropped"), (per(V.other_party), cool(hours(12))), party=(Field[str], V.other_party)),
    toy("first_ever", "customer", V.where(V.roaming == False), (once(), per_day()), party=(Field[str], V.other_party)),  # noqa: E712  # an expression
    low,
    toy("low_again", "line", released(low), seconds=(Field[int], lasted_s(low))),
    toy("low_account", "account", main_balance.falls_to(0), cool(hours(1), per=B.currency), after=(Field[int], B.balance_after)),
    toy("length", "line", length, before=(Field[int], length.before), now=(Field[int], V.duration_s)),
    toy("price", "line", price, before=(Field[int], price.before), now=(Field[int | None], V.charge_minor)),
    toy("first_price", "customer", first_price, cool(days(1)), before=(Field[int], first_price.before)),
    toy("cell", "customer", cell, cool(hours(1)), before=(Field[str], cell.before), now=(Field[str | None], V.cell_id)),
    toy("device", "line", device, per(X.new_tac), before=(Field[str | None], device.before)),
]
