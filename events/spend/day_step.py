"""Spend today passes a step: a day pass would be cheaper."""

from events.stories import charge
from events.words import charged, charges
from streams.define import Case, Detail, Event, Param


class DayStep(Event, by="line"):
    step_1 = Param(3000, unit="minor", ge=1, doc="the first step")
    step_2 = Param(5000, unit="minor", ge=1, doc="the second step")
    step_3 = Param(10000, unit="minor", ge=1, doc="the third step")

    spent = charges.today().sum(charged)
    when = spent.reaches(step_1, step_2, step_3)
    detail = Detail(spent=spent, step=when.step)


CASES = [
    Case("only the highest step passed", [charge(9000, 3800)], [{"spent": 5200, "step": 5000, "currency": "CNY"}]),
    Case(
        "every step once a day",
        [charge(90000, 84800, "10:00"), charge(84800, 79900, "11:00"), charge(79900, 70000, "12:00")],
        [{"spent": 5200, "step": 5000, "currency": "CNY"}, {"spent": 10100, "step": 10000, "currency": "CNY"}],
    ),
    Case(
        "the day ends at local midnight",
        [charge(9000, 7200, "1 23:59:59.999"), charge(7200, 5400, "2 00:00"), charge(5400, 4100, "2 00:00:01")],
        [{"spent": 3100, "step": 3000, "currency": "CNY"}],
    ),
    Case("below the first step", [charge(9000, 6001)], []),
    Case("two currencies do not add up", [charge(9000, 7000, "10:00"), charge(9000, 7000, "10:01", currency="USD")], []),
]
