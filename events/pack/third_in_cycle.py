"""The third data pack in one bill cycle: a bigger plan pays off."""

from typing import Any

from events.pack.purchased import Purchased
from events.stories import Record, order
from events.words import O
from streams.define import Case, Detail, Event, Param, cycle, once_per


class ThirdInCycle(Event, by="line"):
    n = Param(3, unit="packs", ge=2, doc="so many packs in one cycle cost more than a bigger plan")

    packs = Purchased.where(O.offering_kind == "data_pack")  # each item of an order once, however often it is reported
    number = packs.this_cycle().count()
    paid = packs.where(O.price_minor.known()).same(O.currency).this_cycle()
    when = packs.where(number == n)
    # survives: once_per(cycle) → nothing: each number comes once in a cycle
    rearm = once_per(cycle)
    detail = Detail(packs=number, spent=paid.mean(O.price_minor) * paid.count())  # unknown where no price is


def pack(at: str, **more: Any) -> Record:
    """A data pack is added, each by an order of its own."""
    return order("completed", at, **{"order_id": f"OR-{at}", **more})


THREE = [pack("15 10:00"), pack("16 10:00"), pack("17 10:00")]
THIRD = {"packs": 3, "spent": 3000, "currency": "CNY"}
CASES = [
    Case("three", THREE, [THIRD]),
    Case("two", THREE[:2], []),
    Case("an item that is reported twice counts once", [*THREE[:2], pack("16 11:00", order_id="OR-16 10:00")], []),
    Case("two items of one order are two", [*THREE[:2], pack("16 11:00", order_id="OR-16 10:00", item_id="2")], [THIRD]),
    Case("only the third", [*THREE, pack("18 10:00"), pack("19 10:00")], [THIRD]),
    Case("the cycle begins on the 15th, at 00:00", [pack("14 10:00"), pack("14 23:59:59.999"), pack("15 00:00"), pack("16 10:00")], []),
    Case("a late one of the cycle before counts there", [pack("15 10:00"), pack("16 10:00"), pack("14 23:00")], []),
    Case("a late one is the third", [pack("15 10:00"), pack("17 10:00"), pack("16 10:00")], [THIRD]),
    Case(
        "what is shown is of one currency",
        [pack("15 10:00", currency="USD"), pack("16 10:00"), pack("17 10:00", price_minor=500)],
        [{"packs": 3, "spent": 1500, "currency": "CNY"}],
    ),
    Case("its price is not known", [*THREE[:2], pack("17 10:00", price_minor=None, currency=None)], [{"packs": 3, "spent": None, "currency": None}]),
    Case("of another line, whose bill cycle is not known", [pack(f"{at} 10:00", subscription_id="S2") for at in (15, 16, 17)], []),
    Case("other kinds, or not added", [*THREE[:2], pack("17 10:00", offering_kind="addon"), pack("18 10:00", item_action="delete")], []),
    Case("not delivered yet", [*THREE[:2], order("acknowledged", "17 10:00", order_id="OR-3")], []),
    Case("one price of three is not known", [pack("15 10:00", price_minor=None), *THREE[1:]], [{**THIRD, "spent": 2000}]),
]
