"""What does not fit together is refused while a definition loads, with what was wanted, what came, and what to do."""

from __future__ import annotations

import pytest

from events.words import B, C, D, G, V, W, X, main, main_balance, place, sessions, topups
from streams.define import DefinitionFault, Param, any_of, cool, day, event_time, maximum, once_per, ref
from streams.engine.expression import Expr

SECONDS = Param(60, unit="s", ge=1, doc="s")
MINOR = Param(60, unit="minor", ge=1, doc="money")

REFUSED = {
    "a text with a number": (
        lambda: B.operation == 5,
        "operation == 5: wanted two values of one kind, got operation (a text) and 5 (a whole number); operation is one of 'adjust_credit', 'adjust_debit', 'charge'",
    ),
    "a number with a text": (lambda: B.delta == "5", "delta == '5': wanted two values of one kind, got delta (a whole number) and '5' (a text)"),
    "a value that an enum has not": (lambda: B.operation == "expired", "wanted a value of operation, got 'expired'; did you mean 'expire'?"),
    "such a value on the left": (lambda: V.outcome != "anwsered", "did you mean 'answered'?"),
    "one that is near none": (lambda: V.outcome == "zzz", "got 'zzz'; it is one of 'answered', 'busy'"),
    "two enums without a common value": (lambda: V.direction == V.outcome, "wanted two values that can be equal"),
    "an order of texts": (lambda: B.operation > "expire", "wanted numbers, moments or dates, got a text, which has no order; use ==, != or .isin(...)"),
    "an order of truth values": (lambda: (B.delta > 0) > (B.delta > 1), "got a truth value, which has no order"),
    "a moment with a number": (lambda: V.start_time > 5, "take the difference of two moments (ms) or dates (days)"),
    "a moment with a date": (lambda: event_time > day, "wanted two values of one kind"),
    "a sum of texts": (lambda: B.operation + "x", "wanted numbers, or a moment or date with a number, got operation (a text) and 'x' (a text)"),
    "a negative text": (lambda: -B.operation, "wanted numbers"),
    "a sum of moments": (lambda: V.start_time + event_time, "wanted numbers, or a moment or date with a number"),
    "a number less a moment": (lambda: 5 - event_time, "wanted numbers, or a moment or date with a number"),
    "a maximum of a number and a text": (lambda: maximum(B.delta, B.operation), "wanted numbers"),
    "a text among numbers": (lambda: B.delta.isin("5"), "wanted a whole number, as delta is, got '5'"),
    "a number among texts": (lambda: B.operation.isin("charge", 5), "wanted a text, as operation is, got 5"),
    "a truth value among numbers": (lambda: B.delta.isin(True), "wanted a whole number, as delta is, got True"),
    "a foreign value among an enum's": (lambda: ~V.other_class.isin("emergancy"), "did you mean 'emergency'?"),
    "a list": (lambda: B.operation.isin(["charge", "topup"]), "wanted the values one by one, got a list; write .isin('charge', 'topup')"),
    "nothing to be one of": (lambda: B.operation.isin(), "wanted at least one value, got none"),
    "bytes with seconds": (lambda: D.total_bytes > SECONDS, "wanted one unit on both sides, got total_bytes (a whole number in byte)"),
    "ms with s": (lambda: event_time - V.start_time > SECONDS, "convert one of them"),
    "seconds and money added": (lambda: V.duration_s + MINOR, "wanted one unit on both sides"),
    "a whole quotient of a fraction": (lambda: B.delta / 2 // 5, "wanted whole numbers, got a fraction; use /"),
    "a fraction as a text": (lambda: B.delta / 2 == "x", "wanted two values of one kind"),
    "None": (lambda: B.charge_reason == None, "got None; ask with .known() or .is_unknown()"),  # noqa: E711  # the mistake
    "a float": (lambda: B.delta > 0.5, "money is counted in minor units, time in ms"),
    "and": (lambda: B.main and B.main, "use & | ~ instead of and or not"),
    "a chain": (lambda: 0 < B.delta < 5, "use & | ~ instead of and or not"),
    "in": (lambda: "charge" in B.operation, "compare with ==, or use .isin(...)"),
    "a loop": (lambda: list(B.operation), "wanted one value, got a loop over it"),
    "missing parentheses": (lambda: B.operation == "charge" & B.main, "put each comparison between & and | in parentheses"),
    "a number as a condition": (lambda: B.main & B.delta, "wanted a condition, got delta (a whole number)"),
    "a text as a condition": (lambda: B.main | "x", "wanted a condition"),
    "not a number": (lambda: ~B.delta, "wanted a condition, got delta (a whole number)"),
    "a number in where": (lambda: B.where(B.delta), "where: wanted a condition, got delta (a whole number)"),
    "a Python truth value in where": (lambda: main.where(True), "where: wanted a condition, got True"),
    "a number where a signal is narrowed": (lambda: place.moved.where(place.trip.length), "where: wanted a condition, got place.trip.length"),
    "a stand-in of another kind": (lambda: B.charge_reason.or_(0), "wanted two values of one kind"),
    "a stand-in that the enum has not": (lambda: B.charge_reason.or_("unknown"), "wanted a value of charge_reason, got 'unknown'"),
    "a sum of texts over a window": (lambda: topups.within("1h").sum(B.operation), "sum(operation): wanted a whole number, got operation (a text)"),
    "a largest text": (lambda: topups.within("1h").largest(B.channel), "wanted a whole number or a moment or a civil date, got channel (a text)"),
    "top of numbers": (lambda: topups.within("1h").top(B.delta, by=B.delta), "wanted a text, got delta (a whole number)"),
    "a reference key of another kind": (lambda: ref.device.model(B.delta), "ref.device.model(delta): wanted keys of the kinds (text), got (int)"),
    "too few keys": (lambda: ref.city.distance_km(place.to), "wanted keys of the kinds (text text), got (text)"),
    "keys in the wrong order": (lambda: ref.holiday.is_holiday(day, ref.city.country(place.to)), "wanted keys of the kinds (text date), got (date text)"),
    "an hour in seconds": (lambda: topups.within(3600), "wanted a length of time such as '30s', '2h' or '7d', got 3600: a bare number has no unit"),
    "a window in seconds": (lambda: topups.within(SECONDS), "wanted a parameter with a length of time, such as Param('2h'), got one in s"),
    "a cool-down that is no length of time": (
        lambda: cool("soon"),
        "wanted a whole number with a unit, such as 30s, 90min, 2h, 7d, 24 months or 100 MB, a time of day such as 10:00, or a factor such as 1.5, got 'soon'",
    ),
    "an order of a list": (lambda: topups.within("1h").list(B.channel) > "x", "wanted two values of one kind"),
    "a frame's condition that is none": (lambda: topups.within("1h").any(B.delta), "where: wanted a condition, got delta"),
    "once_per a bare number": (lambda: once_per(5), "once_per: wanted values such as day or I.bill_id, got 5"),
    "seconds of a number": (lambda: B.delta.seconds, "delta.seconds: wanted a length of time in ms, got delta"),
    "a bare value as a key": (lambda: ref.line.home_city("S1"), "wanted keys of the kinds (text), got (str)"),
}


@pytest.mark.parametrize(("build", "says"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused(build, says):
    with pytest.raises(DefinitionFault) as caught:
        build()
    assert says in str(caught.value)


ACCEPTED = {
    "enum": lambda: B.operation == "expire",
    "number": lambda: (B.balance_after - B.delta >= MINOR) & (-B.delta > 0),
    "moments": lambda: event_time - V.start_time > 3_600_000,
    "moment and number": lambda: V.start_time + 1000 < event_time,
    "dates": lambda: day - ref.line.activation_date(V.subscription_id) >= 30,
    "seconds": lambda: (event_time - V.start_time) // 1000 > SECONDS,
    "volume": lambda: sessions.within("1h").sum(D.total_bytes) > Param("1 MB", doc="b"),
    "free text": lambda: W.page == "/any",
    "two networks": lambda: G.plmn != G.area_code,
    "truths": lambda: B.main == B.auto,
    "kinds of changes": lambda: X.change_type.isin("device", "sim"),
    "or_": lambda: C.channel.or_("chat") == "chat",
    "truth of a phone": lambda: ref.device.is_5g(X.new_tac).or_(False) | ~ref.device.is_5g(X.old_tac),
}


@pytest.mark.parametrize("build", ACCEPTED.values(), ids=ACCEPTED)
def test_what_fits_is_accepted(build):
    node = build()
    assert isinstance(node, Expr)
    assert node.kind == "bool"


def test_a_node_knows_its_kind_unit_values_and_whether_it_may_be_unknown():
    assert (B.operation.kind, B.operation.nullable) == ("text", False)
    assert "expire" in (B.operation.domain or ())
    assert B.charge_reason.nullable
    assert not B.charge_reason.or_("other").nullable
    assert (V.duration_s * 2 + 1).unit == "s"
    assert (event_time - V.start_time).unit == "ms"
    assert ((event_time - V.start_time) // 1000).unit == "s"
    assert (event_time - V.answer_time).nullable
    assert maximum(V.start_time, event_time).kind == "time"
    assert topups.moves(B.operation).was.domain == B.operation.domain
    assert place.trip.length.hours.kind == "int"
    assert (event_time - V.start_time).seconds.unit == "s"
    assert (event_time - V.start_time).hours.unit is None
    assert main_balance.reaches(5, 10).step.unit == B.balance_after.unit
    assert topups.then(sessions).gap.unit == "ms"
    assert any_of(a=topups, b=sessions).name.domain == ("a", "b")
    assert X.all.moves(X.new_tac, initially=X.old_tac).was.nullable
    assert not X.all.moves(X.new_tac, old=X.old_tac).was.nullable
    assert topups.within("1h").any(B.delta > 5).kind == "bool"
    assert topups.within("1h").list(B.channel).kind == "list"
    assert topups.within("1h").top(B.charge_reason, by=B.delta).nullable
    assert not topups.within("1h").sum(B.bucket_initial).nullable
