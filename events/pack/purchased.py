"""Bought a pack or an add-on: suggest what goes with it."""

from events.stories import order, session
from events.words import O, completed
from streams.define import Case, Detail, Event, once_per


class Purchased(Event, by="line"):
    # survives: O.subscription_id.known() in where → nothing: what is of no line is left out anyway
    when = completed.where(O.subscription_id.known(), O.item_action == "add", O.offering_kind.isin("addon", "data_pack", "roaming_pack"))
    rearm = once_per(O.order_id, O.item_id)
    detail = Detail(offering_id=O.offering_id, price=O.price_minor, channel=O.channel)


DETAIL = {"offering_id": "pack-1", "price": 1000, "channel": "app", "currency": "CNY"}
CASES = [
    Case("a data pack", [order("completed")], [DETAIL]),
    Case("the price is not known", [order("completed", price_minor=None, currency=None)], [{**DETAIL, "price": None, "currency": None}]),
    Case(
        "each item once, of any currency",
        [order("completed", "10:00"), order("completed", "10:01"), order("completed", "10:02", item_id="2", currency="USD", offering_kind="roaming_pack")],
        [DETAIL, {**DETAIL, "currency": "USD"}],
    ),
    Case("of no line: the only one", [order("completed", subscription_id=None)], [DETAIL]),
    Case("of no line, and there are two", [session("09:00", subscription_id="S2"), order("completed", subscription_id=None)], []),
    Case("not delivered yet", [order("acknowledged", "10:00"), order("inProgress", "10:01"), order("failed", "10:02")], []),
    Case("taken away, or changed", [order("completed", item_action="delete"), order("completed", item_id="2", item_action="modify")], []),
    Case("a service is no pack", [order("completed", offering_kind="vas")], []),
    Case("an add-on, by another order", [order("completed", "10:00", offering_kind="addon"), order("completed", "10:01", order_id="OR-2")], [DETAIL, DETAIL]),
    Case("broadband is none", [order("completed", offering_kind="broadband")], []),
]
