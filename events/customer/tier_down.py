"""The loyalty tier was lowered: a way back up."""

from events.stories import state_change
from events.words import tier
from streams.define import Case, Detail, Event, ref


class TierDown(Event, by="customer"):
    when = tier.where(ref.tier.rank(tier.to) < ref.tier.rank(tier.was))
    detail = Detail(from_=tier.was, to=tier.to)


TIER = "customer.tier"
CASES = [
    Case("from gold to silver", [state_change(TIER, "gold", "silver")], [{"from": "gold", "to": "silver"}]),
    Case("up", [state_change(TIER, "silver", "gold")], []),
    Case("to another of the same rank", [state_change(TIER, "gold", "rose")], []),
    Case("the first that is known", [state_change(TIER, None, "silver")], []),
    Case("after one that was seen", [state_change(TIER, None, "gold", "10:00"), state_change(TIER, None, "silver", "11:00")], [{"from": "gold", "to": "silver"}]),
    Case("a tier that nobody ranked", [state_change(TIER, "platinum", "jade", "10:00"), state_change(TIER, "jade", "silver", "11:00")], []),
]
