"""The second complaint in a month: a retention specialist takes over."""

from events.care.complaint_filed import ComplaintFiled
from events.stories import contact, ticket
from streams.define import Case, Detail, Event, Param, event_time, reset


class ComplaintRepeat(Event, by="customer"):
    window = Param("30d", ge="1d", doc="today and the days before it that are looked at")
    n = Param(2, unit="complaints", ge=1, doc="so many are a pattern")

    complaints = ComplaintFiled.where()
    recent = complaints.within(window)
    when = complaints.where(recent.count() >= n)
    rearm = reset
    # survives: .or_(event_time) → nothing: there is always a first one; it says that the field is never null
    detail = Detail(complaints=recent.count(), first_at=recent.first(complaints.time).or_(event_time))


TWICE = {"complaints": 2, "first_at": "2026-04-30T16:00:00.000Z"}
CASES = [
    Case("the first is on the thirtieth civil day", [ticket("1 00:00", creation_date="2026-04-30T15:00:00Z"), ticket("30 23:59", ticket_id="T2")], [TWICE]),
    Case("the thirty-first civil day is out", [ticket("1 23:59"), ticket("31 00:00", ticket_id="T2")], []),
    Case("one ticket, acknowledged twice", [ticket("1 10:00"), ticket("2 10:00")], []),
    Case(
        "after two, two more are needed",
        [contact(f"{date} 00:00", "completed", reason="complaint", start_time="2026-04-30T16:00:00Z") for date in (1, 2, 3)],
        [TWICE],
    ),
]
