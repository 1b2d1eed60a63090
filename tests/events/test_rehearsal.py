"""What only running finds: every rule is run before the first real record."""

from __future__ import annotations

import pytest

from schemas.reference import Reference
from streams.definitions.catalogue import Catalogue
from streams.definitions.rehearsal import faults_of
from streams.engine.engine import EngineSettings
from streams.engine.expression import DefinitionFault
from streams.engine.plan import Plan
from tests.events.test_mistakes import GOOD, HEAD, written

ODD = """from streams.engine.expression import Expr


class Odd(Expr):
    kind = "int"
    nullable = False

    def evaluate(self, on):
        raise ValueError("never")

    def __str__(self):
        return "odd"


class Trial"""


@pytest.mark.parametrize(
    "body",
    [
        "when = charges.where(Odd() > 1)",
        "when = charges\ndetail = Detail(n=Odd())",
        "when = charges\nrearm = once_per(Odd())",
        'when = B.where(B.bucket_id == "no such bucket")\ndetail = Detail(n=Odd())',
        "when = sessions.silent('7d', given=sessions.within('14d').distinct(day) >= 5)\ndetail = Detail(n=Odd())",
        "when = Depleted.without(topups, within='1h')\ndetail = Detail(n=Odd())",
        "recent = charges.within('1h')\nwhen = charges.where(recent.distinct(Odd()) > 3)",
        "when = topups.where(topups.count() == 7)\ndetail = Detail(n=Odd())",
        "when = place.moved.where(Odd() > 1)",
    ],
)
def test_a_rule_that_raises_is_found_by_the_rehearsal_even_where_nothing_matches(tmp_path, body):
    written(tmp_path, body, head=HEAD.replace("class Trial", ODD))
    written(tmp_path, GOOD, name="balance/fine.py")
    found = faults_of(Catalogue.load([str(tmp_path / "mine")]), Reference.load(), EngineSettings())
    assert len(found) == 1
    assert found[0].startswith(f"{tmp_path}/mine/balance/trial.py: balance.trial: wanted a rule that runs on any valid record, got ValueError: never")


def test_a_place_is_read_at_timers_that_its_moves_set(tmp_path):
    for name, when in (("silent", "place.moved.silent('7d')"), ("after", "place.moved.after('7d')"), ("without", "place.moved.without(V.all, within='7d')")):
        written(tmp_path, f"when = {when}.where(place.trip.id.known())\ndetail = Detail(trip=place.trip.id, here=place.here)", name=f"balance/{name}.py")
    assert faults_of(Catalogue.load([str(tmp_path / "mine")]), Reference.load(), EngineSettings()) == []


def test_a_fault_that_only_the_plan_finds_is_one_of_its_rule(tmp_path, monkeypatch):
    def refuse(*given):
        raise DefinitionFault("a value that is made of what it is read at: read it at another happening")

    monkeypatch.setattr(Plan, "place_at", refuse)
    written(tmp_path, "when = place.moved.silent('7d').where(place.trip.id.known())\ndetail = Detail(trip=place.trip.id)")
    written(tmp_path, GOOD, name="balance/fine.py")
    found = faults_of(Catalogue.load([str(tmp_path / "mine")]), Reference.load(), EngineSettings())
    mine = [fault for fault in found if str(tmp_path) in fault]
    assert [fault.partition(", got ")[0] for fault in mine] == [f"{tmp_path}/mine/balance/trial.py: balance.trial: wanted a rule that runs on any valid record"]
    assert "a value that is made of what it is read at" in mine[0]
