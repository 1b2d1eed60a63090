"""The data allowance is gone: a booster, at once."""

from events.stories import allowance
from events.words import B, data_term, data_used
from streams.define import Case, Detail, Event, day


class QuotaExhausted(Event, by="line"):
    gone = data_used.reaches(100, once_per=data_term)
    when = gone.where(B.operation != "expire")
    detail = Detail(valid_until=B.valid_until, days_left=B.valid_until.date - day)


END = {"valid_until": "2026-05-30T16:00:00.000Z", "days_left": 30}
CASES = [
    Case("the last byte", [allowance(1, 0)], [END]),
    Case("one is left", [allowance(2, 1)], []),
    Case("nothing more is used", [allowance(0, 0)], []),
    Case("once in its term", [allowance(1, 0), allowance(0, 10, "11:00", "adjust_credit"), allowance(10, 0, "12:00")], [END]),
    Case(
        "a grant of another size begins it again",
        [allowance(1, 0), allowance(0, 500, "11:00", "grant", bucket_initial=10500), allowance(500, 0, "12:00", bucket_initial=10500)],
        [END, END],
    ),
    Case("it ends on the day itself", [allowance(1, 0, "30 23:59:59.999")], [{**END, "days_left": 1}]),
    Case("what expires is not used", [allowance(1, 0, operation="expire")], []),
    Case("nor does it take the event away", [allowance(9, 0, operation="expire"), allowance(0, 9, "11:00", "adjust_credit"), allowance(9, 0, "12:00")], [END]),
    Case("nobody knows until when", [allowance(1, 0, valid_until=None)], [{"valid_until": None, "days_left": None}]),
    Case("a shared one", [allowance(1, 0, shared=True)], []),
]
