"""The first week is over: see how it went, and help where it did not."""

from events.line.activated import Activated
from events.stories import call, message, moment, status, view
from events.words import L, W, act, line_status
from streams.define import Case, Detail, Event, Param, once


class Day7(Event, by="line"):
    hour = Param("10:00", doc="local time of day")

    acts = act.within("8d")  # since the day of the activation
    # survives: W.subscription_id.known() in where → nothing: what is of no line is left out anyway
    app = W.where(W.platform == "app", W.subscription_id.known()).within("8d")
    when = Activated.where().on(L.event_time.date + "7d", at=hour).where(line_status.latest(L.new_value) == "active")
    # survives: once → nothing: a line is activated once
    rearm = once
    detail = Detail(acts=acts.count(), app_used=app.count() > 0)


LIVE, END = status("pendingActive", "active", "1 12:00"), moment("8 10:01")
CASES = [
    Case("used, and the app too", [LIVE, call("1 13:00"), message("2 10:00"), view("home", "3 10:00")], [{"acts": 2, "app_used": True}], until=END),
    Case("not used", [LIVE], [{"acts": 0, "app_used": False}], until=END),
    Case("a page of the web is not the app", [LIVE, view("home", "3 10:00", platform="web")], [{"acts": 0, "app_used": False}], until=END),
    Case("not yet", [LIVE, call("2 10:00")], [], until=moment("8 09:59")),
    Case("suspended by then", [LIVE, status("active", "suspended", "5 10:00")], [], until=END),
    Case("back from a suspension", [status("suspended", "active", "1 12:00")], [], until=END),
    Case("not before ten", [LIVE], [], until=moment("8 10:00:04")),
    Case(
        "use before the day of the activation",
        [call("2 23:59"), view("home", "2 23:59"), status("pendingActive", "active", "3 12:00"), call("3 00:00", start_time=moment("2 10:00"))],
        [{"acts": 1, "app_used": False}],
        until=moment("10 10:01"),
    ),
    Case("the app on that day", [LIVE, view("home", "1 13:00")], [{"acts": 0, "app_used": True}], until=END),
]
