"""Shapes that several counts share: an edge with a cool-down over a sliding window, silences, and a day's total against the usual day."""

from bisect import insort
from collections import defaultdict, deque

from tests.real_input.plain.data import HOUR, day_before


def edged(members, window, true, cool):
    """(member, window) where a predicate over the window becomes true: armed when it was false without the new member, and `cool` hours apart.

    A late member is taken in and not judged.
    """
    held, armed, last = deque(), True, None
    for at, member in members:
        if held and at < held[-1][0]:
            insort(held, (at, member), key=lambda one: one[0])
            continue
        while held and held[0][0] <= at - window:
            held.popleft()
        if not true([m for _, m in held]):
            armed = True
        held.append((at, member))
        inside = [m for _, m in held]
        if armed and true(inside):
            armed = False
            if last is None or at >= last + cool * HOUR:
                last = at
                yield at, inside


def silent(data, who, times, days):
    """(place of A, due) of each A that no other follows within so many civil days."""
    for place, at in enumerate(times):
        due = data.later(at, days)
        following = times[place + 1] if place + 1 < len(times) else None
        if (following is None or following > due) and data.alive(who, due):
            yield place, due


def active_days(dates, days):
    """How many of so many days up to the last one are among the dates."""
    return len({day for day in dates if day > day_before(dates[-1], days)})


def unusual_days(data, who, amounts, k, floor):
    """(time, total, 28-day sum, days) at the first record of each day at which its running total is k times the usual one. `k` is (number, by)."""
    total, done, begun = defaultdict(int), set(), data.day(data.seen[who])
    for at, amount in amounts:
        day = data.day(at)
        total[day] += amount
        if total[day] < floor or day in done:
            continue
        before = [day_before(day, n) for n in range(1, 29) if day_before(day, n) > begun]
        usual = sum(total.get(d, 0) for d in before)
        if len(before) >= 14 and total[day] * len(before) * k[1] >= k[0] * usual:
            done.add(day)
            yield at, total[day], usual, len(before)
