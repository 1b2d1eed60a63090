"""Marketing consent was withdrawn: every campaign stops."""

from events.stories import told
from events.words import L
from streams.define import Case, Detail, Event


class ConsentWithdrawn(Event, by="customer"):
    consent = L.where(L.attribute == "customer.marketing_consent").moves(L.new_value, old=L.old_value.or_("granted"))  # a withdrawal is told even where nothing was known before
    when = consent.where(consent.to == "withdrawn")
    detail = Detail(channel=L.channel)


CONSENT = "customer.marketing_consent"
CASES = [
    Case("in the app", [told(CONSENT, "granted", "withdrawn", channel="app")], [{"channel": "app"}]),
    Case("the first that is known of it", [told(CONSENT, None, "withdrawn")], [{"channel": None}]),
    Case("given", [told(CONSENT, "withdrawn", "granted"), told(CONSENT, None, "granted", "11:00")], []),
    Case("withdrawn already", [told(CONSENT, None, "withdrawn", "10:00"), told(CONSENT, "granted", "withdrawn", "11:00")], [{"channel": None}]),
    Case(
        "each time",
        [told(CONSENT, None, "withdrawn", "10:00"), told(CONSENT, None, "granted", "11:00"), told(CONSENT, None, "withdrawn", "12:00")],
        [{"channel": None}, {"channel": None}],
    ),
    Case("another attribute", [told("customer.email", "set", "unset")], []),
]
