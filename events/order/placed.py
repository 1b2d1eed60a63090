"""A new order was taken: confirm it, and show what goes with it."""

from events.stories import order
from events.words import O, acknowledged
from streams.define import Case, Detail, Event, once_per


class Placed(Event, by="customer"):
    when = acknowledged
    rearm = once_per(O.order_id)
    detail = Detail(order_id=O.order_id, offering_id=O.offering_id, kind=O.offering_kind, action=O.item_action, channel=O.channel)


DETAIL = {"order_id": "OR-1", "offering_id": "pack-1", "kind": "data_pack", "action": "add", "channel": "app"}
CASES = [
    Case("two items are one order", [order("acknowledged"), order("acknowledged", "10:01", item_id="2", offering_id="phone-1", offering_kind="device")], [DETAIL]),
    Case(
        "two orders", [order("acknowledged"), order("acknowledged", "10:00", order_id="OR-2", item_action="delete")], [DETAIL, {**DETAIL, "order_id": "OR-2", "action": "delete"}]
    ),
    Case("under way is not new", [order("inProgress"), order("completed", "11:00")], []),
]
