"""A free trial of a service ends soon: keep it as a subscription."""

from events.stories import order
from events.words import O, added, deleted_at
from streams.define import Case, Detail, Event, Param, once_per


class TrialEnding(Event, by="line"):
    days = Param("2d", ge="1d", doc="so long before the trial ends")
    hour = Param("10:00", doc="at this time of day")

    # survives: O.offering_id in same → nothing: an item is of one offering
    trial = added.where(O.offering_kind == "vas", O.price_minor == 0).same(O.offering_id, O.order_id, O.item_id)
    when = trial.on(O.term_end.date - days, at=hour).where(deleted_at.is_unknown() | (deleted_at < trial.first(added.time)))
    rearm = once_per(O.order_id, O.item_id)
    detail = Detail(offering_id=O.offering_id, term_end=O.term_end)


LATER = "2026-12-01T00:00:00+08:00"
DETAIL = {"offering_id": "music-1", "term_end": "2026-05-20T10:00:00.000Z"}


def trial(at: str, **more: object) -> dict[str, object]:
    """A free trial is ordered."""
    return order("completed", at, **{"offering_id": "music-1", "offering_kind": "vas", "price_minor": 0, "term_end": "2026-05-20T18:00:00+08:00", **more})


CASES = [
    Case("two days before at ten", [trial("1 12:00")], [DETAIL], until=LATER),
    Case("bought at the moment itself", [trial("18 10:00")], [DETAIL], until=LATER),
    Case("bought a moment later", [trial("18 10:00:00.001")], [], until=LATER),
    Case("it has a price", [trial("1 12:00", price_minor=1)], [], until=LATER),
    Case("deleted at the moment itself", [trial("1 12:00"), trial("18 10:00", order_id="OR-2", item_action="delete")], [], until=LATER),
    Case("deleted a moment later", [trial("1 12:00"), trial("18 10:00:00.001", order_id="OR-2", item_action="delete")], [DETAIL], until=LATER),
    Case("another service is deleted", [trial("1 12:00"), trial("2 12:00", offering_id="other", item_action="delete")], [DETAIL], until=LATER),
    Case("named again after it was deleted", [trial("1 12:00"), trial("2 12:00", order_id="OR-2", item_action="delete"), trial("3 12:00")], [], until=LATER),
    Case("ordered again", [trial("1 12:00"), trial("2 12:00", order_id="OR-2", item_action="delete"), trial("3 12:00", order_id="OR-3")], [DETAIL], until=LATER),
    Case("the price is not known", [trial("1 12:00", price_minor=None, currency=None)], [], until=LATER),
    Case("no end", [trial("1 12:00", term_end=None)], [], until=LATER),
    Case(
        "two items of one order",
        [trial("1 12:00"), trial("1 12:00", item_id="2", term_end="2026-05-22T18:00:00+08:00")],
        [DETAIL, {**DETAIL, "term_end": "2026-05-22T10:00:00.000Z"}],
        until=LATER,
    ),
    Case("a pack for nothing", [trial("1 12:00", offering_kind="data_pack")], [], until=LATER),
    Case("deleted at once", [trial("1 12:00"), trial("1 12:00", order_id="OR-2", item_action="delete")], [], until=LATER),
    Case(
        "named again at that very moment, after the event was published",
        [trial("1 12:00"), trial("18 10:00:10", order_id="OR-9", customer_id="C2", account_id="A2", subscription_id="S9"), trial("18 10:00")],
        [DETAIL],
        until=LATER,
    ),
]
