"""Sends many messages quickly: an SMS pack, or a look at fraud."""

from events.stories import message
from events.words import M
from streams.define import Case, Detail, Event, Param, cool, edge


class Burst(Event, by="line"):
    window = Param("10min", ge="1s", doc="how long messages are counted")
    n = Param(30, unit="messages", ge=1, doc="so many are a burst")

    texts = M.where(M.direction == "mo", M.kind == "sms")
    recent = texts.within(window)
    when = texts.where(recent.count() >= n)
    rearm = edge, cool("24h")
    detail = Detail(messages=recent.count(), recipients=recent.distinct(M.other_party))


def burst(hour: str, number: int) -> list[dict[str, object]]:
    """So many messages, one each second, to three people."""
    return [message(f"{hour}:00:{second:02d}", f"t:{second % 3}") for second in range(number)]


CASES = [
    Case("thirty in half a minute", burst("10", 30), [{"messages": 30, "recipients": 3}]),
    Case("29 are no burst", burst("10", 29), []),
    Case("a moment less than ten minutes ago is in", [*burst("10", 29), message("10:09:59.999", "t:9")], [{"messages": 30, "recipients": 4}]),
    Case("exactly ten minutes ago is out", [*burst("10", 29), message("10:10:00", "t:9")], []),
    Case("received messages and pictures do not count", [*burst("10", 29), message("10:01", direction="mt"), message("10:02", kind="mms")], []),
    Case("to nobody known is sent too", [*burst("10", 29), message("10:01", other_party=None)], [{"messages": 30, "recipients": 3}]),
    Case("it goes on", burst("10", 40), [{"messages": 30, "recipients": 3}]),
    Case("once in 24 hours", [*burst("1 10", 30), *burst("1 20", 30), *burst("2 10", 29)], [{"messages": 30, "recipients": 3}]),
    Case("the next day", [*burst("1 10", 30), *burst("2 11", 30)], [{"messages": 30, "recipients": 3}] * 2),
    Case("exactly 24 hours later", [*burst("1 10", 30), *burst("2 10", 30)], 2 * [{"messages": 30, "recipients": 3}]),
    Case("what began before them is no news", [*burst("1 10", 30), message("2 09:59:59"), *burst("2 10", 40)], [{"messages": 30, "recipients": 3}]),
    Case("23 hours later", [*burst("1 10", 30), *burst("2 09", 30)], [{"messages": 30, "recipients": 3}]),
]
