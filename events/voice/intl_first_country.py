"""The first call ever to a country: a pack for calls to that country may fit."""

from events.stories import call_abroad
from events.words import V, calls_abroad
from streams.define import Case, Detail, Event, once


class IntlFirstCountry(Event, by="line"):
    when = calls_abroad.where(calls_abroad.nth() == 1)
    rearm = once
    detail = Detail(country=V.other_country, duration_s=V.duration_s)


CASES = [
    Case("the first call alone", [call_abroad("10:00"), call_abroad("11:00", duration_s=90)], [{"country": "US", "duration_s": 60}]),
    Case(
        "every country",
        [call_abroad("10:00"), call_abroad("10:00", "JP", duration_s=90), call_abroad("11:00")],
        [{"country": "US", "duration_s": 60}, {"country": "JP", "duration_s": 90}],
    ),
    Case("a line from before the records: its first is not known", [call_abroad("10:00"), call_abroad("10:00", "JP")], [], history_from="2026-04-02"),
    Case("nobody answers", [call_abroad("10:00", outcome="no_answer"), call_abroad("10:01", outcome="busy"), call_abroad("10:02", outcome="failed")], []),
    Case("cut calls do not count", [call_abroad(outcome="dropped")], []),
    Case("a call from abroad", [call_abroad(direction="mt")], []),
    Case("a premium number of the country", [call_abroad(other_class="premium")], []),
    Case("after a try", [call_abroad("10:00", outcome="busy"), call_abroad("10:01", duration_s=0)], [{"country": "US", "duration_s": 0}]),
]
