"""Windows (P3): every function of a frame, every way in which trigger and frame may differ."""

from __future__ import annotations

from events.words import B, C, V, charged, charges
from streams.define import Param, cool, day, edge, once_per, reset
from tests.engine.laboratory.toys import toy

voice, dropped = V.all, V.where(V.outcome == "dropped")
by_party, by_length, priced = V.same(V.other_party), V.same(V.duration_s), V.same(V.currency)
deep, asked = V.same(V.other_party, V.direction), C.where(C.status == "opened")
three = Param(3, unit="calls", doc="so many", name="three", ge=1, le=100)
least = Param("2h", doc="so long", name="least", ge="1min", le="48h")

hour, half_day, day_long, two_days, week = voice.within("1h"), voice.within("12h"), voice.within("24h"), voice.within("2d"), voice.within("7d")
pair, party_day, length_day, deep_day = by_party.within("1h"), by_party.within("1d"), by_length.within("1d"), deep.within("1d")
money, month = priced.within("3d"), priced.within("30d")
contacts, lately, drops = C.all.within("400d"), asked.within("2d"), dropped.within("5h")
spent = charges.within("24h")
set_by_author = voice.within(least)
legs = day_long.distinct(V.call_id) + voice.where(V.call_id.is_unknown()).within("24h").count()
before = half_day.before()
elsewhere = two_days.before().latest(V.cell_id)

EVENTS = [
    # Of the trigger's own stream
    toy("pairs", "line", by_party.where(pair.count() >= 2), once_per(V.outcome), n=pair.count()),
    toy("crowd", "line", voice.where(hour.count() >= three), edge, parameters=(three,), n=hour.count(), longest=hour.largest(V.duration_s)),
    toy("pair_edge", "line", by_party.where(pair.count() >= 2), edge, n=pair.count()),
    toy("few", "line", voice.where(hour.count() < 3), edge, n=hour.count()),
    toy("emptied", "line", voice.where(two_days.count() >= 2), reset, n=two_days.count()),
    toy("kept", "line", voice.where(two_days.count() >= 2), n=two_days.count()),
    toy("emptied_seldom", "account", voice.where(day_long.count() >= 2), (reset, cool("1d")), n=day_long.count()),
    toy("emptied_party", "line", by_party.where(party_day.count() >= 2), (reset, cool("5h", per=V.outcome)), n=party_day.count()),
    toy("civil_edge", "account", voice.where(two_days.count() >= 3), edge, n=two_days.count()),
    toy("set", "line", voice.where(set_by_author.count() >= 2), (edge, cool("1h")), parameters=(least,), seconds=least.seconds),
    toy("money", "line", priced.where(money.sum(V.charge_minor) >= 100), cool("5h"), total=money.sum(V.charge_minor), most=money.largest(V.charge_minor)),
    toy("lengths", "line", voice.where(half_day.distinct(V.duration_s) >= 2), cool("1d", per=V.direction), n=half_day.distinct(V.duration_s)),
    toy("causes", "line", voice.where(week.distinct(V.cause_for_term) >= 2), edge, n=week.distinct(V.cause_for_term), sum=week.sum(V.cause_for_term)),
    toy("cells", "customer", voice.where(day_long.distinct(V.cell_id) >= 2), reset, n=day_long.distinct(V.cell_id), cells=day_long.list(V.cell_id)),
    toy("dearest", "line", priced.where(month.count() >= 3), cool("3d"), cell=month.top(V.cell_id, by=V.charge_minor), party=month.top(V.other_party, by=V.duration_s)),
    toy("big", "account", priced.where(month.largest(V.charge_minor) <= 60), most=month.largest(V.charge_minor)),
    toy("contacts", "customer", C.where(contacts.count() >= 2), once_per(day), n=contacts.count()),
    toy("spent", "account", charges.where(spent.sum(charged) >= 2000), cool("1h", per=B.charge_reason), total=spent.sum(charged), n=spent.count()),
    toy("deep", "line", deep.where(deep_day.count() >= 2), cool("2d", per=V.outcome), n=deep_day.count()),
    toy("same_length", "line", by_length.where(length_day.count() >= 2), edge, n=length_day.count()),
    toy("days", "customer", voice.where(week.distinct(day) >= 3), reset, days=week.distinct(day), moments=week.distinct(voice.time)),
    toy(
        "ends",
        "line",
        voice.where(two_days.count() >= 2),
        cool("1d"),
        outcome=two_days.latest(V.outcome),
        cell=two_days.latest(V.cell_id),
        first_cell=two_days.first(V.cell_id),
        party=two_days.first(V.other_party),
        since=two_days.first(voice.time),
        last_at=two_days.latest(voice.time),
        least=two_days.smallest(V.cause_for_term),
        shortest=two_days.smallest(V.duration_s),
        outcomes=two_days.list(V.outcome),
    ),
    toy("calls", "account", voice.where(legs >= 2), edge, legs=legs),
    # Without the trigger's own record
    toy("after_rest", "line", voice.where(before.count() == 0), n=half_day.count()),
    toy("moved_on", "customer", voice.where(V.cell_id != elsewhere), cool("1h"), was=elsewhere, to=V.cell_id),
    toy("longest_yet", "line", voice.where(V.duration_s > week.before().largest(V.duration_s)), once_per(day), was=week.before().largest(V.duration_s)),
    toy("edge_before", "account", voice.where(day_long.before().count() >= 2), edge, n=day_long.before().count()),
    # Any
    toy("after_drop", "line", V.where(V.outcome == "answered", drops.count() >= 1), cool("1h"), n=drops.count(), cell=drops.latest(V.cell_id)),
    toy("any_drop", "line", voice.where(hour.any(V.outcome == "dropped")), edge, n=hour.count()),
    toy("any_x", "account", voice.where(hour.any(V.cell_id == "x"), ~hour.before().any(V.cell_id == "y")), reset, dear=hour.any(V.charge_minor >= 50)),
    # Of another stream, or split otherwise
    toy("dropped_after_contact", "customer", dropped.where(lately.count() >= 1), cool("1d", per=V.other_party), n=lately.count(), reason=lately.latest(C.reason)),
    toy("long_among_others", "line", voice.where(V.duration_s >= 61, hour.count() >= 2), reset, n=hour.count()),
    toy("familiar", "line", voice.where(party_day.count() >= 2), cool("12h"), n=party_day.count()),
    toy("share", "line", by_party.where(2 * party_day.count() > day_long.count(), party_day.count() >= 2), edge, own=party_day.count(), all=day_long.count()),
]
