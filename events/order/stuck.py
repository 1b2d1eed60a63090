"""An order is not finished in time: apologise, and keep it warm."""

from events.order.placed import Placed
from events.stories import moment, order
from events.words import O
from streams.define import Case, Detail, Event, Param, once_per


class Stuck(Event, by="customer"):
    wait = Param("48h", name="T", ge="1s", doc="by then an order should have ended")

    ended = O.where(O.order_state.isin("rejected", "cancelled", "completed", "failed", "partial"))
    when = Placed.same(O.order_id).without(ended.same(O.order_id), within=wait)
    # survives: once_per(O.order_id) → nothing: an order is placed once
    rearm = once_per(O.order_id)
    # survives: .or_(O.order_state) → nothing: there is always a last state; it says that the field is never null
    detail = Detail(order_id=O.order_id, last_state=O.same(O.order_id).latest(O.order_state).or_(O.order_state), age_h=wait.hours)


DETAIL = {"order_id": "OR-1", "last_state": "acknowledged", "age_h": 48}
CASES = [
    Case("nothing for two days", [order("acknowledged", "1 12:00")], [DETAIL], until=moment("3 12:00:05")),
    Case("not before five seconds behind", [order("acknowledged", "1 12:00")], [], until=moment("3 12:00:04")),
    Case(
        "under way still, from the first item on",
        [order("acknowledged", "1 12:00"), order("acknowledged", "2 12:00", item_id="2"), order("held", "2 13:00", item_id="2")],
        [{**DETAIL, "last_state": "held"}],
        until=moment("5 12:00"),
    ),
    Case("an end at the last moment", [order("acknowledged", "1 12:00"), order("completed", "3 12:00")], [], until=moment("5 12:00")),
    Case("an end a moment too late", [order("acknowledged", "1 12:00"), order("completed", "3 12:00:00.001")], [DETAIL]),
    Case("the end of any item", [order("acknowledged", "1 12:00"), order("failed", "2 12:00", item_id="2")], [], until=moment("5 12:00")),
    Case("the end of another order", [order("acknowledged", "1 12:00"), order("cancelled", "2 12:00", order_id="OR-2")], [DETAIL], until=moment("5 12:00")),
    Case("never taken", [order("inProgress", "1 12:00")], [], until=moment("5 12:00")),
    Case(
        "each kind of end",
        [
            one
            for number, state in enumerate(("rejected", "cancelled", "partial"))
            for one in (order("acknowledged", f"1 12:0{number}", order_id=state), order(state, f"1 13:0{number}", order_id=state))
        ],
        [],
        until=moment("5 12:00"),
    ),
]
