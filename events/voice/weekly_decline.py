"""Talk time shrinks week after week: a retention offer before the line falls silent."""

from typing import Any

from events.stories import call, moment, seen
from events.words import V
from streams.define import Case, Detail, Event, Param


class WeeklyDecline(Event, by="line"):
    k = Param(4, unit="weeks", ge=1, le=50, doc="so many falls in a row")
    floor = Param(1800, unit="s", ge=1, doc="a first week below this says nothing")

    # survives: .where(V.duration_s >= 1) → nothing: a call of no length changes no sum
    # survives: V.duration_s >= 1 → V.duration_s >= 0: the same
    spoken = V.where(V.duration_s >= 1)
    first, last = spoken.weekly(1, ago=k).sum(V.duration_s), spoken.weekly(1).sum(V.duration_s)
    # survives: k + 2 → k + 3: more than k + 1 falls are no news either
    decline = spoken.weekly(k + 2).falls(V.duration_s)  # one week more than it takes, to tell the k-th fall from a later one
    # survives: spoken.week_closes(2) → spoken.week_closes(3): in the second week without a call nothing can fall
    when = spoken.week_closes(2).where(decline == k, first >= floor)
    detail = Detail(weeks=decline, first_s=first, last_s=last)


BEFORE, END = seen("310000", "3 23:59:59.999"), moment("39 00:00:05")


def weeks(*seconds: int) -> list[dict[str, Any]]:
    """A call on the Tuesday of each week from the 4th on; 0: none."""
    return [call(f"{5 + 7 * number} 10:00", duration_s=length, direction="mt") for number, length in enumerate(seconds) if length]


CASES = [
    Case("four falls", [BEFORE, *weeks(1800, 1799, 1700, 2, 1)], [{"weeks": 4, "first_s": 1800, "last_s": 1}], until=END),
    Case("the week is not over", [BEFORE, *weeks(1800, 1799, 1700, 2, 1)], [], until=moment("39 00:00:04")),
    Case("down to nothing", [BEFORE, *weeks(1800, 1700, 1600, 1500)], [{"weeks": 4, "first_s": 1800, "last_s": 0}], until=END),
    Case("the first week below the floor", [BEFORE, *weeks(1799, 1700, 1600, 1500)], [], until=END),
    Case("an equal week breaks it", [BEFORE, *weeks(1800, 1700, 1700, 1600, 1500)], [], until=END),
    Case("three falls", [BEFORE, *weeks(1800, 1900, 1800, 1700, 1600)], [], until=END),
    Case("the first week is not whole", [seen("310000", "4 00:00"), *weeks(1800, 1700, 1600, 1500, 1400)], [], until=END),
    Case("a week before the first says nothing", [BEFORE, *weeks(100, 1800, 1700, 1600, 1500, 1400)], [{"weeks": 4, "first_s": 1800, "last_s": 1400}], until=moment("46 00:00:05")),
    Case("a fifth fall is no news", [BEFORE, *weeks(2300, 2200, 2100, 2000, 1900, 1800)], [{"weeks": 4, "first_s": 2300, "last_s": 1900}], until=moment("46 00:00:05")),
]
