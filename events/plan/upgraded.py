"""Moved to a higher plan: say thank you, and offer content that goes with it."""

from typing import Any

from events.stories import Record, order
from events.words import O, plan_changes
from streams.define import Case, Detail, Event, once_per, ref


class Upgraded(Event, by="line"):
    step = ref.offering.rank(O.offering_id) - ref.offering.rank(O.previous_offering_id)
    dearer = ref.offering.price_rise(O.previous_offering_id, O.offering_id)
    when = plan_changes.where((step > 0) | ((step == 0) & (dearer > 0)))
    rearm = once_per(O.order_id, O.item_id)
    detail = Detail(from_=O.previous_offering_id, to=O.offering_id, price_delta=dearer, currency=ref.offering.price_currency(O.previous_offering_id, O.offering_id))


def change(old: str, new: str, at: str = "10:00", state: str = "completed", **more: Any) -> Record:
    """The plan becomes `new`."""
    return order(state, at, **{"item_action": "modify", "offering_kind": "plan", "previous_offering_id": old, "offering_id": new, **more})


HIGHER = {"from": "plan-s", "to": "plan-m", "price_delta": 10000, "currency": "CNY"}
CASES = [
    Case("of a higher rank", [change("plan-s", "plan-m")], [HIGHER]),
    Case("of a lower rank", [change("plan-m", "plan-s")], []),
    Case("of one rank, and dearer", [change("plan-m", "plan-m-plus")], [{"from": "plan-m", "to": "plan-m-plus", "price_delta": 6000, "currency": "CNY"}]),
    Case("of one rank, and cheaper", [change("plan-m-plus", "plan-m")], []),
    Case("the same plan again", [change("plan-m", "plan-m")], []),
    Case("two currencies are not compared", [change("plan-m", "plan-m-usd")], []),
    Case(
        "of a higher rank, in another currency or without a price",
        [change("plan-s", "plan-m-usd", "10:00"), change("plan-s", "plan-m-free", "11:00", order_id="OR-2")],
        [{"from": "plan-s", "to": to, "price_delta": None, "currency": None} for to in ("plan-m-usd", "plan-m-free")],
    ),
    Case(
        "a plan that nobody ranked, or nobody knows", [change("plan-s", "plan-unranked", "10:00"), change("plan-unranked", "plan-m", "11:00"), change("x", "plan-m", "12:00")], []
    ),
    Case(
        "each item once, however often it is reported",
        [change("plan-s", "plan-m", "10:00"), change("plan-s", "plan-m", "11:00"), change("plan-s", "plan-m", "12:00", item_id="2")],
        [HIGHER, HIGHER],
    ),
    Case("asked for only", [change("plan-s", "plan-m", state="acknowledged")], []),
    Case("an add-on is no plan", [change("plan-s", "plan-m", offering_kind="addon")], []),
    Case("a first plan is no step", [order("completed", offering_kind="plan", offering_id="plan-m")], []),
    Case("of one rank, and a cent dearer", [change("plan-m", "plan-m-cent")], [{"from": "plan-m", "to": "plan-m-cent", "price_delta": 1, "currency": "CNY"}]),
]
