"""Asked for the porting code: call now."""

from events.stories import state_change
from events.words import L, port
from streams.define import Case, Detail, Event


class PortCodeRequested(Event, by="line"):
    when = port.where(L.new_value == "auth_code_issued")
    detail = Detail(channel=L.channel)


CASES = [
    Case("in a shop", [state_change("line.port", None, "auth_code_issued", channel="store")], [{"channel": "store"}]),
    Case("each time", [state_change("line.port", None, "auth_code_issued", at) for at in ("10:00", "10:01")], [{"channel": None}, {"channel": None}]),
    Case("a later step", [state_change("line.port", "auth_code_issued", "out_requested"), state_change("line.port", None, "out_cancelled", "11:00")], []),
]
