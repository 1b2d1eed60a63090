"""The device is gone: check in, before the customer is."""

from events.stories import call, message, moment, seen, session
from events.words import D, G, M, V
from streams.define import Case, Detail, Event, Param, any_of


class Unreachable(Event, by="line"):
    quiet = Param("48h", name="T", ge="1h", doc="so long without any sign")

    # survives: location_update=G in any_of → nothing: .latest begins the wait again as well
    sign = any_of(location_update=G, voice_usage=V, message_usage=M, data_usage=D)
    # survives: .latest → nothing: a location_update ends the wait and begins the next
    when = G.all.without(sign, within=quiet).latest
    detail = Detail(last_cell=G.cell_id, last_seen=G.event_time)


DETAIL = {"last_cell": "310000-1", "last_seen": "2026-05-01T02:00:00.000Z"}
CASES = [
    Case("no sign for two days", [seen("310000", "1 10:00")], [DETAIL], until=moment("3 10:00:05")),
    Case("not before five seconds behind", [seen("310000", "1 10:00")], [], until=moment("3 10:00:04")),
    Case("the last sight counts", [seen("110000", "1 09:00"), seen("310000", "1 10:00")], [DETAIL], until=moment("3 10:00:05")),
    Case("a call at the last moment", [seen("310000", "1 10:00"), call("3 10:00")], [], until=moment("9 10:00")),
    Case("a session a moment too late", [seen("310000", "1 10:00"), session("3 10:00:00.001")], [DETAIL]),
    Case("seen again, then gone", [seen("110000", "1 09:00"), call("1 09:30"), seen("310000", "1 10:00")], [DETAIL], until=moment("9 10:00")),
    Case("a call ends the wait until it is seen again", [seen("310000", "1 10:00"), call("1 11:00")], [], until=moment("9 10:00")),
    Case("a message at the last moment", [seen("310000", "1 10:00"), message("3 10:00")], [], until=moment("9 10:00")),
]
