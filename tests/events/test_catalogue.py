"""Laws over every definition, and every case of every definition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import events
from schemas.codes import NULL, code
from schemas.reference import Reference
from streams.definitions.catalogue import Catalogue, CatalogueFault
from tests.shards import CATALOGUE, Bench, details, epoch_ms

EVENTS = list(CATALOGUE)
TYPES = {"amount": int, "int": int, "dec": str, "str": str, "bool": bool, "time": str, "date": str, "list": list, "map": dict}
OWN = {event.id: CATALOGUE.chosen([event.id]) for event in EVENTS}
"""Each event with those that it builds on. All together run over the catalogue's cases (`test_cases.py`)."""
CASES = [pytest.param(event, case, id=f"{event.id}: {case.title}") for event in EVENTS for case in event.cases]


@pytest.mark.parametrize(("event", "case"), CASES)
def test_a_case_gives_exactly_its_details(event, case):
    bench = Bench(catalogue=OWN[event.id], history_from=case.history_day)
    found = bench.feed(case.records)
    if case.until:
        found += bench.advance(epoch_ms(case.until))
    assert bench.rejects == []
    assert details(found, event.id) == list(case.details)


@pytest.mark.parametrize(("event", "case"), CASES)
def test_a_restart_between_any_two_records_changes_nothing(event, case):
    bench = Bench(catalogue=OWN[event.id], history_from=case.history_day)
    bench.queue(case.records)
    found = bench.drain(1, restarting=True)
    if case.until:
        found += bench.advance(epoch_ms(case.until))
    assert details(found, event.id) == list(case.details)


@pytest.mark.parametrize(("event", "case"), CASES)
def test_repeated_input_changes_nothing(event, case):
    bench = Bench(catalogue=OWN[event.id], history_from=case.history_day)
    found = []
    for record in case.records:
        found += bench.feed([record, record])
    if case.until:
        found += bench.advance(epoch_ms(case.until))
    assert details(found, event.id) == list(case.details)
    assert bench.counters.get("duplicate") == len(case.records)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.id)
def test_every_event_has_a_case_that_fires_and_one_that_does_not(event):
    assert any(case.details for case in event.cases)
    assert any(not case.details for case in event.cases)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.id)
def test_a_payload_has_the_declared_fields_and_types(event):
    for case in event.cases:
        for detail in case.details:
            assert list(detail) == [*event.payload, *(["currency"] if event.has_money() and "currency" not in event.payload else [])]
            for name, field in event.payload.items():
                value = detail[name]
                assert isinstance(value, TYPES[field.shape.name]) or (field.nullable and value is None), (name, value)


def test_ids_are_the_paths_of_files():
    root = Path(events.__file__).parent
    for event in EVENTS:
        assert (root / (event.id.replace(".", "/") + ".py")).is_file()


def test_a_definition_from_outside_works_like_a_built_in_one(tmp_path):
    family = tmp_path / "mine"
    family.mkdir()
    (family / "big_topup.py").write_text(
        '"""A big recharge."""\nfrom events.words import B, topups\nfrom events.stories import topup\nfrom streams.define import Case, Detail, Event, Param\n\n\n'
        "class BigTopup(Event, by='line'):\n    least = Param(5000, unit='minor', doc='big')\n    when = topups.where(B.delta >= least)\n    detail = Detail(amount=B.delta)\n"
        "\n\nCASES = [Case('big', [topup(0, 5000)], [{'amount': 5000, 'currency': 'CNY'}]), Case('small', [topup(0, 4999)], [])]\n"
    )

    from events.stories import topup

    catalogue = Catalogue.load([str(tmp_path)], {"mine.big_topup": {"least": 3000}})
    found = Bench(catalogue=catalogue).feed([topup(0, 2999), topup(0, 3000, "11:00")])
    assert details(found, "mine.big_topup") == [{"amount": 3000, "currency": "CNY"}]
    assert "mine" in catalogue.families


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"balance.lo": {"low": 1}}, "no such event: did you mean balance.low"),
        ({"balance.low": {"lo": 1}}, "balance.low.lo: no such parameter: did you mean low?"),
        ({"balance.low": {"low": -1}}, "balance.low.low: wanted >= 0 minor, got -1 minor"),
        ({"balance.low": {"low": "x"}}, "balance.low.low: wanted an integer (minor), got 'x'"),
    ],
)
def test_wrong_parameters_are_reported(overrides, says):
    with pytest.raises(CatalogueFault, match=r".*") as caught:
        Catalogue.load(overrides=overrides)
    assert says in str(caught.value)


def test_a_parameter_changes_the_rule_without_touching_code():
    from events.stories import charge

    found = Bench(catalogue=Catalogue.load(overrides={"balance.low": {"low": 500}})).feed([charge(1200, 900, "10:00"), charge(900, 499, "11:00")])
    assert details(found, "balance.low") == [{"balance_after": 499, "threshold": 500, "valid_until": None, "currency": "CNY"}]


def test_only_keeps_an_event_and_the_events_it_depends_on():
    from events.stories import charge, topup

    catalogue = Catalogue.load(only=["balance.recovered"])
    assert [event.id for event in catalogue] == ["balance.low", "balance.recovered"]
    assert (catalogue.quiet, catalogue.families) == ({"balance.low"}, ["balance"])
    found = Bench(catalogue=catalogue).feed([charge(1200, 900, "10:00"), topup(900, 2000, "10:03")])
    assert [d.event for d in found] == ["balance.recovered"]


def test_what_is_shut_off_takes_what_builds_on_it_along():
    catalogue = Catalogue.load(overrides={"balance.low": {"low": 500}})
    assert catalogue.with_dependents(["balance.low"]) == ["balance.low", "balance.recovered"]
    assert not {"balance.low", "balance.recovered"} & set(catalogue.shut_off(["balance.low"]).by_id)
    assert catalogue.value(catalogue.chosen(["balance.recovered"]).by_id["balance.low"], "low") == 500


def test_without_reference_files_the_built_in_cities_serve():
    bench = Bench(reference=Reference.load())
    city = bench.reference.city
    shanghai, beijing, nowhere = (np.array([code(name)]) for name in ("310000", "110000", "nowhere"))
    now = np.array([epoch_ms("2026-05-01T12:00:00+08:00")])
    assert city.distance_km(shanghai, beijing, now).tolist() == [1068]
    assert city.distance_km(shanghai, nowhere, now).tolist() == [NULL]
    assert city.tourist(beijing, now).tolist() == [True]


def test_the_definition_in_the_readme_works(tmp_path):
    text = (Path(events.__file__).parent.parent / "README.md").read_text("utf-8")
    (tmp_path / "balance").mkdir()
    (tmp_path / "balance" / "forfeited.py").write_text(text.split("```python\n")[1].split("```")[0])
    catalogue = Catalogue.load([str(tmp_path)])
    event = catalogue.by_id["balance.forfeited"]
    for case in event.cases:
        assert details(Bench(catalogue=catalogue).feed(case.records), event.id) == list(case.details)
