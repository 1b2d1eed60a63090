"""Use has halved: an offer to stay."""

from typing import Any

from events.stories import call, moment, seen, session
from events.words import D, V, outgoing_calls, sessions
from streams.define import Case, Detail, Event, Param, any_of, cool, edge


class ActivityDecay(Event, by="line"):
    most = Param("0.5", name="max", ge="0.0", le="1.0", doc="up to this share of the usual week use has decayed")
    least_talk = Param(600, unit="s", ge=1, doc="less calling in a usual week says nothing")
    least_data = Param("100 MiB", ge="1 B", doc="less data in a usual week says nothing")

    talk, usual_talk = outgoing_calls.weekly(1), outgoing_calls.weekly(4, least=4, ago=1)
    load, usual_load = sessions.weekly(1), sessions.weekly(4, least=4, ago=1)
    talked, loaded = usual_talk.sum(V.duration_s), usual_load.sum(D.total_bytes)
    voice = talk.sum(V.duration_s) / (talked.where(talked >= 4 * least_talk) / 4)
    data = load.sum(D.total_bytes) / (loaded.where(loaded >= 4 * least_data) / 4)
    score = (voice.or_(data) + data.or_(voice)) / 2

    # survives: any_of(voice=outgoing_calls, data=sessions).week_closes(6) → any_of(voice=outgoing_calls, data=sessions).week_closes(7): then no week that is compared has any use
    # survives: any_of(voice=outgoing_calls, data=sessions).week_closes(6) → any_of(voice=outgoing_calls, data=sessions).week_closes(5): nor has the sixth
    closes = any_of(voice=outgoing_calls, data=sessions).week_closes(6)  # until none of the weeks that are compared has any use
    when = closes.where(score <= most)
    # survives: cool("28d") → cool("27d"): weeks close every seven days
    rearm = edge, cool("28d")
    detail = Detail(score=score, voice_ratio=voice, data_ratio=data)


MIB = 1024**2
BEFORE, END = seen("310000", "3 23:59:59.999"), moment("39 00:00:05")


def calls_of(*seconds: int) -> list[dict[str, Any]]:
    """A call on the Tuesday of each week from the 4th on; 0: none."""
    return [call(f"{5 + 7 * number} 10:00", duration_s=length) for number, length in enumerate(seconds) if length]


def sessions_of(*volumes: int) -> list[dict[str, Any]]:
    """The same with data, in MiB."""
    return [session(f"{5 + 7 * number} 11:00", volume * MIB) for number, volume in enumerate(volumes) if volume]


def together(*stories: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Several stories in the order of time."""
    return sorted((record for story in stories for record in story), key=lambda record: str(record["event_time"]))


def decayed(score: str, voice: str | None, data: str | None) -> dict[str, Any]:
    """What the event shows."""
    return {"score": score, "voice_ratio": voice, "data_ratio": data}


USUAL = calls_of(1200, 1200, 1200, 1200)
CASES = [
    Case("exactly half", [BEFORE, *calls_of(1200, 1200, 1200, 1200, 600)], [decayed("0.50", "0.50", None)], until=END),
    Case("the week is not over", [BEFORE, *calls_of(1200, 1200, 1200, 1200, 600)], [], until=moment("39 00:00:04")),
    Case("a second more than half", [BEFORE, *calls_of(1200, 1200, 1200, 1200, 601)], [], until=END),
    Case("a week without use", [BEFORE, *USUAL], [decayed("0.00", "0.00", None)], until=END),
    Case("data alone", [BEFORE, *sessions_of(100, 100, 100, 100, 50)], [decayed("0.50", None, "0.50")], until=END),
    Case("both of them", together([BEFORE], calls_of(1200, 1200, 1200, 1200, 300), sessions_of(200, 200, 200, 200, 150)), [decayed("0.50", "0.25", "0.75")], until=END),
    Case("more of the one makes up for the other", together([BEFORE], USUAL, sessions_of(200, 200, 200, 200, 201)), [], until=END),
    Case("what was little says nothing", [BEFORE, *calls_of(600, 600, 600, 599)], [], until=END),
    Case("little data is left out", together([BEFORE], calls_of(1200, 1200, 1200, 1200, 1200), sessions_of(100, 100, 100, 99)), [], until=END),
    Case(
        "incoming calls do not count",
        [BEFORE, *calls_of(1200, 1200, 1200, 1200, 600), call("33 12:00", direction="mt", duration_s=9000)],
        [decayed("0.50", "0.50", None)],
        until=END,
    ),
    Case("the first of the weeks is not whole", [seen("310000", "4 00:00"), *calls_of(1200, 1200, 1200, 1200, 600)], [], until=END),
    Case("once while it stays low", [BEFORE, *USUAL], [decayed("0.00", "0.00", None)], until=moment("61 23:00")),
    Case("the call of the next Monday is of the next week", [BEFORE, *USUAL, call("39 00:00", duration_s=5000)], [decayed("0.00", "0.00", None)], until=END),
    Case("the least calling that says something", [BEFORE, *calls_of(600, 600, 600, 600, 300)], [decayed("0.50", "0.50", None)], until=END),
    Case("a byte less than that says nothing", [BEFORE, *sessions_of(100, 100, 100), session("26 11:00", 100 * MIB - 1)], [], until=END),
    Case("not whole, and a week without calls", [seen("310000", "4 00:00"), *USUAL], [], until=END),
    Case("not whole, and a week without data", [seen("310000", "4 00:00"), *sessions_of(200, 200, 200, 200)], [], until=END),
    Case("the four weeks before are the usual ones", [BEFORE, *calls_of(2000, 1200, 1200, 1200, 1200, 600)], [decayed("0.50", "0.50", None)], until=moment("46 00:00:05")),
    Case("of data too", [BEFORE, *sessions_of(300, 200, 200, 200, 200, 100)], [decayed("0.50", None, "0.50")], until=moment("46 00:00:05")),
    Case("again within 28 days", [BEFORE, *calls_of(1200, 1200, 1200, 1200, 600, 2400, 300)], [decayed("0.50", "0.50", None)], until=moment("53 00:00:05")),
    Case(
        "again after them",
        [BEFORE, *calls_of(1200, 1200, 1200, 1200, 600, 1200, 1200, 1200, 300)],
        [decayed("0.50", "0.50", None), decayed("0.29", "0.29", None)],
        until=moment("67 00:00:05"),
    ),
    Case(
        "less each week, for longer than that",
        [BEFORE, *calls_of(4800, 4800, 4800, 4800, 2400, 2000, 1600, 1200, 800)],
        [decayed("0.50", "0.50", None)],
        until=moment("67 00:00:05"),
    ),
]
