"""An anniversary with the operator: a gift for loyalty."""

from events.stories import Record, call, status, view
from events.words import L, anything, line_status
from streams.define import Case, Detail, Event, Param, once_per, ref


class TenureYear(Event, by="line"):
    hour = Param("10:00", doc="local time of day")

    since = anything.yearly(ref.line.activation_date(anything.subscription_id), at=hour)  # whatever first shows that the line is there
    when = since.where(line_status.latest(L.new_value).or_("active") == "active")  # a line whose state nobody reported is active: it sends records
    rearm = once_per(since.years)
    detail = Detail(years=since.years)


def later(what: Record, at: str) -> Record:
    """The record at another time, +08:00."""
    return {**what, "event_time": f"{at}+08:00"}


YEAR, TWO = "2027-04-01T10:01:00+08:00", "2028-04-01T10:01:00+08:00"
CASES = [
    Case("every year", [call()], [{"years": 1}, {"years": 2}], until=TWO),
    Case("not before ten", [call()], [], until="2027-04-01T09:59:00+08:00"),
    Case("whatever the first record is", [view("home")], [{"years": 1}], until=YEAR),
    Case(
        "once, however many there are",
        [call("10:00"), view("home", "11:00"), later(call(), "2027-03-31T10:00:00"), later(call(), "2027-04-02T10:00:00")],
        [{"years": 1}],
        until="2027-04-03T10:00:00+08:00",
    ),
    Case("the first at that very moment", [later(call(), "2027-04-01T10:00:00")], [{"years": 1}], until="2027-04-02T10:00:00+08:00"),
    Case("the first after it: the next year", [later(call(), "2027-04-01T10:00:00.001")], [{"years": 2}], until=TWO),
    Case("suspended then", [call(), status("active", "suspended", "2 10:00")], [], until=YEAR),
    Case("suspended, and active again in time", [call(), status("active", "suspended", "2 10:00"), status("suspended", "active", "3 10:00")], [{"years": 1}], until=YEAR),
    Case("ended", [call(), status("active", "terminated", "2 10:00")], [], until=TWO),
    Case("a line that the operator's table does not have", [call(subscription_id="S2")], [], until=TWO),
    Case(
        "a record of that moment that comes later",
        [later(call(), "2027-03-31T10:00:00"), later(call(customer_id="C2", account_id="A2", subscription_id="S9"), "2027-04-01T10:00:10"), later(call(), "2027-04-01T10:00:00")],
        [{"years": 1}],
        until="2027-04-02T10:00:00+08:00",
    ),
]
