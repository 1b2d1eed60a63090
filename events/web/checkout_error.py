"""The checkout failed: help at once."""

from events.stories import view
from events.words import W
from streams.define import Case, Detail, Event, cool


class CheckoutError(Event, by="customer"):
    when = W.where(W.page_category == "checkout", W.outcome == "error")
    rearm = cool("10min")
    detail = Detail(page=W.page, offering_id=W.offering_id)


DETAIL = {"page": "/checkout", "offering_id": "pack-1"}
CASES = [
    Case("fails", [view("checkout", outcome="error", offering_id="pack-1")], [DETAIL]),
    Case("of what is unknown", [view("checkout", outcome="error")], [{**DETAIL, "offering_id": None}]),
    Case("works", [view("checkout", outcome="submit")], []),
    Case("another page fails", [view("cart", outcome="error")], []),
    Case(
        "once in ten minutes",
        [view("checkout", at, outcome="error", offering_id="pack-1") for at in ("10:00", "10:09:59.999", "10:10")],
        [DETAIL, DETAIL],
    ),
    Case("a moment before ten minutes are over", [view("checkout", at, outcome="error", offering_id="pack-1") for at in ("10:00", "10:09:59.999")], [DETAIL]),
]
