"""Compares several plans in one visit: offer the plan adviser."""

from events.stories import Record, view
from events.words import W, views, visit
from streams.define import Case, Detail, Event, Param, once_per


class PlanComparison(Event, by="customer"):
    n = Param(3, unit="plans", ge=1, doc="so many different plans are a comparison")

    plans = visit.where(W.page_category == "plan_detail")
    when = views.where(plans.distinct(W.offering_id) >= n)
    rearm = once_per(visit)
    detail = Detail(offerings=plans.list(W.offering_id))


def plan(number: int, at: str) -> Record:
    """The page of a plan."""
    return view("plan_detail", at, offering_id=f"plan-{number}")


THREE = {"offerings": ["plan-1", "plan-2", "plan-3"]}
CASES = [
    Case("three plans in one visit", [plan(1, "10:00"), plan(2, "10:05"), plan(3, "10:10")], [THREE]),
    Case("one of them again", [plan(1, "10:00"), plan(2, "10:05"), plan(1, "10:10")], []),
    Case("a cart is no plan's page", [plan(1, "10:00"), plan(2, "10:05"), view("cart", "10:10", offering_id="plan-3")], []),
    Case("a page without a plan", [plan(1, "10:00"), plan(2, "10:05"), view("plan_detail", "10:10")], []),
    Case("two visits are not one", [plan(1, "10:00"), plan(2, "10:05"), plan(3, "10:35:00.001")], []),
    Case("another page holds the visit together", [plan(1, "10:00"), plan(2, "10:05"), view("home", "10:35"), plan(3, "11:05")], [THREE]),
    Case(
        "once a visit, again in the next", [*(plan(number, f"10:0{number}") for number in (1, 2, 3, 4)), *(plan(number, f"12:0{number}") for number in (1, 2, 3))], [THREE, THREE]
    ),
    Case(
        "a late plan is evaluated with the next view",
        [plan(1, "10:00"), plan(2, "10:05"), view("home", "10:20"), plan(3, "10:10"), view("home", "10:25")],
        [THREE],
    ),
]
