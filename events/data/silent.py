"""No data for a week, from someone who used it often: win the use back."""

from events.words import sessions
from streams.define import Event, Field, Param, Time, active_days, days


class Silent(Event, by="line", number=71):
    quiet = Param(7, unit="civil days", name="T", ge=1, doc="so long without data is silence")

    silence = sessions.silent(days(quiet), given=active_days(5, of=14))
    when = silence

    last_data_at: Field[Time] = silence.since
    days: Field[int] = quiet
