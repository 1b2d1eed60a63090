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
    Case("the seventh civil day is in", [contact(at, "completed") for at in ("1 00:00", "2 10:00", "7 23:59")], [{"reason": "billing", "contacts": 3, "channels": 1}]),
    Case("the eighth is out", [contact(at, "completed") for at in ("1 23:59", "2 10:00", "8 00:00")], []),
    Case("contacts that are not over", [contact(f"{date} 10:00") for date in (1, 2, 3)], []),
    Case(
        "to ask for the balance or for an offer is no problem",
        [contact(f"{date} 10:0{at}", "completed", reason=reason, offering_id="o-1") for date in (1, 2, 3) for at, reason in enumerate(("balance_query", "offer"))],
        [],
    ),
    Case("after three, three more are needed", [contact(f"{date} 10:00", "completed") for date in (1, 2, 3, 4, 5)], [{"reason": "billing", "contacts": 3, "channels": 1}]),
]
