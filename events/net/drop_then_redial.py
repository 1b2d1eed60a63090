"""Cut off and dialled again at once: calls over Wi-Fi hold better here."""

from typing import Any

from events.stories import Record, call, moment
from events.words import V, dropped_calls
from streams.define import Case, Detail, Event, Param


class DropThenRedial(Event, by="line"):
    soon = Param("2min", name="T", ge="1s", doc="so soon it is the same conversation")

    legs = dropped_calls.same(V.call_id).within("24h")  # of one call, several of which may be cut
    # survives: V.call_id.is_unknown() → nothing: of a call without an id no leg is known
    cut = dropped_calls.where(V.call_id.is_unknown() | (legs.before().count() == 0)).same(V.other_party)
    when = cut.then(V.where(V.direction == "mo").same(V.other_party), within=soon, start=V.start_time)
    detail = Detail(gap_s=when.gap.seconds, cell_id=when.earlier(V.cell_id))


def redial(start: str, at: str, outcome: str = "answered", **more: Any) -> Record:
    """A call that begins at `start`."""
    return call(at, outcome, start_time=moment(start), **{"answer_time": moment(start), **more})


CUT = call("10:00", "dropped", cell_id="a")
DETAIL = {"gap_s": 120, "cell_id": "a"}
CASES = [
    Case("two minutes later, reported at its end", [CUT, redial("10:02", "10:10", cell_id="b")], [DETAIL]),
    Case("a moment too late", [CUT, redial("10:02:00.001", "10:10")], []),
    Case("begun at the very moment is not behind it", [CUT, redial("10:00", "10:10")], []),
    Case("nobody answers", [CUT, call("10:01", "no_answer", start_time=moment("10:00:30"))], [{**DETAIL, "gap_s": 30}]),
    Case("the other side calls back", [CUT, redial("10:01", "10:10", direction="mt")], []),
    Case("an incoming call was cut", [call("10:00", "dropped", direction="mt", cell_id=None), redial("10:01", "10:10")], [{"gap_s": 60, "cell_id": None}]),
    Case("another party", [CUT, redial("10:01", "10:10", other_party="t:2")], []),
    Case("an unknown party", [call("10:00", "dropped", other_party=None), redial("10:01", "10:10", other_party=None)], []),
    Case("one cut serves one call", [CUT, redial("10:01", "10:02"), redial("10:01:30", "10:04")], [{**DETAIL, "gap_s": 60}]),
    Case("cut again", [CUT, redial("10:01", "10:30", "dropped", cell_id="b"), redial("10:31", "10:40")], [{**DETAIL, "gap_s": 60}, {"gap_s": 60, "cell_id": "b"}]),
    Case("the cut is reported late", [redial("10:01", "10:10"), CUT], [{**DETAIL, "gap_s": 60}]),
    Case(
        "two legs of one call are one cut",
        [call("10:00", "dropped", cell_id="a", call_id="k"), call("10:00", "dropped", cell_id="b", call_id="k"), redial("10:01", "10:02"), redial("10:01:30", "10:04")],
        [{**DETAIL, "gap_s": 60}],
    ),
    Case(
        "a call that is cut 24 hours later is another one",
        [call("1 10:00", "dropped", call_id="k"), call("2 10:00", "dropped", cell_id="a", call_id="k"), redial("2 10:02", "2 10:10")],
        [DETAIL],
    ),
    Case("half an hour less, and it is a leg", [call("1 10:00", "dropped", call_id="k"), call("2 09:30", "dropped", call_id="k"), redial("2 09:31", "2 09:40")], []),
    Case("another call was cut before", [call("09:00", "dropped", call_id="k"), call("10:00", "dropped", cell_id="a", call_id="m"), redial("10:02", "10:10")], [DETAIL]),
]
