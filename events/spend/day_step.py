"""Spend today passes a step: a day pass would be cheaper."""

from events.words import B, charges
from streams.define import Amount, Event, Field, Param


class DayStep(Event, by="line", number=35):
    step_1 = Param(3000, unit="minor", ge=1, doc="the first step")
    step_2 = Param(5000, unit="minor", ge=1, doc="the second step")
    step_3 = Param(10000, unit="minor", ge=1, doc="the third step")

    today = charges.same(B.currency).day_total(-B.delta)
    when = today.passes(step_1, step_2, step_3)

    spent: Field[Amount] = today.total
    step: Field[Amount] = today.step
