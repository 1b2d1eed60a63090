"""What only running finds: every rule is run before the first real record."""

from __future__ import annotations

import pytest

from schemas.reference import Reference
from streams.definitions.catalogue import Catalogue
from streams.definitions.rehearsal import faults_of
from streams.engine.engine import EngineSettings
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


def test_a_value_that_is_made_of_what_reads_it_is_a_fault_of_its_rule(tmp_path):
    written(tmp_path, "when = place.moved.silent('7d').where(place.trip.id.known())\ndetail = Detail(trip=place.trip.id)")
    written(tmp_path, GOOD, name="balance/fine.py")
    found = faults_of(Catalogue.load([str(tmp_path / "mine")]), Reference.load(), EngineSettings())
    assert [fault.partition(", got ")[0] for fault in found] == [f"{tmp_path}/mine/balance/trial.py: balance.trial: wanted a rule that runs on any valid record"]
    assert "a place at a timer that a move of the place set" in found[0]
