"""No data for a week, from someone who used it often: win the use back."""

from events.stories import moment, session
from events.words import sessions
from streams.define import Case, Detail, Event, Param, day


class Silent(Event, by="line"):
    quiet = Param("7d", name="T", ge="1d", doc="so long without data is silence")

    when = sessions.silent(quiet, given=sessions.within("14d").distinct(day) >= 5)
    detail = Detail(last_data_at=sessions.time, days=quiet.days)


WEEK = [session(f"{date} 12:00") for date in range(1, 6)]
CASES = [
    Case("a week after five days of use", WEEK, [{"last_data_at": "2026-05-05T04:00:00.000Z", "days": 7}], until=moment("12 12:00:05")),
    Case("not before the week is over", WEEK, [], until=moment("12 12:00:04")),
    Case("use at the very end is in time", [*WEEK, session("12 12:00")], [], until=moment("13 00:00")),
    Case("four days of use are not a habit", WEEK[1:], [], until=moment("30 00:00")),
    Case(
        "the first of them 13 civil days before the last",
        [session(f"{date} 12:00") for date in (1, 11, 12, 13, 14)],
        [{"last_data_at": "2026-05-14T04:00:00.000Z", "days": 7}],
        until=moment("21 12:00:05"),
    ),
    Case("14 days before it", [session(f"{date} 12:00") for date in (1, 12, 13, 14, 15)], [], until=moment("30 00:00")),
]
