"""An agreement was extended: say thank you, offer an accessory."""

from events.stories import agreement
from events.words import L, agreement_end, agreement_ends
from streams.define import Case, Detail, Event


class Renewed(Event, by="line"):
    moved = agreement_ends.moves(agreement_end, old=L.old_value.as_date())
    # survives: moved.to > moved.was → moved.to >= moved.was: what has moved differs
    when = moved.where(moved.to > moved.was)
    detail = Detail(old_end=moved.was, new_end=moved.to)


CASES = [
    Case(
        "a later date",
        [agreement("2026-09-30", "1 12:00"), agreement("2027-09-30", "2 12:00"), agreement("2027-10-01", "3 12:00")],
        [{"old_end": "2026-09-30", "new_end": "2027-09-30"}, {"old_end": "2027-09-30", "new_end": "2027-10-01"}],
    ),
    Case("the first record says the old date", [agreement("2027-09-30", "1 12:00", old_value="2026-09-30")], [{"old_end": "2026-09-30", "new_end": "2027-09-30"}]),
    Case("the first date", [agreement("2027-09-30", "1 12:00")], []),
    Case("an earlier date", [agreement("2027-09-30", "1 12:00"), agreement("2027-09-29", "2 12:00")], []),
    Case("reported again", [agreement("2027-09-30", "1 12:00"), agreement(None, "2 12:00"), agreement("2027-09-30", "3 12:00", old_value="2026-09-30")], []),
    Case("of another agreement", [agreement("2026-09-30", "1 12:00"), agreement("2027-09-30", "2 12:00", "AG-2")], []),
]
