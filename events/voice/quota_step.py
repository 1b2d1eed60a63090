"""The voice allowance is used to a step: offer a pack of minutes."""

from events.stories import allowance, minutes
from events.words import B, voice_term, voice_used
from streams.define import Case, Detail, Event, Param


class QuotaStep(Event, by="line"):
    step_1 = Param(50, unit="percent", ge=1, le=100, doc="the first step")
    step_2 = Param(80, unit="percent", ge=step_1, le=100, doc="the second step")
    step_3 = Param(100, unit="percent", ge=step_2, le=100, doc="the third step")

    steps = voice_used.reaches(step_1, step_2, step_3, once_per=voice_term)
    when = steps.where(B.operation != "expire")
    detail = Detail(step=steps.step, left_s=B.balance_after, valid_until=B.valid_until)


END = "2026-05-30T16:00:00.000Z"
CASES = [
    Case(
        "each step",
        [minutes(3001, 3000), minutes(3000, 1200, "11:00"), minutes(1200, 0, "12:00")],
        [{"step": step, "left_s": left, "valid_until": END} for step, left in ((50, 3000), (80, 1200), (100, 0))],
    ),
    Case("a second less", [minutes(3002, 3001), minutes(3000, 1201, "11:00"), minutes(1200, 1, "12:00")], []),
    Case(
        "only the highest; what was jumped over stays passed",
        [minutes(6000, 1200), minutes(1200, 6000, "11:00", "adjust_credit"), minutes(6000, 2900, "12:00")],
        [{"step": 80, "left_s": 1200, "valid_until": END}],
    ),
    Case(
        "a higher step may come later",
        [minutes(6000, 3000), minutes(3000, 6000, "11:00", "adjust_credit"), minutes(6000, 1000, "12:00")],
        [{"step": 50, "left_s": 3000, "valid_until": END}, {"step": 80, "left_s": 1000, "valid_until": END}],
    ),
    Case("not rounded", [minutes(600, 501, bucket_initial=1001), minutes(501, 500, "11:00", bucket_initial=1001)], [{"step": 50, "left_s": 500, "valid_until": END}]),
    Case(
        "without an end it is one term",
        [minutes(6000, 3000, valid_until=None), minutes(6000, 2000, "11:00", valid_until=None)],
        [{"step": 50, "left_s": 3000, "valid_until": None}],
    ),
    Case("another term", [minutes(6000, 3000), minutes(6000, 3000, "11:00", valid_until=None)], [{"step": 50, "left_s": 3000, "valid_until": end} for end in (END, None)]),
    Case(
        "a grant of another size begins it again",
        [minutes(6000, 3000), minutes(3000, 4000, "11:00", "grant", bucket_initial=7000), minutes(4000, 3500, "12:00", bucket_initial=7000)],
        [{"step": 50, "left_s": 3000, "valid_until": END}, {"step": 50, "left_s": 3500, "valid_until": END}],
    ),
    Case("a shared one, and what expires", [minutes(6000, 3000, shared=True), minutes(6000, 0, "11:00", "expire")], []),
    Case("data is no voice", [allowance(6000, 0)], []),
]
