"""An agreement is over and was not renewed: keep the customer who is free to leave."""

from events.stories import agreement
from events.words import agreement_end, agreement_ends, given_up, last_end
from streams.define import Case, Detail, Event, once_per


class Lapsed(Event, by="line"):
    when = agreement_ends.on(agreement_end + "1d").unless(given_up).where(last_end <= agreement_end)
    rearm = once_per(agreement_end)
    detail = Detail(end_date=agreement_end)


END, LATER = "2026-05-20", "2026-12-01T00:00:00+08:00"
CASES = [
    Case("the midnight after the last day", [agreement(END, "1 12:00")], [{"end_date": END}], until=LATER),
    Case("learnt at that midnight", [agreement(END, "21 00:00")], [{"end_date": END}], until=LATER),
    Case("learnt a moment later", [agreement(END, "21 00:00:00.001")], [], until=LATER),
    Case("extended before", [agreement(END, "1 12:00"), agreement("2028-05-20", "20 23:59", old_value=END)], [], until=LATER),
    Case("terminated before", [agreement(END, "1 12:00"), agreement(None, "20 12:00")], [], until=LATER),
    Case("another ends later", [agreement(END, "1 12:00"), agreement("2028-05-20", "2 12:00", "AG-2")], [], until=LATER),
    Case("given up, and another ends earlier", [agreement(END, "1 12:00"), agreement("2026-04-30", "1 12:01", "AG-2"), agreement(None, "2 12:00")], [], until=LATER),
    Case(
        "named again at that very moment, after the event was published",
        [agreement(END, "1 12:00"), agreement(END, "21 00:00:10", customer_id="C2", account_id="A2", subscription_id="S9"), agreement(END, "21 00:00")],
        [{"end_date": END}],
        until=LATER,
    ),
]
