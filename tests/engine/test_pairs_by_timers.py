"""A pair whose first half is a timer's event: the clock may complete it when its second half has long been released."""

from __future__ import annotations

import pytest

from events.stories import contact, moment, view
from events.words import C, W
from streams.define import any_of
from streams.definitions.catalogue import Catalogue
from tests.engine.laboratory.toys import toy
from tests.shards import Bench, epoch_ms

quiet = W.where(W.page_category == "cart").without(W.where(W.page_category == "order_done"), within="1h")
pair = quiet.then(C.all, within="10h")
CATALOGUE = Catalogue([toy("asked_after", "customer", pair, gap=pair.gap.seconds), toy("either", "customer", any_of(pair=pair, ask=C.all))])
RECORDS = [view("cart", "10:00"), contact("11:00:02")]
AT = epoch_ms(moment("11:00:02"))


@pytest.mark.parametrize("most", [1, 2])
@pytest.mark.parametrize("restarting", [False, True])
@pytest.mark.parametrize("clock", ["11:00:05", "12:00"])
def test_the_moving_clock_completes_it(most, restarting, clock):
    bench = Bench(catalogue=CATALOGUE)
    bench.queue(RECORDS)
    found = bench.drain(most, restarting=restarting)
    assert [one.event for one in found] == ["toy.either"]
    found = bench.advance(epoch_ms(moment(clock)))
    assert [(one.event, one.time, one.who.record_id) for one in found] == [(event, AT, RECORDS[1]["record_id"]) for event in ("toy.asked_after", "toy.either")]
    assert bench.steps[-1].triggers == [None, None]


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize("restarting", [False, True])
def test_so_does_a_record_that_moves_it(most, restarting):
    """It has no record of the batch; the batch's own records keep their place."""
    bench = Bench(catalogue=CATALOGUE)
    bench.queue([*RECORDS, contact("11:30", interaction_id="IN-2")])
    found = bench.drain(most, restarting=restarting)
    triggers = [trigger for step in bench.steps for trigger in step.triggers]
    events = [(one.event, one.who.record_id == RECORDS[1]["record_id"], trigger) for one, trigger in zip(found, triggers, strict=True)]
    assert events == [
        ("toy.either", True, ("raw.service", 1)),
        ("toy.either", False, ("raw.service", 2)),
        ("toy.asked_after", True, None),
        ("toy.either", True, None),
    ]


ATTEMPTS = W.same(W.platform)
CARTS = ATTEMPTS.where(W.page_category == "cart")
LATER = ATTEMPTS.where(W.page_category == "help")
TIMED = {
    "absence": CARTS.without(ATTEMPTS.where(W.page_category == "order_done"), within="1h"),
    "silence": CARTS.silent("1h"),
    "deadline": CARTS.after("1h"),
    "absence of a silence": CARTS.silent("30min").without(ATTEMPTS.where(W.page_category == "order_done"), within="30min"),
    "silence of an absence": CARTS.without(ATTEMPTS.where(W.page_category == "order_done"), within="30min").silent("30min"),
    "deadline of a deadline": CARTS.after("30min").after("30min"),
}


@pytest.mark.parametrize("word", TIMED)
@pytest.mark.parametrize("restarting", [False, True])
def test_the_values_that_split_it_are_those_of_the_anchor(word, restarting):
    """Also where they are never unknown, so that nothing else asks for them."""
    bench = Bench(catalogue=Catalogue([toy("helped", "customer", TIMED[word].then(LATER, within="10h"), platform=W.platform, page=W.page)]))
    bench.queue([view("cart", "10:00"), view("cart", "10:00", platform="web"), view("help", "11:30", platform="web"), view("help", "11:40", platform="mini_program")])
    found = bench.drain(1 if restarting else 20_000, restarting=restarting) + bench.advance(epoch_ms(moment("12:00")))
    assert [(one.time, one.detail) for one in found] == [(epoch_ms(moment("11:30")), {"platform": "web", "page": "/help"})]


def test_so_are_those_of_a_pair_whose_first_half_comes_last():
    pair = CARTS.then(LATER, within="1h")
    catalogue = Catalogue([toy("helped", "customer", pair.then(ATTEMPTS.where(W.page_category == "order_done"), within="10h"), platform=W.platform)])
    bench = Bench(catalogue=catalogue)
    records = [view("help", "10:30"), view("cart", "10:00"), view("order_done", "11:00")]
    assert [one.detail for one in bench.feed(records)] == [{"platform": "app"}]
