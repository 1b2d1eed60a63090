"""Moved to a lower plan: the moment for a save offer."""

from typing import Any

from events.stories import Record, order
from events.words import O, plan_changes
from streams.define import Case, Detail, Event, once_per, ref


class Downgraded(Event, by="line"):
    step = ref.offering.rank(O.offering_id) - ref.offering.rank(O.previous_offering_id)
    dearer = ref.offering.price_rise(O.previous_offering_id, O.offering_id)
    when = plan_changes.where((step < 0) | ((step == 0) & (dearer < 0)))
    rearm = once_per(O.order_id, O.item_id)
    detail = Detail(from_=O.previous_offering_id, to=O.offering_id, price_delta=dearer, currency=ref.offering.price_currency(O.previous_offering_id, O.offering_id))


def change(old: str, new: str, at: str = "10:00", state: str = "completed", **more: Any) -> Record:
    """The plan becomes `new`."""
    return order(state, at, **{"item_action": "modify", "offering_kind": "plan", "previous_offering_id": old, "offering_id": new, **more})


LOWER = {"from": "plan-m", "to": "plan-s", "price_delta": -10000, "currency": "CNY"}
CASES = [
    Case("of a lower rank", [change("plan-m", "plan-s")], [LOWER]),
    Case("of a higher rank", [change("plan-s", "plan-m")], []),
    Case("of one rank, and cheaper", [change("plan-m-plus", "plan-m")], [{"from": "plan-m-plus", "to": "plan-m", "price_delta": -6000, "currency": "CNY"}]),
    Case("of one rank, and dearer", [change("plan-m", "plan-m-plus")], []),
    Case("two currencies are not compared", [change("plan-m-plus", "plan-m-usd")], []),
    Case(
        "of a lower rank, in another currency",
        [change("plan-m-usd", "plan-s")],
        [{"from": "plan-m-usd", "to": "plan-s", "price_delta": None, "currency": None}],
    ),
    Case("a plan that nobody ranked, or nobody knows", [change("plan-unranked", "plan-s", "10:00"), change("plan-m", "x", "11:00")], []),
    Case(
        "each item once, however often it is reported",
        [change("plan-m", "plan-s", "10:00"), change("plan-m", "plan-s", "11:00"), change("plan-m", "plan-s", "12:00", order_id="OR-2")],
        [LOWER, LOWER],
    ),
    Case("asked for only", [change("plan-m", "plan-s", state="acknowledged")], []),
    Case("a first plan is no step", [order("completed", offering_kind="plan", offering_id="plan-s")], []),
    Case("a plan that is taken away", [change("plan-m", "plan-s", item_action="delete")], []),
    Case("of one rank and one price", [change("plan-m", "plan-m")], []),
    Case("of one rank, and a cent cheaper", [change("plan-m-cent", "plan-m")], [{"from": "plan-m-cent", "to": "plan-m", "price_delta": -1, "currency": "CNY"}]),
    Case("two items of one order", [change("plan-m", "plan-s", "10:00"), change("plan-m", "plan-s", "11:00", item_id="2")], [LOWER, LOWER]),
]
