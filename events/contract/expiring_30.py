"""An agreement ends in 30 days: send a renewal offer."""

from events.stories import agreement
from events.words import agreement_end, agreement_ends, given_up, last_end
from streams.define import Case, Detail, Event, Param, day, once_per


class Expiring30(Event, by="line"):
    hour = Param("10:00", doc="at this time of day")

    when = agreement_ends.on(agreement_end - "30d", at=hour).unless(given_up).where(last_end <= agreement_end)
    rearm = once_per(agreement_end)
    detail = Detail(end_date=agreement_end, days_left=agreement_end - day)


END, LATER = "2026-06-21", "2026-12-01T00:00:00+08:00"
DETAIL = {"end_date": END, "days_left": 30}
CASES = [
    Case("30 days before at ten", [agreement(END, "1 12:00")], [DETAIL], until=LATER),
    Case("learnt at the moment itself", [agreement(END, "22 10:00")], [DETAIL], until=LATER),
    Case("learnt a moment later", [agreement(END, "22 10:00:00.001")], [], until=LATER),
    Case("terminated before", [agreement(END, "1 12:00"), agreement(None, "2 12:00")], [], until=LATER),
    Case("another is terminated", [agreement(END, "1 12:00"), agreement(None, "2 12:00", "AG-2")], [DETAIL], until=LATER),
    Case("another ends later", [agreement(END, "1 12:00"), agreement("2028-01-01", "2 12:00", "AG-2")], [], until="2026-12-01T00:00:00+08:00"),
    Case("the later one was terminated", [agreement(END, "1 12:00"), agreement("2028-01-01", "2 12:00", "AG-2"), agreement(None, "3 12:00", "AG-2")], [DETAIL], until=LATER),
    Case("two end on one day", [agreement(END, "1 12:00"), agreement(END, "1 12:01", "AG-2")], [DETAIL, DETAIL], until=LATER),
    Case("moved away", [agreement(END, "1 12:00"), agreement("2028-01-01", "2 12:00", old_value=END)], [], until=LATER),
    Case("given up, and another ends earlier", [agreement(END, "1 12:00"), agreement("2026-04-30", "1 12:01", "AG-2"), agreement(None, "2 12:00")], [], until=LATER),
    Case(
        "named again at that very moment, after the event was published",
        [agreement(END, "1 12:00"), agreement(END, "22 10:00:10", customer_id="C2", account_id="A2", subscription_id="S9"), agreement(END, "22 10:00")],
        [DETAIL],
        until=LATER,
    ),
]
