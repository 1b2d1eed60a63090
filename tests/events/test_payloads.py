"""The fields of a detail have the types of their values, and are null only where those may be unknown."""

from __future__ import annotations

import pytest

from streams.definitions.catalogue import Catalogue

HEAD = '''"""Odd."""
from events.balance.low import Low
from events.stories import *
from events.words import *
from streams.define import *


class Odd(Event, by="line"):
'''

TYPES = {
    "a text": ("when = topups\n    detail = Detail(n=B.bucket_id)", "str"),
    "a number": ("when = V.all\n    detail = Detail(n=V.duration_s)", "int"),
    "whether something is known": ("when = topups\n    detail = Detail(n=B.channel.known())", "bool"),
    "an amount": ("when = topups\n    detail = Detail(n=B.delta)", "amount"),
    "a sum of money": ("recent = topups.within('1h')\n    when = topups\n    detail = Detail(n=recent.sum(B.delta))", "amount"),
    "money by money": ("when = topups\n    detail = Detail(n=(B.delta * 100 // B.balance_after).or_(0))", "int"),
    "half the money": ("when = topups\n    detail = Detail(n=B.delta // 2)", "amount"),
    "a count of money": ("recent = topups.within('1h')\n    when = topups\n    detail = Detail(n=recent.count())", "int"),
    "the units of a bucket": ("when = B.where(B.bucket_kind == 'data')\n    detail = Detail(n=B.delta)", "int"),
    "the amount of a bill": ("when = I.all\n    detail = Detail(n=I.amount_due_minor)", "amount"),
    "the mark of a level": ("when = main_balance.reaches(5, 10)\n    detail = Detail(n=when.step)", "amount"),
    "money before": ("when = topups.moves(B.delta)\n    detail = Detail(n=when.was)", "amount"),
    "a parameter of money": ("low = Param(5, unit='minor', doc='x')\n    when = topups.where(B.delta > low)\n    detail = Detail(n=low)", "amount"),
    "a parameter": ("low = Param('2h', doc='x')\n    when = topups.where(topups.within(low).count() > 1)\n    detail = Detail(n=low.hours)", "int"),
    "a moment": ("when = topups\n    detail = Detail(n=event_time)", "time"),
    "the moment of the anchor": ("empty = main_balance.falls_to(0)\n    when = empty.without(topups, within='1h')\n    detail = Detail(n=empty.time)", "time"),
    "a date": ("when = topups\n    detail = Detail(n=day)", "date"),
    "a truth value": ("when = topups\n    detail = Detail(n=B.main)", "bool"),
    "a list": ("when = place.moved\n    detail = Detail(n=place.trip.cities)", "list"),
    "an id": ("when = place.moved.where(place.trip.id.known())\n    detail = Detail(n=place.trip.id)", "str"),
    "the name of a stream": ("when = any_of(a=topups, b=calls)\n    detail = Detail(n=when.name)", "str"),
    "a field of another event": ("when = Low\n    detail = Detail(n=Low.detail.threshold)", "amount"),
}

NULLABLE = {
    "a text": "when = topups\n    detail = Detail(n=B.channel)",
    "a number": "when = V.all\n    detail = Detail(n=V.charge_minor)",
    "a sum": "when = V.all\n    detail = Detail(n=V.charge_minor + 1)",
    "a quotient by what can be zero": "when = V.all\n    detail = Detail(n=100 // V.duration_s)",
    "a reference value": "when = V.all\n    detail = Detail(n=ref.line.home_city(V.subscription_id))",
    "a comparison": "when = X.all\n    detail = Detail(n=ref.device.brand(X.old_tac) != ref.device.brand(X.new_tac))",
    "what one side of an or asks for": "when = topups.where(B.channel.known() | (B.delta > 5))\n    detail = Detail(n=B.channel)",
    "known not": "when = topups.where(~B.channel.known())\n    detail = Detail(n=B.channel)",
    "the home of any move": "when = place.moved\n    detail = Detail(n=place.home)",
    "the largest of what may be unknown": "recent = V.all.within('1h')\n    when = V.all\n    detail = Detail(n=recent.largest(V.duration_s))",
    "the latest": "when = topups\n    detail = Detail(n=calls.latest(V.outcome))",
    "a column of one type of two": "when = any_of(a=topups, b=calls)\n    detail = Detail(n=V.outcome)",
    "what the first of a pair asks for": "when = topups.where(B.channel.known()).then(topups)\n    detail = Detail(n=B.channel)",
    "the value before, where it may be assumed": "when = topups.moves(B.operation, initially=B.operation)\n    detail = Detail(n=when.was)",
}

KNOWN = {
    "asked for in the condition": "when = topups.where(B.channel.known())\n    detail = Detail(n=B.channel)",
    "compared in the condition": "when = topups.where(B.channel == 'app')\n    detail = Detail(n=B.channel)",
    "not one of some": "when = topups.where(~B.channel.isin('app'))\n    detail = Detail(n=B.channel)",
    "on both sides of an or": "when = topups.where((B.channel == 'app') | (B.channel == 'ivr'))\n    detail = Detail(n=B.channel)",
    "neither of two": "when = topups.where(~((B.channel == 'app') | (B.delta < 5)))\n    detail = Detail(n=B.channel)",
    "a sum of what the condition proves": "when = V.where(V.charge_minor > 5)\n    detail = Detail(n=V.charge_minor + 1)",
    "another value instead": "when = topups\n    detail = Detail(n=B.channel.or_('chat'))",
    "the home where it was left": "when = place.moved.where(place.left_home)\n    detail = Detail(n=place.home)",
    "the trip where it ended": "when = place.moved.where(place.came_home)\n    detail = Detail(n=place.trip.id)",
    "a quotient by what cannot be zero": "when = V.all\n    detail = Detail(n=V.duration_s // 60)",
    "a count": "recent = calls.within('1h')\n    when = calls\n    detail = Detail(n=recent.count())",
    "a value that splits": "when = V.same(V.cell_id)\n    detail = Detail(n=V.cell_id)",
    "the anchor's, asked for before": "when = topups.where(B.channel.known()).without(calls, within='1h')\n    detail = Detail(n=B.channel)",
    "the second's of a pair": "when = calls.then(topups.where(B.channel.known()))\n    detail = Detail(n=B.channel)",
    "what the event before asks for": "when = Low.where(B.channel.known()).without(calls, within='1h')\n    detail = Detail(n=B.channel)",
    "a column of one type of two, or another value": "when = any_of(a=topups, b=calls)\n    detail = Detail(n=V.outcome.or_('busy'))",
    "a column of one type of two, where it is asked for": "when = any_of(a=topups, b=calls).where(V.outcome == 'busy')\n    detail = Detail(n=V.outcome)",
}


def field(folder, body):
    (folder / "mine").mkdir()
    (folder / "mine" / "odd.py").write_text(HEAD + "    " + body + "\n")
    return Catalogue.load([str(folder)]).by_id["mine.odd"].payload["n"]


@pytest.mark.parametrize(("body", "name"), TYPES.values(), ids=TYPES)
def test_a_field_has_the_type_of_its_value(tmp_path, body, name):
    found = field(tmp_path, body)
    assert (found.shape.name, found.nullable) == (name, False)


@pytest.mark.parametrize("body", NULLABLE.values(), ids=NULLABLE)
def test_a_field_whose_value_may_be_unknown_may_be_null(tmp_path, body):
    assert field(tmp_path, body).nullable


@pytest.mark.parametrize("body", KNOWN.values(), ids=KNOWN)
def test_a_field_whose_value_is_known_is_never_null(tmp_path, body):
    assert not field(tmp_path, body).nullable


def test_a_trailing_underscore_is_no_part_of_the_name(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "odd.py").write_text(HEAD + "    when = place.moved\n    detail = Detail(from_=place.was, to=place.to)\n")
    assert list(Catalogue.load([str(tmp_path)]).by_id["mine.odd"].payload) == ["from", "to"]


def test_an_unknown_value_is_null_never_a_stand_in(tmp_path):
    from events.stories import session
    from tests.shards import Bench, details

    body = "when = sessions\n    detail = Detail(cell=D.cell_id, kbps=D.avg_kbps, charge=D.charge_minor, home=ref.plmn.home(D.visited_plmn), dear=D.charge_minor > 5)"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "odd.py").write_text(HEAD + "    " + body + "\n")
    found = Bench(catalogue=Catalogue.load([str(tmp_path)])).feed([session(), session("11:00", charge_minor=7, currency="CNY", roaming=True, visited_plmn="208-01")])
    assert details(found, "mine.odd") == [
        {"cell": None, "kbps": None, "charge": None, "home": None, "dear": None, "currency": None},
        {"cell": None, "kbps": None, "charge": 7, "home": False, "dear": True, "currency": "CNY"},
    ]
