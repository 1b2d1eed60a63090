"""Reads about roaming while all lines are at home: a pack before the trip."""

from events.stories import roaming, seen, status, view
from events.words import W, lines_at_home
from streams.define import Case, Detail, Event, Param, cool, own_lines


class RoamingLookup(Event, by="customer"):
    least = Param("5s", ge="1s", name="min", doc="so long on the page is reading")

    when = W.where(W.page_category == "roaming", (W.dwell_ms >= least) | (W.outcome == "submit"), lines_at_home.count() >= 1, lines_at_home.count() == own_lines)
    rearm = cool("72h")
    detail = Detail(page=W.page)


HOME = seen("310000", "09:00")
PAGE = {"page": "/roaming"}


def read(at: str, dwell_ms: int | None = 5000, **more: object) -> dict[str, object]:
    """The page about roaming."""
    return view("roaming", at, **{"dwell_ms": dwell_ms, **more})


CASES = [
    Case("five seconds", [HOME, read("10:00")], [PAGE]),
    Case("a little less", [HOME, read("10:00", 4999)], []),
    Case("nobody knows how long", [HOME, read("10:00", None)], []),
    Case("submitted", [HOME, read("10:00", None, outcome="submit")], [PAGE]),
    Case("another page", [HOME, view("help", "10:00", dwell_ms=9000)], []),
    Case("abroad", [HOME, roaming("208-01", "09:30"), read("10:00")], []),
    Case("back again, over an unknown network", [roaming("208-01", "08:30"), HOME, roaming("999-99", "09:30"), read("10:00")], [PAGE]),
    Case("never seen", [read("10:00")], []),
    Case("another line was never seen", [HOME, status("pendingActive", "active", "09:30", "S2"), read("10:00")], []),
    Case("another line is abroad", [HOME, {**roaming("208-01", "09:30"), "subscription_id": "S2"}, read("10:00")], []),
    Case(
        "another line was terminated abroad", [HOME, {**roaming("208-01", "09:30"), "subscription_id": "S2"}, status("active", "terminated", "09:40", "S2"), read("10:00")], [PAGE]
    ),
    Case("once in three days", [HOME, read("1 10:00"), read("4 09:59:59.999"), read("4 10:00")], [PAGE, PAGE]),
    Case("a moment before three days are over", [HOME, read("1 10:00"), read("4 09:59:59.999")], [PAGE]),
    Case("every line was terminated", [HOME, status("active", "terminated", "09:30"), read("10:00")], []),
]
