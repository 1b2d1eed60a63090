"""Greets many people on a holiday: a greeting pack or a ringback tone may please."""

from events.stories import message
from events.words import M
from streams.define import Case, Detail, Event, Param, day, once_per, ref


class HolidayGreetings(Event, by="line"):
    n = Param(10, unit="people", ge=1, doc="so many people greeted are many")

    personal = M.where(M.direction == "mo", M.other_class.isin("onnet", "offnet"))
    greeted = personal.today().distinct(M.other_party)
    holiday = ref.holiday.holiday(ref.plmn.home_country(), day)
    when = personal.where(greeted >= n, holiday.known())
    rearm = once_per(day)
    detail = Detail(recipients=greeted, holiday=holiday)


def greetings(date: int, people: range, **more: object) -> list[dict[str, object]]:
    """A greeting to each of `people`, in one minute each from midnight on."""
    return [message(f"{date} 00:{minute:02d}", f"t:{minute}", **more) for minute in people]


CASES = [
    Case("ten people on Labour Day", greetings(1, range(10)), [{"recipients": 10, "holiday": "Labor Day"}]),
    Case("nine people", [*greetings(1, range(9)), *greetings(1, range(9))], []),
    Case("an ordinary day", greetings(11, range(20)), []),
    Case("two days are not one", [*greetings(1, range(9)), message("2 00:00", "t:10")], []),
    Case("pictures to other networks count", greetings(1, range(10), kind="mms", other_class="offnet"), [{"recipients": 10, "holiday": "Labor Day"}]),
    Case(
        "received, abroad, to services, to nobody known",
        [
            *greetings(1, range(9)),
            message("1 01:00", "t:20", direction="mt"),
            message("1 01:01", "t:21", other_class="international", other_country="US"),
            message("1 01:02", "t:22", other_class="premium"),
            message("1 01:03", other_party=None),
        ],
        [],
    ),
    Case("once a day", [*greetings(1, range(20)), *greetings(2, range(10))], [{"recipients": 10, "holiday": "Labor Day"}] * 2),
    Case("a competitor's hotline is no friend", [*greetings(1, range(9)), message("1 01:00", "t:20", other_class="competitor_hotline")], []),
]
