"""The line went live and was not used: help with the set-up."""

from events.line.activated import Activated
from events.stories import call, message, moment, service, session, status
from events.words import L, act
from streams.define import Case, Detail, Event, Param, once


class NeverUsed(Event, by="line"):
    wait = Param("3d", name="T", ge="1d", doc="by then a new line should have been used")

    when = Activated.without(act, within=wait)
    # survives: once → nothing: a line is activated once
    rearm = once
    detail = Detail(activated_at=L.event_time)


LIVE = status("pendingActive", "active", "1 10:00")
CASES = [
    Case("three days without use", [LIVE], [{"activated_at": "2026-05-01T02:00:00.000Z"}], until=moment("4 10:00:05")),
    Case("not before three days", [LIVE], [], until=moment("4 10:00:04")),
    Case("called at the last moment", [LIVE, call("4 10:00", duration_s=1)], [], until=moment("9 10:00")),
    Case("called a moment too late", [LIVE, call("4 10:00:00.001")], [{"activated_at": "2026-05-01T02:00:00.000Z"}]),
    Case("a message, a session or a service is use", [LIVE, message("2 10:00"), session("2 11:00", 1), service("2 12:00")], [], until=moment("9 10:00")),
    Case(
        "what is no use",
        [LIVE, call("2 10:00", "no_answer"), message("2 11:00", direction="mt"), message("2 12:00", result="failed"), session("2 13:00", 0)],
        [{"activated_at": "2026-05-01T02:00:00.000Z"}],
        until=moment("4 10:00:05"),
    ),
    Case("back from a suspension", [status("suspended", "active", "1 10:00")], [], until=moment("9 10:00")),
]
