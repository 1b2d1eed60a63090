"""Events in words: units as people write them."""

from __future__ import annotations

import pytest

from streams.cli.wording import PHRASES, city_names, in_words, value_in_words, volume
from streams.definitions.catalogue import Catalogue


@pytest.mark.parametrize(("number", "shown"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (5_400_000_000, "5.4 GB"), (2_000_000_000_000, "2.0 TB")])
def test_volumes(number, shown):
    assert volume(number) == shown


@pytest.mark.parametrize(
    ("name", "value", "currency", "shown"),
    [
        ("amount", 1500, "CNY", "15.00 CNY"),
        ("amount", 1500, "JPY", "1,500 JPY"),
        ("amount", 1500, "BHD", "1.500 BHD"),
        ("amount", -5, "CNY", "-0.05 CNY"),
        ("amount", None, "CNY", "unknown"),
        ("to_city", "110000", None, "北京"),
        ("to_city", "intl:FR", None, "intl:FR"),
        ("duration_s", 1800, None, "30 min"),
        ("duration_s", 59, None, "59 s"),
        ("count", 3, None, "3"),
    ],
)
def test_values(name, value, currency, shown):
    assert value_in_words(name, value, currency, frozenset({"amount"}), city_names()) == shown


def test_every_phrase_names_fields_that_its_event_has():
    events = Catalogue.load().by_id
    for name, phrase in PHRASES.items():
        detail = dict.fromkeys(events[name].payload, 1)
        line = in_words({"event": name, "detail": detail, "local_time": "2026-05-01T10:00:00.000+08:00", "customer_id": "C1"})
        assert line.endswith(f"({name})"), phrase
