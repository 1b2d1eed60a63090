"""Four fifths of the data allowance are used: a data pack helps."""

from events.stories import allowance
from events.words import B, data_term, data_used
from streams.define import Case, Detail, Event, day


class Quota80(Event, by="line"):
    most = data_used.reaches(80, once_per=data_term)
    when = most.where(data_used.after < 100, B.operation != "expire")
    detail = Detail(used_pct=data_used.after, left_bytes=B.balance_after, valid_until=B.valid_until, days_left=B.valid_until.date - day)


END = {"valid_until": "2026-05-30T16:00:00.000Z", "days_left": 30}
CASES = [
    Case("exactly four fifths", [allowance(2001, 2000)], [{"used_pct": "80.00", "left_bytes": 2000, **END}]),
    Case("a byte less", [allowance(2002, 2001)], []),
    Case("one left", [allowance(6000, 1)], [{"used_pct": "99.99", "left_bytes": 1, **END}]),
    Case("none left is the next event's", [allowance(6000, 0)], []),
    Case(
        "once in its term",
        [allowance(2500, 2000), allowance(2000, 3000, "11:00", "adjust_credit"), allowance(3000, 1000, "12:00")],
        [{"used_pct": "80.00", "left_bytes": 2000, **END}],
    ),
    Case(
        "a grant that makes it larger begins it again",
        [allowance(2500, 2000), allowance(2000, 12000, "11:00", "grant", bucket_initial=20000), allowance(12000, 4000, "12:00", bucket_initial=20000)],
        [{"used_pct": "80.00", "left_bytes": 2000, **END}, {"used_pct": "80.00", "left_bytes": 4000, **END}],
    ),
    Case(
        "nobody knows until when: once",
        [allowance(2001, 2000, valid_until=None), allowance(3000, 1000, "11:00", valid_until=None)],
        [{"used_pct": "80.00", "left_bytes": 2000, "valid_until": None, "days_left": None}],
    ),
    Case("a shared one", [allowance(2500, 2000, shared=True)], []),
    Case("what expires is not used", [allowance(2500, 2000, operation="expire")], []),
]
