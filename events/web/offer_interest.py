"""Keeps looking at one product, in several visits: a targeted discount."""

from events.stories import Record, order, view
from events.words import O, W, completed, views, visit
from streams.define import Case, Detail, Event, Param, any_of, cool, reset


class OfferInterest(Event, by="customer"):
    window = Param("7d", ge="1d", doc="today and the days before it that are looked at")
    n = Param(3, unit="views", ge=1, doc="so many views are interest")
    least = Param(2, name="visits", unit="visits", ge=1, doc="in so many different visits")

    signs = any_of(view=views, order=completed.where(O.item_action.isin("add", "modify")))
    each_offering = signs.same(W.offering_id.or_(O.offering_id))
    # survives: signs.name == "view" in where → nothing: an order is of no page
    # survives: W.offering_id.known() in where → nothing: what names no offering is left out anyway
    looks, bought = each_offering.where(signs.name == "view", W.offering_id.known()), each_offering.where(signs.name == "order")
    recent = looks.within(window)
    when = looks.where(recent.count() >= n, recent.distinct(visit.id) >= least, bought.within(window).count() == 0)
    # survives: reset → nothing: seven days later those of the frame are over anyway
    rearm = reset, cool("7d")
    detail = Detail(offering_id=W.offering_id, views=recent.count())


def look(at: str, offering_id: str | None = "plan-1") -> Record:
    """The page of a product."""
    return view("plan_detail", at, offering_id=offering_id)


INTEREST = {"offering_id": "plan-1", "views": 3}
CASES = [
    Case("the third view in the second visit", [look("10:00"), look("10:10"), look("12:00")], [INTEREST]),
    Case("all in one visit", [look("10:00"), look("10:10"), look("10:20")], []),
    Case("any page holds a visit together", [look("10:00"), view("home", "10:20"), look("10:40"), view("home", "11:00"), look("11:20")], []),
    Case("two views", [look("10:00"), look("12:00")], []),
    Case("three products", [look("10:00"), look("12:00", "plan-2"), look("14:00", "plan-3")], []),
    Case("no product", [look("10:00", None), look("12:00", None), look("14:00", None)], []),
    Case("the first view is of the seventh day back", [look("1 00:00"), look("3 10:00"), look("7 23:59:59.999")], [INTEREST]),
    Case("one day more", [look("1 23:59:59.999"), look("3 10:00"), look("8 00:00")], []),
    Case("bought in the meantime", [look("1 10:00"), look("2 10:00"), order("completed", "2 11:00", offering_id="plan-1"), look("3 10:00")], []),
    Case("another product was", [look("1 10:00"), look("2 10:00"), order("completed", "2 11:00", offering_id="plan-2"), look("3 10:00")], [INTEREST]),
    Case("only asked for", [look("1 10:00"), look("2 10:00"), order("acknowledged", "2 11:00", offering_id="plan-1"), look("3 10:00")], [INTEREST]),
    Case("cancelled", [look("1 10:00"), look("2 10:00"), order("completed", "2 11:00", offering_id="plan-1", item_action="delete"), look("3 10:00")], [INTEREST]),
    Case(
        "bought longer ago",
        [order("completed", "1 09:00", offering_id="plan-1"), look("6 10:00"), look("7 10:00"), look("8 10:00")],
        [INTEREST],
    ),
    Case(
        "again after seven days, counted from the beginning",
        [look("1 10:00"), look("1 12:00"), look("2 10:00"), look("6 10:00"), look("7 10:00"), look("8 10:00"), look("9 10:00")],
        [INTEREST, {**INTEREST, "views": 4}],
    ),
    Case("changed in the meantime", [look("1 10:00"), look("2 10:00"), order("completed", "2 11:00", offering_id="plan-1", item_action="modify"), look("3 10:00")], []),
    Case("an order is no view", [order("completed", "1 10:00", offering_id="plan-1"), look("9 10:00"), look("9 12:00")], []),
]
