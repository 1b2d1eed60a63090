"""Running sums that reach steps (P3 and P2)."""

from __future__ import annotations

from events.words import B, D, V, charged, charges
from streams.define import cool, once, once_per
from tests.engine.laboratory.toys import toy

volume, spent, priced = D.all.today(), charges.today(), V.same(V.currency).today()
grown = volume.sum(D.total_bytes).reaches(1, 3_000_000, 3 * 1024**3)
passed = spent.sum(charged).reaches(500, 3000)
paid = priced.sum(V.charge_minor).reaches(50, 100)
life = V.all.sum(V.duration_s).reaches(60, 180)

EVENTS = [
    toy("volume", "line", grown, total=volume.sum(D.total_bytes), step=grown.step),
    toy("spent_step", "account", passed, top=spent.top(B.charge_reason, by=charged), step=passed.step),
    toy("paid_step", "line", paid.where(paid.step >= 100), cool("1d"), total=priced.sum(V.charge_minor)),
    toy("life_step", "customer", life, once_per(life.step), step=life.step),
    toy("life_step_once", "line", life, once, step=life.step),
]
