"""Wanted to leave to a competitor, and stays: seal it, before they think again."""

from events.stories import Record, state_change
from events.words import L, port
from streams.define import Case, Detail, Event, Param


class PortCancelled(Event, by="line"):
    window = Param("30d", name="T", ge="1d", doc="what was begun longer ago is another story")

    begun = port.where(L.new_value.isin("auth_code_issued", "out_requested"))
    pair = begun.then(port.where(L.new_value == "out_cancelled"), within=window)
    when = pair
    detail = Detail(days=pair.gap.days)


def ported(value: str, at: str, old: str | None = None, **more: object) -> Record:
    """The number's way out is at `value`."""
    return state_change("line.port", old, value, at, **more)


CASES = [
    Case("the code was asked for", [ported("auth_code_issued", "1 10:00"), ported("out_cancelled", "3 12:00")], [{"days": 2}]),
    Case("porting was asked for", [ported("out_requested", "1 10:00"), ported("out_cancelled", "2 09:59:59.999")], [{"days": 0}]),
    Case("the later of both counts", [ported("auth_code_issued", "1 10:00"), ported("out_requested", "4 10:00"), ported("out_cancelled", "5 10:00")], [{"days": 1}]),
    Case("thirty days later", [ported("out_requested", "1 10:00"), ported("out_cancelled", "31 10:00")], [{"days": 30}]),
    Case("later still", [ported("out_requested", "1 10:00"), ported("out_cancelled", "31 10:00:00.001")], []),
    Case("once for what was begun", [ported("out_requested", "1 10:00"), ported("out_cancelled", "2 10:00"), ported("out_cancelled", "3 10:00", "out_requested")], [{"days": 1}]),
    Case("nothing was begun", [ported("out_cancelled", "2 10:00")], []),
    Case("the number is gone", [ported("out_requested", "1 10:00"), ported("out_done", "2 10:00")], []),
    Case("another line's", [ported("out_requested", "1 10:00"), ported("out_cancelled", "2 10:00", subscription_id="S2", entity_id="S2")], []),
]
