"""Left something in the cart: a reminder."""

from events.stories import order, view
from events.words import W, acknowledged, visit
from streams.define import Case, Detail, Event, Param, any_of, each, once_per


class CartAbandoned(Event, by="customer"):
    wait = Param("2h", name="T", ge="1min", doc="so long to buy it after all")

    cart = W.where(W.page_category.isin("cart", "checkout"))
    bought = any_of(page=W.where(W.page_category == "order_done"), order=acknowledged)
    when = cart.without(bought, within=wait).latest
    rearm = once_per(visit).or_if_unknown(each)
    detail = Detail(offering_id=W.offering_id, stage=W.page_category)


LEFT = {"offering_id": None, "stage": "cart"}
LATER = "2026-05-03T00:00:00+08:00"
CASES = [
    Case("a cart, then nothing", [view("home", "10:00"), view("cart", "10:05", offering_id="plan-1")], [{**LEFT, "offering_id": "plan-1"}], until="2026-05-01T12:05:05+08:00"),
    Case("not before two hours are over", [view("cart", "10:05")], [], until="2026-05-01T12:05:04+08:00"),
    Case("bought at the last moment", [view("cart", "10:05"), view("order_done", "12:05")], [], until=LATER),
    Case("bought too late", [view("cart", "10:05"), view("order_done", "12:05:00.001")], [LEFT]),
    Case("bought in a store", [view("cart", "10:05"), order("acknowledged", "11:00", channel="store")], [], until=LATER),
    Case("no cart", [view("plan_detail", "10:05")], [], until=LATER),
    Case("the last one counts", [view("cart", "10:05"), view("checkout", "10:10")], [{**LEFT, "stage": "checkout"}], until=LATER),
    Case("a cart of the next visit takes its place", [view("cart", "10:05"), view("checkout", "12:00")], [{**LEFT, "stage": "checkout"}], until=LATER),
    Case(
        "while the visit goes on",
        [view("cart", "10:00"), *(view("home", f"{10 + at // 60}:{at % 60:02d}") for at in range(20, 140, 20))],
        [LEFT],
        until="2026-05-01T12:00:05+08:00",
    ),
    Case(
        "once a visit",
        [view("cart", "10:00"), *(view("home", f"{10 + at // 60}:{at % 60:02d}") for at in range(25, 150, 25)), view("checkout", "12:30")],
        [LEFT],
        until=LATER,
    ),
    Case("a late cart of no visit", [view("home", "11:00"), view("cart", "10:00")], [LEFT], until="2026-05-01T12:00:05+08:00"),
    Case("two visits", [view("cart", "1 10:05"), view("checkout", "2 10:05")], [LEFT, {**LEFT, "stage": "checkout"}], until=LATER),
    Case("the own account", [view("account", "10:05")], [], until=LATER),
    Case(
        "two late carts of no visit",
        [view(page, at) for page, at in (("home", "1 11:00"), ("cart", "1 10:00"), ("home", "2 11:00"), ("cart", "2 10:00"))],
        [LEFT, LEFT],
        until=LATER,
    ),
]
