"""The first paid content: a content bundle fits."""

from events.stories import bought
from events.words import S, purchases
from streams.define import Case, Detail, Event, once


class FirstPurchase(Event, by="line"):
    when = purchases.where(purchases.nth() == 1)
    rearm = once
    detail = Detail(service_code=S.service_code, category=S.service_category, charge=S.charge_minor)


FIRST = {"service_code": "songs", "category": "music", "charge": 1, "currency": "CNY"}
CASES = [
    Case("one unit is paid, then more", [bought("10:00", 1), bought("11:00")], [FIRST]),
    Case("a line from before the records: its first is not known", [bought()], [], history_from="2026-04-02"),
    Case("free content is none", [bought("10:00", 0)], []),
    Case("after free content it is the first", [bought("10:00", 0), bought("11:00", 1)], [FIRST]),
    Case("another currency is no other first", [bought("10:00", 1), bought("11:00", 1, currency="USD")], [FIRST]),
    Case("each line", [bought("10:00", 1), bought("11:00", 1, subscription_id="S2")], [FIRST, FIRST]),
]
