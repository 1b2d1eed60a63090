"""Texts behind codes: known as long as `schemas.codes` promises, and forgotten then."""

from __future__ import annotations

import pytest

from schemas import codes
from schemas.codes import code, rotate, text_of
from streams.intake import columns
from streams.intake.compiled.texts import TEXTS
from tests.intake.test_decode import encoded
from tests.intake.ways import run_of
from tests.streams.records import good


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(codes, "MOST_CACHED", 40)
    for names in columns.WANTED.values():
        names.add("subscription_id")


def run_of_customers(name, way="compiled"):
    customers = [f"{name}-{number}" for number in range(50)]
    values = [encoded(good("location_update", customer_id=customer, subscription_id=f"S{customer}")) for customer in customers]
    run = run_of("raw.network", values, [customer.encode() for customer in customers], way)
    (found,) = run.groups.values()
    return found, customers


def texts(found):
    return [text_of(number) for number in found.customer_id.tolist()], [text_of(number) for number in found.subscription_id.tolist()]


@pytest.mark.parametrize("way", ["compiled", "msgspec"])
def test_columns_that_wait_keep_their_texts_over_any_rotations_where_they_are_refreshed(way):
    found, customers = run_of_customers("waits", way)
    wanted = (customers, [f"S{customer}" for customer in customers])
    assert texts(found) == wanted
    for turn in range(5):
        rotate()
        run_of_customers(f"others {turn}", "msgspec" if turn == 2 else "compiled")
        found.refresh()
        assert texts(found) == wanted


@pytest.mark.parametrize("way", ["compiled", "msgspec"])
def test_texts_that_two_rotations_have_forgotten_are_read_again_from_the_records(way):
    found, customers = run_of_customers("sleeps", way)
    texts(found)
    for turn in range(3):
        rotate()
        run_of_customers(f"more {turn}")
    with pytest.raises(KeyError):
        texts(found)
    found.refresh()
    assert texts(found)[0] == customers


def test_the_cache_is_bounded():
    before, sizes = code("a text of python"), []
    for turn in range(30):
        run_of_customers(f"turn {turn}")
        rotate()
        sizes.append(len(TEXTS.now.arena) + len(TEXTS.older.arena) + len(TEXTS.now.numbers) + len(TEXTS.older.numbers))
    assert max(sizes[3:]) == min(sizes[3:])
    assert len(TEXTS) <= 100
    with pytest.raises(KeyError):
        text_of(before)
