"""Rates as people write them, and what is said of those that cannot be meant."""

from __future__ import annotations

from fractions import Fraction

import pytest

from streams.definitions.rates import WANTED, rate_of
from streams.engine.expression import DefinitionFault
from streams.promises import promises, valves
from streams.settings import SettingsError, load
from tests.shards import CATALOGUE

LOW = "balance.low"
WITHOUT = "balance.depleted"


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2-5 per 1,000 customers a day", Fraction(2, 1000), Fraction(5, 1000)),
        ("7 per 1000 customers a week", Fraction(1, 1000), Fraction(1, 1000)),
        ("0-0.5 per customer an hour", Fraction(0), Fraction(12)),
        ("1,500-3,000.5 per million customers a month", Fraction(1500, 30 * 10**6), Fraction(30005, 300 * 10**6)),
        ("86400 per customer a day", Fraction(86_400), Fraction(86_400)),
        ("3600 per customer an hour", Fraction(86_400), Fraction(86_400)),
    ],
)
def test_a_rate_is_events_a_customer_and_day(text, low, high):
    assert rate_of(text) == (low, high, text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        *((text, f"wanted {WANTED}, got {text!r}") for text in ("", "often", "5", "5 a day", "-5 per customer a day", "2 - 5 per customer a day", "2-5-9 per customer a day")),
        *(
            (text, f"wanted {WANTED}, got {text!r}")
            for text in ("1e9 per customer a day", "5 per 10 customers a day", "5 per customer a year", "5 per customer a day ", "٥ per customer a day")
        ),
        *(
            (text, f"wanted {WANTED}, got {text!r}")
            for text in ("1,00 per customer a day", "9" * 16 + " per customer a day", "nan per customer a day", 5, None, b"5 per customer a day")
        ),
        ("0 per customer a day", "wanted more than 0 events"),
        ("0-0.000 per customer a day", "wanted more than 0 events"),
        ("5-2 per customer a day", "wanted the lower number first"),
        ("86,401 per customer a day", "wanted at most 86,400 per customer a day (one a second)"),
        ("999999999999999 per customer an hour", "wanted at most 86,400 per customer a day (one a second)"),
    ],
)
def test_what_is_no_rate_is_refused(text, says):
    with pytest.raises(DefinitionFault) as caught:
        rate_of(text)
    assert says in str(caught.value)
    assert repr(text) in str(caught.value)


def test_the_settings_go_before_the_definition_and_may_take_its_rate_away():
    own = promises(CATALOGUE, {})
    assert own[LOW] == CATALOGUE.by_id[LOW].expected
    assert WITHOUT not in own
    set_ = promises(CATALOGUE, {LOW: "1 per customer a month", WITHOUT: "2 per customer a month", "topup.completed": "none"})
    assert (set_[LOW].high, set_[WITHOUT].high) == (Fraction(1, 30), Fraction(2, 30))
    assert own.keys() - set_.keys() == {"topup.completed"}
    assert promises(CATALOGUE, {"others": "none", WITHOUT: "2 per customer a day"}).keys() == {WITHOUT}
    chosen = CATALOGUE.chosen(only=["balance.recovered"])  # which is built on balance.low
    assert promises(chosen, {WITHOUT: "2 per customer a day"}).keys() == {"balance.recovered"}


def test_a_valve_is_a_multiple_of_the_promise_or_a_number_of_its_own():
    promised = promises(CATALOGUE, {})
    assert valves(CATALOGUE, promised, "off") == {}
    tenfold = valves(CATALOGUE, promised, "10x")
    assert tenfold.keys() == promised.keys()
    assert tenfold[LOW].rate == 10 * promised[LOW].high
    some = valves(CATALOGUE, promised, {"others": "1.5x", LOW: "off", WITHOUT: "100 per 1,000 customers a day"})
    assert some.keys() == promised.keys() - {LOW} | {WITHOUT}
    assert some[WITHOUT].rate == Fraction(1, 10)
    assert some["topup.completed"].rate == promised["topup.completed"].high * 3 / 2
    assert [some[WITHOUT].allowance(customers) for customers in (0, 200, 201, 10**8)] == [20, 20, 21, 10**7]


@pytest.mark.parametrize(
    ("expect", "valve", "says"),
    [
        ({"balance.lo": "5 per customer a day"}, "off", ['[expect] "balance.lo": no such event: did you mean balance.low']),
        ({LOW: "often"}, "off", [f"[expect] \"{LOW}\": wanted {WANTED}, got 'often'; or 'none'"]),
        ({LOW: "0 per customer a day"}, "off", ["wanted more than 0 events"]),
        ({"others": "5 per customer a day"}, "off", ["[expect] others: wanted 'none'"]),
        ({"x.y": "", LOW: "?"}, "off", ['"x.y": no such event', f'"{LOW}": wanted LOW-HIGH or N']),
        ({}, "ten", ["valve: wanted 'off' or a multiple from 1x on of what events promise, such as '10x', got 'ten'"]),
        ({}, "0x", ["valve: wanted 'off' or a multiple"]),
        ({}, "-10x", ["valve: wanted 'off' or a multiple"]),
        ({}, "10000000x", ["valve: wanted 'off' or a multiple"]),
        ({}, "100 per 1,000 customers a day", ["valve: wanted 'off' or a multiple"]),
        ({}, {WITHOUT: "10x"}, [f"[valve] \"{WITHOUT}\": wanted an event that promises a rate, got '10x': give it one in [expect], or say here how many"]),
        ({LOW: "none"}, {LOW: "10x"}, [f'[valve] "{LOW}": wanted an event that promises a rate']),
        ({}, {LOW: "0.5x"}, ["wanted a multiple from 1x on, got '0.5x'"]),
        ({}, {LOW: "5-10 per customer a day"}, ["wanted one number, got the range '5-10 per customer a day'"]),
        ({}, {LOW: "0 per customer a day"}, ["wanted more than 0 events"]),
        ({}, {"nobody": "10x", "balance.loww": "10x"}, ['[valve] "nobody": no such event', '[valve] "balance.loww": no such event: did you mean balance.low']),
    ],
)
def test_a_mistake_in_the_tables_is_named(expect, valve, says):
    with pytest.raises(SettingsError) as caught:
        valves(CATALOGUE, promises(CATALOGUE, expect), valve)
    assert [word for word in says if word not in str(caught.value)] == []


def test_the_settings_are_read_from_file_and_environment(tmp_path):
    (tmp_path / "k.toml").write_text('[expect]\n"balance.low" = "1 per customer a day"\n[valve]\nothers = "2x"\n"balance.low" = "off"\n')
    chosen = load(None, str(tmp_path / "k.toml"), {})
    assert (chosen.expect, chosen.valve) == ({LOW: "1 per customer a day"}, {"others": "2x", LOW: "off"})
    assert load(None, str(tmp_path / "k.toml"), {"KAIROS_VALVE": "3x"}).valve == "3x"
    for text, says in (("valve = 10", "valve: wanted off, a multiple such as 10x, or a table of them, got 10"), ("expect = 'x'", "expect: wanted a table of texts, got 'x'")):
        (tmp_path / "k.toml").write_text(text)
        with pytest.raises(SettingsError) as caught:
            load(None, str(tmp_path / "k.toml"), {})
        assert says in str(caught.value)
