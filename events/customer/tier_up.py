"""The loyalty tier was raised: celebrate, and show what is new."""

from events.stories import state_change
from events.words import tier
from streams.define import Case, Detail, Event, ref


class TierUp(Event, by="customer"):
    when = tier.where(ref.tier.rank(tier.to) > ref.tier.rank(tier.was))
    detail = Detail(from_=tier.was, to=tier.to)


TIER = "customer.tier"
CASES = [
    Case("from silver to gold", [state_change(TIER, "silver", "gold")], [{"from": "silver", "to": "gold"}]),
    Case("down", [state_change(TIER, "gold", "silver")], []),
    Case("to another of the same rank", [state_change(TIER, "gold", "rose")], []),
    Case("the first that is known", [state_change(TIER, None, "gold")], []),
    Case("after one that was seen", [state_change(TIER, None, "silver", "10:00"), state_change(TIER, None, "platinum", "11:00")], [{"from": "silver", "to": "platinum"}]),
    Case("reported twice", [state_change(TIER, None, "gold", "10:00"), state_change(TIER, "silver", "gold", "11:00")], []),
    Case("a tier that nobody ranked", [state_change(TIER, "silver", "jade", "10:00"), state_change(TIER, "jade", "gold", "11:00")], []),
    Case(
        "each time",
        [state_change(TIER, "silver", "gold", "10:00"), state_change(TIER, "gold", "silver", "11:00"), state_change(TIER, "silver", "gold", "12:00")],
        [{"from": "silver", "to": "gold"}, {"from": "silver", "to": "gold"}],
    ),
    Case("another attribute", [state_change("customer.city", "silver", "gold")], []),
]
