"""A payload field holds what its declared type says, and null only where that is declared."""

from __future__ import annotations

import pytest

from streams.definitions.catalogue import Catalogue, CatalogueFault
from tests.shards import Bench, details

HEAD = '''"""Odd."""
from events.words import *
from events.words import labels
from schemas.raw import DataUsage
from streams.define import *
from streams.define import Amount, Date, Event, Field, Param, Time, cool, days, device, event_time, hours, line, today, unknown


class Odd(Event, by="line"):
'''

REFUSED = {
    "a text as a number": ("when = topups\n    n: Field[int] = B.bucket_id", "n: wanted a whole number, got bucket_id (a text); declare Field[str]"),
    "a number as a text": ("when = topups\n    n: Field[str] = B.delta", "n: wanted a text, got delta (a whole number); declare Field[int]"),
    "an enum as a number": ("when = V.all\n    n: Field[int] = V.outcome", "n: wanted a whole number, got outcome (a text)"),
    "a moment as a number": ("when = topups\n    n: Field[int] = event_time", "declare Field[Time]"),
    "a date as a moment": ("when = topups\n    n: Field[Time] = today", "declare Field[Date]"),
    "a truth value as a number": ("when = topups\n    n: Field[int] = B.main", "declare Field[bool]"),
    "a number as a truth value": ("when = topups\n    n: Field[bool] = B.delta", "n: wanted true or false, got delta (a whole number)"),
    "a text as money": ("when = topups\n    n: Field[Amount] = B.operation", "n: wanted money in minor units"),
    "seconds as money": ("when = V.all\n    n: Field[Amount] = V.duration_s", "n: wanted money in minor units, got duration_s in s; declare Field[int]"),
    "a list as a text": ("when = place.moved\n    n: Field[str] = place.trip_places", "declare Field[list[str]]"),
    "a text as a list": ("when = place.moved\n    n: Field[list[str]] = place.to", "declare Field[str]"),
    "a nullable text": (
        "when = topups\n    n: Field[str] = B.channel",
        "n: wanted a value that is always known, got channel, which may be unknown; declare Field[str | None], or say what else it is: .or_(...)",
    ),
    "a nullable number": ("when = V.all\n    n: Field[int] = V.charge_minor", "which may be unknown"),
    "nullable money": ("when = V.all\n    n: Field[Amount] = V.charge_minor", "declare Field[Amount | None]"),
    "a nullable sum": ("when = V.all\n    n: Field[int] = V.charge_minor + 1", "which may be unknown"),
    "a quotient by what can be zero": ("when = V.all\n    n: Field[int] = 100 // V.duration_s", "which may be unknown"),
    "a reference value": ("when = V.all\n    n: Field[str] = line.home_city(V.subscription_id)", "which may be unknown"),
    "an unknown truth value": ("when = X.all\n    n: Field[bool] = device.brand(X.old_tac) != device.brand(X.new_tac)", "declare Field[bool | None]"),
    "known on one side of an or only": ("when = topups.where(B.channel.known() | (B.delta > 5))\n    n: Field[str] = B.channel", "which may be unknown"),
    "known not": ("when = topups.where(~B.channel.known())\n    n: Field[str] = B.channel", "which may be unknown"),
    "the home of any move": ("when = place.moved\n    n: Field[str] = place.home", "which may be unknown"),
    "a value no record has": ("when = topups\n    n: Field[str] = unknown", "which may be unknown"),
    "the largest of what may be unknown": (
        "recent = V.all.within(hours(1))\n    when = recent.count() >= 1\n    n: Field[int] = recent.largest(V.charge_minor)",
        "which may be unknown",
    ),
    "a condition of the timer's records": (
        "silence = sessions.where(D.cell_id.known()).silent(days(7), given=active_days(5, of=14))\n    when = silence\n    n: Field[str] = D.cell_id",
        "a timer has no record",
    ),
}

ACCEPTED = {
    "declared so": "when = topups\n    n: Field[str | None] = B.channel",
    "asked for in the condition": "when = topups.where(B.channel.known())\n    n: Field[str] = B.channel",
    "compared in the condition": "when = topups.where(B.channel == 'app')\n    n: Field[str] = B.channel",
    "not one of some": "when = topups.where(~B.channel.isin('app'))\n    n: Field[str] = B.channel",
    "on both sides of an or": "when = topups.where((B.channel == 'app') | (B.channel == 'ivr'))\n    n: Field[str] = B.channel",
    "neither of two": "when = topups.where(~((B.channel == 'app') | (B.delta < 5)))\n    n: Field[str] = B.channel",
    "a sum of what the condition proves": "when = V.where(V.charge_minor > 5)\n    n: Field[Amount] = V.charge_minor + 1",
    "another value instead": "when = topups\n    n: Field[str] = B.channel.or_('chat')",
    "the home where it was left": "when = place.moved.where(place.left_home)\n    n: Field[str] = place.home",
    "the value that changed": "when = X.all.changes(X.new_tac, old=X.old_tac)\n    n: Field[str] = X.new_tac",
    "a quotient by what cannot be zero": "when = V.all\n    n: Field[int] = V.duration_s // 60",
    "the count of a window": "recent = V.all.same(V.currency).within(hours(1))\n    when = recent.count() >= 1\n    n: Field[int] = recent.sum(V.charge_minor)",
}


def load(folder, body):
    (folder / "mine").mkdir()
    (folder / "mine" / "odd.py").write_text(HEAD + "    " + body + "\n")
    return Catalogue.load([str(folder)])


@pytest.mark.parametrize(("body", "says"), REFUSED.values(), ids=REFUSED)
def test_a_field_that_does_not_fit_its_type_is_refused(tmp_path, body, says):
    with pytest.raises(CatalogueFault) as caught:
        load(tmp_path, body)
    assert says in str(caught.value)
    assert "odd.py" in str(caught.value)


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED)
def test_a_field_that_fits_is_accepted(tmp_path, body):
    assert load(tmp_path, body).by_id["mine.odd"]


def test_an_unknown_value_is_null_never_a_stand_in(tmp_path):
    from events.stories import session

    catalogue = load(
        tmp_path,
        "when = sessions\n    cell: Field[str | None] = D.cell_id\n    kbps: Field[int | None] = D.avg_kbps\n    charge: Field[Amount | None] = D.charge_minor\n"
        "    home: Field[bool | None] = plmn.home(D.visited_plmn)\n    dear: Field[bool | None] = D.charge_minor > 5",
    )
    found = Bench(catalogue=catalogue).feed([session(), session("11:00", charge_minor=7, currency="CNY", roaming=True, visited_plmn="208-01")])
    assert details(found, "mine.odd") == [
        {"cell": None, "kbps": None, "charge": None, "home": None, "dear": None, "currency": None},
        {"cell": None, "kbps": None, "charge": 7, "home": False, "dear": True, "currency": "CNY"},
    ]
