"""A flood of service messages, such as one-time codes nobody asked for: security advice."""

from events.stories import message
from events.words import M
from streams.define import Case, Detail, Event, Param, cool, edge


class OtpFlood(Event, by="line"):
    window = Param("10min", ge="1s", doc="how long messages are counted")
    n = Param(15, unit="messages", ge=1, doc="so many are a flood")

    notices = M.where(M.direction == "mt", M.other_class == "service")
    recent = notices.within(window)
    when = notices.where(recent.count() >= n)
    rearm = edge, cool("24h")
    detail = Detail(messages=recent.count())


def flood(hour: str, number: int, second: int = 30, **more: object) -> list[dict[str, object]]:
    """So many messages from services, one every `second` seconds."""
    return [message(f"{hour}:{at * second // 60:02d}:{at * second % 60:02d}", "t:s", **{"direction": "mt", "other_class": "service", **more}) for at in range(number)]


CASES = [
    Case("15 in seven minutes", flood("10", 15), [{"messages": 15}]),
    Case("one less", flood("10", 14), []),
    Case("the first is ten minutes old", flood("10", 15, 43), []),
    Case("people write", flood("10", 15, other_class="onnet"), []),
    Case("to a service", flood("10", 15, direction="mo"), []),
    Case("again a day later", [*flood("1 10", 16), *flood("1 12", 15), *flood("2 12", 15)], [{"messages": 15}, {"messages": 15}]),
    Case("the first is a moment less than ten minutes old", flood("10", 15, 42), [{"messages": 15}]),
    Case("exactly 24 hours later", [*flood("1 10", 15), *flood("2 10", 15)], [{"messages": 15}, {"messages": 15}]),
    Case("a moment before, and what began before them is no news", [*flood("1 10", 15), *flood("2 10", 16, 29)], [{"messages": 15}]),
]
