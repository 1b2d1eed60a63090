"""Anniversaries (P8): yearly dates that records name or the reference data have, moved, told again, of lines that end and come back."""

from __future__ import annotations

from events.words import B, C, V, all_topups, main
from streams.define import Param, any_of, cool, day, event_time, once, once_per, ref, year
from tests.engine.laboratory.toys import toy

hour = Param("10:00", doc="at this time of day", name="hour")
ends, voice = B.valid_until, V.all
every = main.yearly(ends.date, at=hour)
known = any_of(voice=V.all, balance=B.all)
tenure = known.yearly(ref.line.activation_date(known.subscription_id), at="09:30")
purse = main.same(B.bucket_id).yearly(ends.date - "400d", at="00:30")
asked = C.all.yearly(C.start_time.date, at="23:59")

EVENTS = [
    toy("of_date", "line", every, once_per(ends.date), years=every.years, was=ends.date, at=event_time, parameters=(hour,)),
    toy("of_line", "line", tenure.where(main.latest(B.balance_after).or_(1) > 0), years=tenure.years, what=known.name, left=day),
    toy("of_purse", "account", purse, cool("10d"), years=purse.years, bucket=B.bucket_id),
    toy("of_customer", "customer", asked.where(voice.within("30d").count() == 0), once, years=asked.years, since=C.all.time),
    toy("of_month_before", "line", main.yearly(ends.date - "1 month", at="10:00"), once_per(year), after=B.balance_after),
    toy("of_topup", "customer", all_topups.yearly(ref.line.activation_date(all_topups.subscription_id)).after("2d"), year=year),
    toy("each_year", "line", tenure.where(voice.count() >= 2), once_per(tenure.years), years=tenure.years, n=voice.this_month().count()),
]
