"""Data use shrinks week after week: a retention offer before it is gone."""

from typing import Any

from events.stories import moment, seen, session
from events.words import D, sessions
from streams.define import Case, Detail, Event, Param


class WeeklyDecline(Event, by="line"):
    k = Param(3, unit="weeks", ge=1, le=50, doc="so many falls in a row")
    share = Param("0.5", ge="0.0", le="1.0", doc="the last week has at most this share of the first")
    floor = Param("1 GiB", ge="1 B", doc="a first week below this says nothing")

    first, last = sessions.weekly(1, ago=k).sum(D.total_bytes), sessions.weekly(1).sum(D.total_bytes)
    # survives: k + 2 → k + 3: more than k + 1 falls are no news either
    decline = sessions.weekly(k + 2).falls(D.total_bytes)  # one week more than it takes, to tell the k-th fall from a later one
    # survives: sessions.week_closes(2) → sessions.week_closes(3): in the second week without a session nothing can fall
    when = sessions.week_closes(2).where(decline == k, first >= floor, last <= share * first)
    detail = Detail(first_bytes=first, last_bytes=last)


GIB = 1024**3
BEFORE, END = seen("310000", "3 23:59:59.999"), moment("32 00:00:05")


def weeks(*volumes: int) -> list[dict[str, Any]]:
    """A session on the Tuesday of each week from the 4th on; 0: none."""
    return [session(f"{5 + 7 * number} 10:00", volume) for number, volume in enumerate(volumes) if volume]


FALLEN = {"first_bytes": 4 * GIB, "last_bytes": 2 * GIB}
CASES = [
    Case("three falls, the last week exactly half of the first", [BEFORE, *weeks(4 * GIB, 3 * GIB, 2 * GIB + 1, 2 * GIB)], [FALLEN], until=END),
    Case("the week is not over", [BEFORE, *weeks(4 * GIB, 3 * GIB, 2 * GIB + 1, 2 * GIB)], [], until=moment("32 00:00:04")),
    Case("a byte more than half", [BEFORE, *weeks(4 * GIB, 3 * GIB, 2 * GIB + 2, 2 * GIB + 1)], [], until=END),
    Case("an equal week breaks it", [BEFORE, *weeks(4 * GIB, 3 * GIB, 3 * GIB, GIB)], [], until=END),
    Case("the first week below the floor", [BEFORE, *weeks(GIB - 1, 300, 200, 100)], [], until=END),
    Case("an empty week is 0", [BEFORE, *weeks(GIB, 300, 200)], [{"first_bytes": GIB, "last_bytes": 0}], until=END),
    Case("the first week is not whole", [seen("310000", "4 00:00"), *weeks(4 * GIB, 3 * GIB, 2 * GIB, GIB)], [], until=END),
    Case(
        "a fourth fall is none of three",
        [seen("310000", "1 10:00"), *weeks(8 * GIB, 7 * GIB, 6 * GIB, 5 * GIB, 2 * GIB)],
        [],
        until=moment("40 00:00"),
    ),
    Case(
        "again after a rise",
        [BEFORE, *weeks(4 * GIB, 3 * GIB, 2 * GIB + 1, 2 * GIB, 9 * GIB, 3 * GIB, 2 * GIB, GIB)],
        [FALLEN, {"first_bytes": 9 * GIB, "last_bytes": GIB}],
        until=moment("61 00:00"),
    ),
    Case("a late session counts in its own week", [BEFORE, *weeks(4 * GIB, 3 * GIB, 2 * GIB, GIB), seen("310000", "28 10:00"), session("26 09:00", 2 * GIB)], [], until=END),
]
