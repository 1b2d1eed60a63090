"""No digital visit for a month, from someone who came often: a push to return."""

from events.stories import view
from events.words import W
from streams.define import Case, Detail, Event, Param, day


class Dormant(Event, by="customer"):
    quiet = Param("30d", name="T", ge="1d", doc="so long without a view is dormant")

    when = W.all.silent(quiet, given=W.all.within("60d").distinct(day) >= 4)
    detail = Detail(last_visit=W.event_time)


DAYS = [view("home", f"{date} 12:00") for date in range(1, 5)]
CASES = [
    Case("a month after four days of visits", DAYS, [{"last_visit": "2026-05-04T04:00:00.000Z"}], until="2026-06-03T12:00:05+08:00"),
    Case("not before the month is over", DAYS, [], until="2026-06-03T12:00:04+08:00"),
    Case("three days are no habit", [*DAYS[1:], view("home", "4 13:00")], [], until="2026-07-30T00:00:00+08:00"),
    Case("back at the last moment", [*DAYS, {**view("home"), "event_time": "2026-06-03T12:00:00+08:00"}], [], until="2026-07-03T12:00:04+08:00"),
    Case(
        "the sixtieth day is in",
        [{**view("home"), "event_time": "2026-03-06T00:00:00+08:00"}, *DAYS[1:]],
        [{"last_visit": "2026-05-04T04:00:00.000Z"}],
        until="2026-06-03T12:00:05+08:00",
    ),
    Case("the one before is out", [{**view("home"), "event_time": "2026-03-05T23:59:59.999+08:00"}, *DAYS[1:]], [], until="2026-07-30T00:00:00+08:00"),
]
