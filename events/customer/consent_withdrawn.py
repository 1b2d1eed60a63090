"""Marketing consent was withdrawn: every campaign stops."""

from events.stories import state_change
from events.words import L
from streams.define import Case, Detail, Event


class ConsentWithdrawn(Event, by="customer"):
    # survives: .where(L.attribute == "customer.marketing_consent") → nothing: no other attribute has these values
    consent = L.where(L.attribute == "customer.marketing_consent").moves(
        L.new_value, old=L.old_value.or_("granted")
    )  # a withdrawal is an event even where nothing was known before
    when = consent.where(consent.to == "withdrawn")
    detail = Detail(channel=L.channel)


CONSENT = "customer.marketing_consent"
CASES = [
    Case("in the app", [state_change(CONSENT, "granted", "withdrawn", channel="app")], [{"channel": "app"}]),
    Case("the first that is known of it", [state_change(CONSENT, None, "withdrawn")], [{"channel": None}]),
    Case("given", [state_change(CONSENT, "withdrawn", "granted"), state_change(CONSENT, None, "granted", "11:00")], []),
    Case("withdrawn already", [state_change(CONSENT, None, "withdrawn", "10:00"), state_change(CONSENT, "granted", "withdrawn", "11:00")], [{"channel": None}]),
    Case(
        "each time",
        [state_change(CONSENT, None, "withdrawn", "10:00"), state_change(CONSENT, None, "granted", "11:00"), state_change(CONSENT, None, "withdrawn", "12:00")],
        [{"channel": None}, {"channel": None}],
    ),
    Case("another attribute", [state_change("customer.email", "set", "unset")], []),
]
