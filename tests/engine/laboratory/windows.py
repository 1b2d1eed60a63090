"""Windows (P3)."""

from __future__ import annotations

from events.words import B, C, V, charges
from streams.define import EDGE, RESET, Field, Param, cool, days, hours, per, per_day
from tests.engine.laboratory.toys import toy

party = V.where().same(V.other_party)
three = Param(3, unit="calls", doc="so many", name="three", ge=1, le=100)

pairs = party.within(hours(1))
crowd = V.all.within(hours(1))
pair_edge = party.within(hours(1))
few = V.all.within(hours(1))
two_days = V.all.within(days(2))
money = V.where().same(V.currency).within(days(3))
lengths = V.all.within(hours(12))
prices = V.all.within(days(7))
cells = V.all.within(hours(24))
dearest = V.all.within(days(30))
big = V.all.within(hours(24))
contacts = C.all.within(days(400))
spent = charges.same(B.currency).within(hours(24))
deep = V.where().same(V.other_party, V.direction).within(days(1))

EVENTS = [
    toy("pairs", "line", pairs.count() >= 2, per(V.outcome), n=(Field[int], pairs.count())),
    toy("crowd", "line", crowd.count() >= three, EDGE, parameters=(three,), n=(Field[int], crowd.count()), longest=(Field[int | None], crowd.largest(V.duration_s))),
    toy("pair_edge", "line", pair_edge.count() >= 2, EDGE, n=(Field[int], pair_edge.count())),
    toy("few", "line", few.count() < 3, EDGE, n=(Field[int], few.count())),
    toy("emptied", "line", two_days.count() >= 2, RESET, n=(Field[int], two_days.count())),
    toy("emptied_seldom", "account", (again := V.all.within(hours(24))).count() >= 2, (RESET, cool(days(1))), n=(Field[int], again.count())),
    toy("money", "line", money.sum(V.charge_minor) >= 100, cool(hours(5)), total=(Field[int], money.sum(V.charge_minor)), most=(Field[int | None], money.largest(V.charge_minor))),
    toy("lengths", "line", lengths.distinct(V.duration_s) >= 2, cool(days(1), per=V.direction), n=(Field[int], lengths.distinct(V.duration_s))),
    toy("prices", "line", prices.distinct(V.charge_minor) >= 2, EDGE, n=(Field[int], prices.distinct(V.charge_minor))),
    toy("cells", "customer", cells.distinct(V.cell_id) >= 2, RESET, n=(Field[int], cells.distinct(V.cell_id))),
    toy(
        "dearest",
        "line",
        dearest.count() >= 3,
        cool(days(3)),
        cell=(Field[str | None], dearest.top(V.cell_id, by=V.charge_minor)),
        party=(Field[str | None], dearest.top(V.other_party, by=V.duration_s)),
    ),
    toy("big", "account", big.largest(V.charge_minor) <= 60, most=(Field[int | None], big.largest(V.charge_minor))),
    toy("contacts", "customer", contacts.count() >= 2, per_day(), n=(Field[int], contacts.count())),
    toy("spent", "account", spent.sum(-B.delta) >= 2000, cool(hours(1), per=B.charge_reason), total=(Field[int], spent.sum(-B.delta)), n=(Field[int], spent.count())),
    toy("deep", "line", deep.count() >= 2, cool(days(2), per=V.outcome), n=(Field[int], deep.count())),
]
