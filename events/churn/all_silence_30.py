"""No use for a month: win the line back."""

from events.stories import call, message, service
from events.words import act
from streams.define import Case, Detail, Event, Param


class AllSilence30(Event, by="line"):
    quiet = Param("30d", name="T", ge="1d", doc="so long without use is silence")

    when = act.silent(quiet)
    detail = Detail(last_act=act.time)


CASES = [
    Case("a month", [call("1 12:00")], [{"last_act": "2026-05-01T04:00:00.000Z"}], until="2026-05-31T12:00:05+08:00"),
    Case("not before it is over", [call("1 12:00")], [], until="2026-05-31T12:00:04+08:00"),
    Case("use at the very end is in time", [call("1 12:00"), service("31 12:00")], [], until="2026-06-30T12:00:04+08:00"),
    Case("use a moment later is not", [call("1 12:00"), service("31 12:00:00.001")], [{"last_act": "2026-05-01T04:00:00.000Z"}]),
    Case("what is no use begins nothing", [call("1 12:00", "no_answer"), message("1 13:00", direction="mt")], [], until="2026-07-01T00:00:00+08:00"),
]
