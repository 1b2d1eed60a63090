"""A pack ends soon and does not renew by itself: renew it with one click."""

from events.stories import order
from events.words import O, added, deleted_at
from streams.define import Case, Detail, Event, Param, once_per, ref


class Expiring(Event, by="line"):
    days = Param("1d", ge="1d", doc="so long before the pack ends")
    hour = Param("10:00", doc="at this time of day")

    packs = added.where(O.offering_kind.isin("addon", "data_pack"))
    # survives: O.offering_id in same → nothing: an item is of one offering
    pack = packs.where(~ref.offering.auto_renew(O.offering_id)).same(O.offering_id, O.order_id, O.item_id)
    bought = pack.first(added.time)
    once_told = added.where(added.same(O.order_id, O.item_id).count() == 1).same(O.offering_id)
    renewed_at = once_told.within("400d").latest(added.time)
    when = pack.on(O.term_end.date - days, at=hour).where(deleted_at.is_unknown() | (deleted_at < bought), renewed_at <= bought)
    rearm = once_per(O.order_id, O.item_id)
    detail = Detail(offering_id=O.offering_id, term_end=O.term_end)


LATER = "2026-12-01T00:00:00+08:00"
DETAIL = {"offering_id": "pack-once", "term_end": "2026-05-20T10:00:00.000Z"}


def pack(at: str, order_id: str = "OR-1", **more: object) -> dict[str, object]:
    """A pack that does not renew by itself is ordered."""
    return order("completed", at, **{"order_id": order_id, "offering_id": "pack-once", "term_end": "2026-05-20T18:00:00+08:00", **more})


CASES = [
    Case("the day before at ten", [pack("1 12:00")], [DETAIL], until=LATER),
    Case("bought at the moment itself", [pack("19 10:00")], [DETAIL], until=LATER),
    Case("bought a moment later", [pack("19 10:00:00.001")], [], until=LATER),
    Case("reported twice", [pack("1 12:00"), pack("2 12:00")], [DETAIL], until=LATER),
    Case("deleted", [pack("1 12:00"), pack("19 10:00", "OR-2", item_action="delete")], [], until=LATER),
    Case("deleted a moment later", [pack("1 12:00"), pack("19 10:00:00.001", "OR-2", item_action="delete")], [DETAIL], until=LATER),
    Case(
        "renewed: only the new one ends",
        [pack("1 12:00"), pack("19 10:00", "OR-2", term_end="2026-06-20T18:00:00+08:00")],
        [{**DETAIL, "term_end": "2026-06-20T10:00:00.000Z"}],
        until=LATER,
    ),
    Case("it renews by itself, or nobody knows", [pack("1 12:00", offering_id="pack-monthly"), pack("1 12:00", "OR-2", offering_id="unheard-of")], [], until=LATER),
    Case("no end", [pack("1 12:00", term_end=None)], [], until=LATER),
    Case("a roaming pack", [pack("1 12:00", offering_kind="roaming_pack")], [], until=LATER),
    Case("an add-on", [pack("1 12:00", offering_kind="addon")], [DETAIL], until=LATER),
    Case("broadband is no pack", [pack("1 12:00", offering_kind="broadband")], [], until=LATER),
    Case(
        "two items of one order",
        [pack("1 12:00"), pack("1 12:00", item_id="2", term_end="2026-05-22T18:00:00+08:00")],
        [DETAIL, {**DETAIL, "term_end": "2026-05-22T10:00:00.000Z"}],
        until=LATER,
    ),
    Case(
        "the second of them renews the first",
        [pack("1 12:00"), pack("2 12:00", item_id="2", term_end="2026-05-22T18:00:00+08:00")],
        [{**DETAIL, "term_end": "2026-05-22T10:00:00.000Z"}],
        until=LATER,
    ),
    Case("named again after it was deleted", [pack("1 12:00"), pack("2 12:00", "OR-2", item_action="delete"), pack("3 12:00")], [], until=LATER),
    Case("another pack is no renewal", [pack("1 12:00"), pack("2 12:00", "OR-2", offering_id="pack-monthly")], [DETAIL], until=LATER),
    Case("an earlier one was deleted", [pack("1 10:00", "OR-0", item_action="delete"), pack("1 12:00")], [DETAIL], until=LATER),
    Case("deleted at once", [pack("1 12:00"), pack("1 12:00", "OR-2", item_action="delete")], [], until=LATER),
    Case(
        "bought 399 civil days before",
        [pack("1 12:00", term_end="2027-06-05T18:00:00+08:00")],
        [{**DETAIL, "term_end": "2027-06-05T10:00:00.000Z"}],
        until="2027-12-01T00:00:00+08:00",
    ),
    Case("bought so long ago that nobody remembers", [pack("1 12:00", term_end="2027-06-06T18:00:00+08:00")], [], until="2027-12-01T00:00:00+08:00"),
    Case(
        "named again at that very moment, after the event was published",
        [pack("1 12:00"), pack("19 10:00:10", "OR-9", customer_id="C2", account_id="A2", subscription_id="S9"), pack("19 10:00")],
        [DETAIL],
        until=LATER,
    ),
]
