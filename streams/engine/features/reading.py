"""Functions of a frame, computed when they are asked for: from the lists of `MemberStage` as they were at each happening."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.codes import NULL, text_of
from streams.engine.expression import Column
from streams.engine.features.distinct import distincts, tops
from streams.engine.features.frame import Between, Today, Within
from streams.engine.features.pair import KEPT_MS
from streams.engine.features.windows import Windows, anys, extremes, firsts, nearests, sums
from streams.engine.stage import read_for

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.expression import Expr
    from streams.engine.features.frame import Extent, Feature
    from streams.engine.features.members import MemberStage
    from streams.engine.flow import Flow
    from streams.engine.spans import ValueOf

NEVER = 2**62
"""A moment behind all others."""
SHOWN = ("latest", "first", "top", "list")
"""Functions that give a text back: then its letters are kept, not only its code."""


def length_of(extent: Extent, value_of: ValueOf) -> tuple[int, bool]:
    """The length of a frame, and whether it counts civil days, today included; else ms.

    >>> length_of(Today(), lambda parameter: parameter.value)
    (1, True)
    """
    return (extent.span.number(value_of), extent.span.civil) if isinstance(extent, Within) else (1, True)


def coded(node: Expr, flow: Flow) -> Ints:
    """A column as it is kept: truth values as 1 and 0; unknown is NULL, of texts and tokens 0."""
    values, known = read_for(node, flow)
    values = values.astype(np.int64)
    return values if known is None else np.where(known, values, unknown_of(node))


def unknown_of(node: Expr) -> int:
    """What an unknown value of `node` is kept as."""
    return 0 if node.kind in ("text", "token") else NULL


class FrameAt:
    """One frame at the happenings of one reader: which members of a list are in it.

    `entry`: the entry of each happening in the feed of the stage. `own`: whether the reader's own record counts.
    """

    def __init__(self, stage: MemberStage, extent: Extent, flow: Flow, entry: Ints, *, own: bool) -> None:
        self.stage, self.flow, self.entry, self.own = stage, flow, entry, own
        self.length, self.civil = length_of(extent, stage.home.world.value_of)
        self.whole_day = isinstance(extent, Today)
        self.between = extent if isinstance(extent, Between) else None
        self.all: Windows | None = None
        self.walk = -1

    def before(self, index: Ints | None) -> Ints:
        """The last moment that is out of the frame of each happening, epoch ms."""
        times = self._times(index)
        if self.between is not None:
            return np.maximum(self._named(self.between.since, index, NULL, NEVER), times - KEPT_MS)
        if not self.civil:
            return times - self.length
        return self._midnight(times, 1 - self.length, index) - 1

    def until(self, index: Ints | None) -> Ints:
        """The last moment that is in it: the happening's own; of a day, where the happening is a late member, the last one of the day."""
        times = self._times(index)
        if self.between is not None:
            return np.minimum(self._named(self.between.until, index, NEVER, NULL), times + self.stage.home.late_limit_ms)
        late = self.stage.feed.late[self.entry if index is None else self.entry[index]]
        if not self.whole_day or not late.any():
            return times
        return np.where(late, self._midnight(times, 1, index) - 1, times)

    def _named(self, moment: Expr | None, index: Ints | None, otherwise: int, unknown: int) -> Ints:
        """The moment that each reader names, `otherwise` where the frame has no such end, `unknown` where it is unknown."""
        if moment is None:
            return np.full(self.flow.n if index is None else len(index), otherwise)
        moments = coded(moment, self.flow) if index is None else coded(moment, self.flow)[index]
        return np.where(moments == NULL, unknown, moments)

    def _times(self, index: Ints | None) -> Ints:
        return self.flow.time if index is None else self.flow.time[index]

    def _midnight(self, times: Ints, days: int, index: Ints | None) -> Ints:
        """The beginning of the civil day so many days after that of each time."""
        calendar, zones = self.stage.home.world.calendar, self.flow.zones(self.stage.scope.by)
        if index is not None and not isinstance(zones, int):
            zones = zones[index]
        return calendar.midnight(calendar.day(times, zones) + days, zones)

    def windows(self, index: Ints | None) -> Windows:
        """The members in the frames of happenings `index`; those of all happenings are found once a walk."""
        if index is None and self.all is not None and self.walk == self.stage.walk:
            return self.all
        entry = self.entry if index is None else self.entry[index]
        side, feed = int(self.own), self.stage.feed
        snapshots = feed.snapshots[entry, 2 * side], feed.snapshots[entry, 2 * side + 1], feed.ordered[entry, side]
        found = Windows.of(snapshots, self.before(index), self.until(index), self.stage.lists.times)
        if index is None:
            self.all, self.walk = found, self.stage.walk
        return found


class Added:
    """What the members of a frame add up to, at the happenings of one reader: a `Held` (`flow.py`)."""

    def __init__(self, frame: FrameAt, feature: Feature) -> None:
        self.frame, self.feature = frame, feature

    def take(self, index: Ints | None) -> Column:
        """The values for happenings `index`; None: all."""
        stage, feature = self.frame.stage, self.feature
        windows = self.frame.windows(index)
        columns = [stage.lists.values[stage.column_of(argument)] for argument in feature.arguments]
        match feature.function:
            case "count":
                return Column(windows.held)
            case "sum":
                return Column(sums(windows, columns[0]))
            case "distinct":
                return Column(distincts(windows, columns[0], unknown_of(feature.arguments[0])))
            case "any":
                return Column(anys(windows, columns[0]))
            case "list":
                return Column(texts(firsts(windows, columns[0], 0)))
            case "top":
                return read(feature, tops(windows, columns[0], columns[1]))
            case "largest" | "smallest":
                return read(feature, extremes(windows, columns[0], smallest=feature.function == "smallest"))
            case "latest" | "first":
                return read(feature, nearests(windows, columns[0], unknown_of(feature.arguments[0]), first=feature.function == "first"))
        raise TypeError(f"{feature}: not what members of a stretch of time add up to")


def read(feature: Feature, values: Ints) -> Column:
    """Values as the lists hold them, and which are known."""
    known = np.asarray(values != unknown_of(feature))
    return Column(values == 1, known) if feature.kind == "bool" else Column(values, known)


def texts(codes: list[list[int]]) -> Any:
    """Lists of texts for lists of codes, as an array of objects."""
    found = np.empty(len(codes), object)
    for place, one in enumerate(codes):
        found[place] = [text_of(code) for code in one]
    return found


__all__ = ["SHOWN", "Added", "FrameAt", "Today", "coded", "length_of", "unknown_of"]
