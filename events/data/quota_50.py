"""Half of the data allowance is used: a gentle notice, nothing to sell yet."""

from events.stories import allowance
from events.words import B, data_term, data_used
from streams.define import Case, Detail, Event, day


class Quota50(Event, by="line"):
    half = data_used.reaches(50, once_per=data_term)
    when = half.where(data_used.after < 80, B.operation != "expire")
    detail = Detail(used_pct=data_used.after, left_bytes=B.balance_after, valid_until=B.valid_until, days_left=B.valid_until.date - day)


END = {"valid_until": "2026-05-30T16:00:00.000Z", "days_left": 30}
CASES = [
    Case("exactly half", [allowance(5001, 5000)], [{"used_pct": "50.00", "left_bytes": 5000, **END}]),
    Case("a byte less", [allowance(5002, 5001)], []),
    Case("short of four fifths", [allowance(6000, 2001)], [{"used_pct": "79.99", "left_bytes": 2001, **END}]),
    Case(
        "four fifths at once are the next event's, and this step is passed",
        [allowance(6000, 2000), allowance(2000, 6000, "11:00", "adjust_credit"), allowance(6000, 4000, "12:00")],
        [],
    ),
    Case(
        "once in its term, then in the next one",
        [
            allowance(6000, 5000),
            allowance(5000, 6000, "11:00", "adjust_credit"),
            allowance(6000, 4000, "12:00"),
            allowance(6000, 4000, "13:00", valid_until="2026-06-30T00:00:00+08:00"),
        ],
        [{"used_pct": "50.00", "left_bytes": 5000, **END}, {"used_pct": "60.00", "left_bytes": 4000, "valid_until": "2026-06-29T16:00:00.000Z", "days_left": 60}],
    ),
    Case(
        "without an end it is one term",
        [allowance(6000, 5000, valid_until=None), allowance(6000, 4000, "11:00", valid_until=None)],
        [{"used_pct": "50.00", "left_bytes": 5000, "valid_until": None, "days_left": None}],
    ),
    Case(
        "a grant that makes it larger begins it again",
        [allowance(6000, 5000), allowance(5000, 15000, "11:00", "grant", bucket_initial=20000), allowance(15000, 10000, "12:00", bucket_initial=20000)],
        [{"used_pct": "50.00", "left_bytes": 5000, **END}, {"used_pct": "50.00", "left_bytes": 10000, **END}],
    ),
    Case(
        "a grant of the same size does not",
        [allowance(6000, 5000), allowance(5000, 6000, "11:00", "grant"), allowance(6000, 5000, "12:00")],
        [{"used_pct": "50.00", "left_bytes": 5000, **END}],
    ),
    Case("nor is it one itself", [allowance(6000, 6000), allowance(6000, 7000, "11:00", "grant", bucket_initial=20000)], []),
    Case(
        "two allowances",
        [allowance(6000, 5000), allowance(6000, 4900, "10:01", bucket_id="other")],
        [{"used_pct": "50.00", "left_bytes": 5000, **END}, {"used_pct": "51.00", "left_bytes": 4900, **END}],
    ),
    Case("a shared one", [allowance(6000, 5000, shared=True)], []),
    Case("what expires is not used", [allowance(6000, 5000, operation="expire")], []),
    Case("minutes are no data", [allowance(6000, 5000, bucket_kind="voice", unit="second")], []),
]
