"""An agreement ends in 7 days: the last call, with a device deal."""

from events.stories import agreement
from events.words import agreement_end, agreement_ends, given_up, last_end
from streams.define import Case, Detail, Event, Param, day, once_per


class Expiring7(Event, by="line"):
    hour = Param("10:00", doc="at this time of day")

    when = agreement_ends.on(agreement_end - "7d", at=hour, catch_up_until=agreement_end).unless(given_up).where(last_end <= agreement_end)
    rearm = once_per(agreement_end)
    detail = Detail(end_date=agreement_end, days_left=agreement_end - day)


END, LATER = "2026-05-29", "2026-12-01T00:00:00+08:00"
DETAIL = {"end_date": END, "days_left": 7}
CASES = [
    Case("7 days before at ten", [agreement(END, "1 12:00")], [DETAIL], until=LATER),
    Case("learnt at the moment itself", [agreement(END, "22 10:00")], [DETAIL], until=LATER),
    Case("learnt on the last day but one", [agreement(END, "28 10:00")], [{**DETAIL, "days_left": 1}], until=LATER),
    Case("learnt on the last day", [agreement(END, "29 00:00")], [], until=LATER),
    Case("terminated before", [agreement(END, "1 12:00"), agreement(None, "2 12:00")], [], until=LATER),
    Case("another is terminated", [agreement(END, "1 12:00"), agreement(None, "2 12:00", "AG-2")], [DETAIL], until=LATER),
    Case("another ends later", [agreement(END, "1 12:00"), agreement("2028-01-01", "2 12:00", "AG-2")], [], until="2026-12-01T00:00:00+08:00"),
    Case("the later one was terminated", [agreement(END, "1 12:00"), agreement("2028-01-01", "2 12:00", "AG-2"), agreement(None, "3 12:00", "AG-2")], [DETAIL], until=LATER),
    Case("two end on one day", [agreement(END, "1 12:00"), agreement(END, "1 12:01", "AG-2")], [DETAIL, DETAIL], until=LATER),
    Case("moved away", [agreement(END, "1 12:00"), agreement("2028-01-01", "2 12:00", old_value=END)], [], until=LATER),
    Case("given up, and another ends earlier", [agreement(END, "1 12:00"), agreement("2026-04-30", "1 12:01", "AG-2"), agreement(None, "2 12:00")], [], until=LATER),
    Case("not before ten", [agreement(END, "1 12:00")], [], until="2026-05-22T10:00:04+08:00"),
    Case("at ten", [agreement(END, "1 12:00")], [DETAIL], until="2026-05-22T10:00:05+08:00"),
    Case("named again later", [agreement(END, "1 12:00"), agreement(END, "23 12:00")], [DETAIL], until=LATER),
]
