"""Rang once from abroad and was called back: the call may be dear, warn."""

from events.stories import Record, call
from events.words import V
from streams.define import Case, Detail, Event, Param


class Wangiri(Event, by="line"):
    window = Param("60min", name="T", ge="1s", doc="so soon it is an answer")

    rang = V.where(V.direction == "mt", V.other_class == "international", V.outcome == "no_answer").same(V.other_party)
    when = rang.then(V.where(V.direction == "mo").same(V.other_party), within=window)
    detail = Detail(country=when.earlier(V.other_country), gap_s=when.gap.seconds)


RANG = call("10:00", "no_answer", direction="mt", other_class="international", other_country="LV")
BACK: Record = {"other_class": "international", "other_country": "LV"}
CASES = [
    Case("called back", [RANG, call("10:05", **BACK)], [{"country": "LV", "gap_s": 300}]),
    Case("after an hour", [RANG, call("11:00", "no_answer", **BACK)], [{"country": "LV", "gap_s": 3600}]),
    Case("a moment later", [RANG, call("11:00:00.001", **BACK)], []),
    Case("another number", [RANG, call("10:05", other_party="t:2", **BACK)], []),
    Case("called back by a call that names no country", [RANG, call("10:05")], [{"country": "LV", "gap_s": 300}]),
    Case("it was answered", [call("10:00", direction="mt", **BACK), call("10:05", **BACK)], []),
    Case("from the own country", [call("10:00", "no_answer", direction="mt"), call("10:05")], []),
    Case("one call back for one ring", [RANG, call("10:05", **BACK), call("10:06", **BACK)], [{"country": "LV", "gap_s": 300}]),
    Case("a call of the own", [call("10:00", "no_answer", **BACK), call("10:05", **BACK)], []),
    Case("rang twice", [RANG, call("10:05", direction="mt", **BACK)], []),
    Case("a number of the own country that is abroad", [{**RANG, "other_class": "offnet"}, call("10:05", **BACK)], []),
]
