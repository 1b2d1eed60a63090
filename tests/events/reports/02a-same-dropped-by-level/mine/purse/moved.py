"""Another bucket is used than the time before, each currency by itself."""

from events.stories import charge
from events.words import B, main
from streams.define import Case, Detail, Event


class Moved(Event, by="line"):
    bucket = main.same(B.currency).moves(B.bucket_id)
    when = bucket
    detail = Detail(was=bucket.was, to=bucket.to)


CASES = [
    Case("another bucket of the currency", [charge(1200, 900), charge(1200, 900, "11:00", bucket_id="second")], [{"was": "main", "to": "second"}]),
    Case("the same one", [charge(1200, 900), charge(900, 800, "11:00")], []),
]
