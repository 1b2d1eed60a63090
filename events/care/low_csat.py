"""A bad rating: someone should call."""

from events.stories import contact
from events.words import C
from streams.define import Case, Detail, Event, Param


class LowCsat(Event, by="customer"):
    max = Param(2, unit="stars", ge=1, le=5, doc="up to this a rating is bad")

    when = C.where(C.csat <= max)
    detail = Detail(csat=C.csat, reason=C.reason, channel=C.channel)


BAD = {"csat": 2, "reason": "billing", "channel": "call_agent"}
CASES = [
    Case("two stars, each time", [contact("10:00", "completed", csat=2), contact("10:01", "completed", csat=1)], [BAD, {**BAD, "csat": 1}]),
    Case("three stars", [contact("10:00", "completed", csat=3)], []),
    Case("no rating", [contact("10:00", "completed")], []),
    Case("the operator asked", [contact("10:00", "completed", csat=2, direction="outbound", channel="sms")], [{**BAD, "channel": "sms"}]),
]
