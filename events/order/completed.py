"""An order was delivered: first steps and tips are welcome now."""

from events.stories import order
from events.words import O, acknowledged
from streams.define import Case, Detail, Event, once_per


class Completed(Event, by="customer"):
    done = O.order_state == "completed"
    acknowledged_at = acknowledged.same(O.order_id).within("400d").first(O.event_time)  # as long as once_per remembers
    when = O.same(O.order_id, O.item_id).moves(done, initially=~done).where(done)
    rearm = once_per(O.order_id, O.item_id)
    detail = Detail(order_id=O.order_id, offering_id=O.offering_id, kind=O.offering_kind, hours=(O.event_time - acknowledged_at).hours)


DETAIL = {"order_id": "OR-1", "offering_id": "pack-1", "kind": "data_pack", "hours": 2}
CASES = [
    Case("within three hours", [order("acknowledged", "10:00"), order("inProgress", "11:00"), order("completed", "12:59:59.999")], [DETAIL]),
    Case("its beginning was not seen", [order("completed")], [{**DETAIL, "hours": None}]),
    Case("a part of it is not the whole", [order("acknowledged", "10:00"), order("partial", "11:00"), order("failed", "12:00", item_id="2")], []),
    Case(
        "reported twice, or done again",
        [order("acknowledged", "10:00"), order("completed", "12:00"), order("completed", "13:00"), order("held", "14:00"), order("completed", "15:00")],
        [DETAIL],
    ),
    Case(
        "each item, from the first acknowledgement of the order",
        [order("acknowledged", "10:00"), order("acknowledged", "11:00", item_id="2"), order("completed", "12:00"), order("completed", "13:30", item_id="2")],
        [DETAIL, {**DETAIL, "hours": 3}],
    ),
    Case("acknowledged only later", [order("completed", "10:00"), order("acknowledged", "12:00", item_id="2")], [{**DETAIL, "hours": None}]),
    Case("acknowledged 399 civil days before", [order("acknowledged", "1 10:00"), order("completed", "400 10:00")], [{**DETAIL, "hours": 9576}]),
    Case("so long ago that nobody remembers", [order("acknowledged", "1 10:00"), order("completed", "401 10:00")], [{**DETAIL, "hours": None}]),
    Case("another order was acknowledged before", [order("acknowledged", "09:00", order_id="OR-0"), order("acknowledged", "10:00"), order("completed", "12:00")], [DETAIL]),
    Case("two orders", [order("completed", "10:00"), order("completed", "11:00", order_id="OR-2")], [{**DETAIL, "hours": None}, {**DETAIL, "order_id": "OR-2", "hours": None}]),
]
