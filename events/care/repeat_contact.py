"""The same problem, several contacts: give it to a case owner."""

from events.stories import contact
from events.words import C, contacts
from streams.define import Case, Detail, Event, Param, reset


class RepeatContact(Event, by="customer"):
    window = Param("7d", ge="1d", doc="today and the days before it that are looked at")
    n = Param(3, unit="contacts", ge=1, doc="so many are too many")

    problems = contacts.where(C.status == "completed", ~C.reason.isin("balance_query", "offer", "praise")).same(C.reason)
    recent = problems.within(window)
    when = problems.where(recent.count() >= n)
    rearm = reset
    detail = Detail(reason=C.reason, contacts=recent.count(), channels=recent.distinct(C.channel))


CASES = [
    Case(
        "three times about the bill",
        [contact("1 10:00", "completed"), contact("2 10:00", "completed", channel="chat"), contact("3 10:00", "completed", reason="network"), contact("4 10:00", "completed")],
        [{"reason": "billing", "contacts": 3, "channels": 2}],
    ),
    Case("twice is not often", [contact("1 10:00", "completed"), contact("2 10:00", "completed")], []),
    Case("praise is no problem", [contact(f"{day} 10:00", "completed", reason="praise") for day in (1, 2, 3)], []),
]
