"""No data for a week, from someone who used it often: win the use back."""

from events.stories import moment, session
from events.words import sessions
from streams.define import Case, Event, Field, Param, Time, active_days, days


class Silent(Event, by="line"):
    quiet = Param(7, unit="civil days", name="T", ge=1, doc="so long without data is silence")

    silence = sessions.silent(days(quiet), given=active_days(5, of=14))
    when = silence

    last_data_at: Field[Time] = silence.since
    days: Field[int] = quiet


WEEK = [session(f"{day} 12:00") for day in range(1, 6)]
CASES = [
    Case("a week after five days of use", WEEK, [{"last_data_at": "2026-05-05T04:00:00.000Z", "days": 7}], until=moment("12 12:00:05")),
    Case("not before the week is over", WEEK, [], until=moment("12 12:00:04")),
    Case("use at the very end is in time", [*WEEK, session("12 12:00")], [], until=moment("13 00:00")),
    Case("four days of use are not a habit", WEEK[1:], [], until=moment("30 00:00")),
]
