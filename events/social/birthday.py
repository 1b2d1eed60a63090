"""The customer's birthday: a small gift."""

from events.stories import Record, agreement, state_change
from events.words import L
from streams.define import Case, Detail, Event, Param, once_per, year


class Birthday(Event, by="customer"):
    hour = Param("09:00", doc="local time of day")

    when = L.where(L.attribute == "customer.birth_date").yearly(L.new_value.as_date(), at=hour)
    rearm = once_per(year)
    detail = Detail(age=when.years)


def born(day: str, at: str = "2026-05-01T08:00:00+08:00", old: str | None = None) -> Record:
    """The day of birth is reported."""
    return state_change("customer.birth_date", old, day, event_time=at)


CASES = [
    Case("every year", [born("1990-05-10")], [{"age": 36}, {"age": 37}], until="2027-05-10T09:01:00+08:00"),
    Case("not before nine", [born("1990-05-10")], [], until="2026-05-10T08:59:00+08:00"),
    Case("reported at that very moment", [born("1990-05-01", "2026-05-01T09:00:00+08:00")], [{"age": 36}], until="2026-05-02T00:00:00+08:00"),
    Case("reported after it: not before the next year", [born("1990-05-01", "2026-05-01T09:00:00.001+08:00")], [{"age": 37}], until="2027-05-02T00:00:00+08:00"),
    Case(
        "on 29 February",
        [born("1992-02-29")],
        [{"age": 35}, {"age": 36}],
        until="2028-02-29T09:01:00+08:00",
    ),
    Case("not on the 28th of a leap year", [born("1992-02-29", "2028-02-01T08:00:00+08:00")], [], until="2028-02-28T23:00:00+08:00"),
    Case("corrected before the day", [born("1990-05-10"), born("1991-07-11", "2026-05-09T08:00:00+08:00", "1990-05-10")], [{"age": 35}], until="2026-12-31T00:00:00+08:00"),
    Case(
        "corrected after it: once a year",
        [born("1990-05-10"), born("1990-07-11", "2026-05-11T08:00:00+08:00", "1990-05-10")],
        [{"age": 36}, {"age": 37}],
        until="2027-07-12T00:00:00+08:00",
    ),
    Case("another attribute", [state_change("customer.city", None, "310000")], [], until="2027-05-10T09:01:00+08:00"),
    Case("the date of something else", [agreement("2026-05-10", "1 08:00")], [], until="2027-05-10T09:01:00+08:00"),
]
