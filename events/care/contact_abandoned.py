"""Hung up after waiting: call back."""

from events.stories import contact
from events.words import C, contacts
from streams.define import Case, Detail, Event, Param, cool


class ContactAbandoned(Event, by="customer"):
    min = Param(60, unit="s", ge=0, doc="who waited less has just changed their mind")

    when = contacts.where(C.status == "completed", C.resolution == "abandoned", C.wait_s >= min)
    rearm = cool("1h")
    detail = Detail(wait_s=C.wait_s, channel=C.channel)


GONE = {"wait_s": 60, "channel": "call_agent"}
CASES = [
    Case("a minute of waiting", [contact("10:00", "completed", resolution="abandoned", wait_s=60)], [GONE]),
    Case("a second less", [contact("10:00", "completed", resolution="abandoned", wait_s=59)], []),
    Case("how long is unknown", [contact("10:00", "completed", resolution="abandoned")], []),
    Case("is still waiting", [contact("10:00", "inProgress", wait_s=60)], []),
    Case("was helped in the end", [contact("10:00", "completed", resolution="resolved", wait_s=60)], []),
    Case("the operator called", [contact("10:00", "completed", resolution="abandoned", wait_s=60, direction="outbound")], []),
    Case(
        "once an hour",
        [contact(at, "completed", resolution="abandoned", wait_s=60) for at in ("10:00", "10:59:59.999", "11:00")],
        [GONE, GONE],
    ),
    Case("it is not over", [contact("10:00", "inProgress", resolution="abandoned", wait_s=60)], []),
]
