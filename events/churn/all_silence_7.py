"""No use at all for a week, of a line that was in use: an offer that wakes it up."""

from events.stories import call, message, moment, service, session
from events.words import act
from streams.define import Case, Detail, Event, Param, day


class AllSilence7(Event, by="line"):
    quiet = Param("7d", name="T", ge="1d", doc="so long without use is silence")

    when = act.silent(quiet, given=act.within("14d").distinct(day) >= 5)
    detail = Detail(last_act=act.time, last_type=act.name)


USED = [call("1 12:00"), message("2 12:00"), service("3 12:00"), call("4 12:00", "dropped", 1), session("5 12:00", 1)]
CASES = [
    Case("a week after five days of use", USED, [{"last_act": "2026-05-05T04:00:00.000Z", "last_type": "data_usage"}], until=moment("12 12:00:05")),
    Case("not before the week is over", USED, [], until=moment("12 12:00:04")),
    Case("use at the very end is in time", [*USED, service("12 12:00")], [], until=moment("13 00:00")),
    Case("four days of use are not a habit", USED[1:], [], until=moment("30 00:00")),
    Case("the fourteenth day is in", [*USED[:4], call("14 23:59")], [{"last_act": "2026-05-14T15:59:00.000Z", "last_type": "voice_usage"}], until=moment("21 23:59:05")),
    Case("the fifteenth is out", [*USED[:4], call("15 00:00")], [], until=moment("31 00:00")),
    Case(
        "what is no use",
        [*USED, call("6 12:00", "no_answer"), message("7 12:00", direction="mt"), message("8 12:00", result="failed"), session("9 12:00", 0)],
        [{"last_act": "2026-05-05T04:00:00.000Z", "last_type": "data_usage"}],
        until=moment("12 12:00:05"),
    ),
]
