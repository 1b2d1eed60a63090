"""Ordinals (P5) and sums of the day (P3)."""

from __future__ import annotations

from typing import get_args

from events.words import B, C, D, V, charges, labels
from schemas.raw import BalanceChange
from streams.define import Field, cool, days, per_day
from tests.engine.laboratory.toys import toy

first = V.all.nth(1, 3)
party = V.where().same(V.other_party).nth(2)
reason = C.where().same(C.reason).nth(1, 2)
volume = D.all.day_total(D.total_bytes).passes(1, 3_000_000, 3 * 1024**3)
money = V.where().same(V.currency).day_total(V.charge_minor).reaches(50)
spent = charges.same(B.currency).day_total(-B.delta).passes(500, 3000)
REASONS = tuple(label for arm in labels(BalanceChange, "charge_reason") for label in (get_args(arm) or (arm,)) if isinstance(label, str))

EVENTS = [
    toy("first", "line", first, ordinal=(Field[int], first.ordinal)),
    toy("party", "account", party, cool(days(1)), ordinal=(Field[int], party.ordinal)),
    toy("reason", "customer", reason, ordinal=(Field[int], reason.ordinal)),
    toy("volume", "line", volume, total=(Field[int], volume.total), step=(Field[int], volume.step)),
    toy("money_today", "line", money, per_day(), total=(Field[int], money.total)),
    toy("spent_today", "account", spent, top=(Field[str], spent.top(B.charge_reason, REASONS)), step=(Field[int], spent.step)),
]
