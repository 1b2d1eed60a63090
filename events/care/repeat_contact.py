"""The same problem, several contacts: give it to a case owner."""

from events.stories import contact
from events.words import C, contacts
from streams.define import RESET, Case, Event, Field, Param, days


class RepeatContact(Event, by="customer"):
    window = Param(7, unit="civil days", ge=1, doc="today and the days before it that are looked at")
    n = Param(3, unit="contacts", ge=1, doc="so many are too many")

    problems = contacts.where(C.status == "completed", ~C.reason.isin("balance_query", "offer", "praise"))
    recent = problems.same(C.reason).within(days(window))
    when = recent.count() >= n
    rearm = RESET

    reason: Field[str] = C.reason
    contacts: Field[int] = recent.count()
    channels: Field[int] = recent.distinct(C.channel)


CASES = [
    Case(
        "three times about the bill",
        [contact("1 10:00", "completed"), contact("2 10:00", "completed", channel="chat"), contact("3 10:00", "completed", reason="network"), contact("4 10:00", "completed")],
        [{"reason": "billing", "contacts": 3, "channels": 2}],
    ),
    Case("twice is not often", [contact("1 10:00", "completed"), contact("2 10:00", "completed")], []),
    Case("praise is no problem", [contact(f"{day} 10:00", "completed", reason="praise") for day in (1, 2, 3)], []),
]
