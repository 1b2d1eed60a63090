"""The same problem, several contacts: give it to a case owner."""

from events.words import C, contacts
from streams.define import RESET, Event, Field, Param, days


class RepeatContact(Event, by="customer", number=102):
    window = Param(7, unit="civil days", ge=1, doc="today and the days before it that are looked at")
    n = Param(3, unit="contacts", ge=1, doc="so many are too many")

    problems = contacts.where(C.status == "completed", ~C.reason.isin("balance_query", "offer", "praise"))
    recent = problems.same(C.reason).within(days(window))
    when = recent.count() >= n
    rearm = RESET

    reason: Field[str] = C.reason
    contacts: Field[int] = recent.count()
    channels: Field[int] = recent.distinct(C.channel)
