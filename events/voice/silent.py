"""No calls for two weeks, from someone who called often: ask before the customer is gone."""

from events.stories import call, moment
from events.words import V
from streams.define import Case, Detail, Event, Param


class Silent(Event, by="line"):
    quiet = Param("14d", name="T", ge="1d", doc="so long without a call is silence")

    spoken = V.where(V.duration_s >= 1)
    habit = spoken.within("28d").distinct(V.call_id) + spoken.where(V.call_id.is_unknown()).within("28d").count()  # legs with one call_id are one call
    when = spoken.silent(quiet, given=habit >= 10)
    detail = Detail(last_call_at=spoken.time, days=quiet.days)


TEN = [call(f"{day} 12:00", direction="mt" if day % 2 else "mo") for day in range(1, 11)]
KNOWN = [{**one, "call_id": f"k{number}"} for number, one in enumerate(TEN[:9])]
LAST = {"last_call_at": "2026-05-10T04:00:00.000Z", "days": 14}
CASES = [
    Case("two weeks after ten calls", TEN, [LAST], until=moment("24 12:00:05")),
    Case("not before they are over", TEN, [], until=moment("24 12:00:04")),
    Case("nine calls are not a habit", TEN[1:], [], until=moment("31 00:00")),
    Case("a call at the very end is in time", [*TEN, call("24 12:00")], [], until=moment("31 00:00")),
    Case("a moment later it is not", [*TEN, call("24 12:00:00.001")], [LAST], until=moment("31 00:00")),
    Case("calls without a word change nothing", [*TEN, call("20 10:00", "no_answer"), call("20 11:00", duration_s=0)], [LAST], until=moment("24 12:00:05")),
    Case("nor do they count", [*TEN[1:], call("10 13:00", "busy")], [], until=moment("31 00:00")),
    Case("legs of one call are one call", [*TEN[2:], call("10 13:00", call_id="k"), call("10 14:00", call_id="k")], [], until=moment("31 00:00")),
    Case("ten of 28 civil days", [*TEN[:9], call("28 23:00")], [{"last_call_at": "2026-05-28T15:00:00.000Z", "days": 14}], until="2026-06-11T23:00:05+08:00"),
    Case("nine of 28 civil days", [*TEN[:9], call("29 00:00")], [], until="2026-07-01T00:00:00+08:00"),
    Case("a call of one second counts", [*TEN[1:], call("10 13:00", duration_s=1)], [{"last_call_at": "2026-05-10T05:00:00.000Z", "days": 14}], until=moment("24 13:00:05")),
    Case(
        "ten calls with ids, of 28 civil days",
        [*KNOWN, call("28 23:00", call_id="k")],
        [{"last_call_at": "2026-05-28T15:00:00.000Z", "days": 14}],
        until="2026-06-11T23:00:05+08:00",
    ),
    Case("nine calls with ids, of 28 civil days", [*KNOWN, call("29 00:00", call_id="k")], [], until="2026-07-01T00:00:00+08:00"),
]
