"""What rules read from state, and which stages read it: features of frames, places, sessions, lines, when a key was first seen."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from schemas.raw import RECORD_TYPES
from streams.engine.active_lines import ActiveLines
from streams.engine.dependence import ancestors, inner_stages
from streams.engine.expression import DefinitionFault, Expr
from streams.engine.features.active import Active, ActiveStage
from streams.engine.features.anchored import AnchoredStage
from streams.engine.features.buckets import BucketStage, group_of
from streams.engine.features.frame import Ever, Feature, Today, Within
from streams.engine.features.line_count import LineCount, LineCountStage
from streams.engine.features.members import MemberStage
from streams.engine.features.passing import place_of
from streams.engine.features.past import Past
from streams.engine.features.past_sums import PastStage
from streams.engine.features.place import Place, PlaceReading, PlaceStage
from streams.engine.features.place_later import LaterPlaceStage
from streams.engine.features.previous import Previous, PreviousStage
from streams.engine.features.running import RunningStage
from streams.engine.features.seen import FirstSeen, SeenReadStage, SeenStage
from streams.engine.features.session import SessionId, SessionStage
from streams.engine.features.streak import InARow, StreakStage
from streams.engine.features.stretch import Consecutive, StretchStage
from streams.engine.sources import RecordSource, Source
from streams.engine.stage import FeatureStage, FlowStage, Stage
from streams.engine.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.engine.home import Home

GATHERED = (Feature, FirstSeen, LineCount, SessionId)
"""Values that are gathered by the key of the rule that reads them."""
FRAMES: dict[str, type[ActiveStage | BucketStage | MemberStage | PastStage | PreviousStage | RunningStage | StreakStage | StretchStage]] = {
    "active": ActiveStage,
    "days": BucketStage,
    "ever": RunningStage,
    "members": MemberStage,
    "past": PastStage,
    "previous": PreviousStage,
    "streak": StreakStage,
    "stretch": StretchStage,
}


class Readings:
    """The stages that keep what is read, and the ones at whose happenings it is. A part of the plan (`plan.py`), which gives the stages of streams."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.every: list[Stage] = []
        self.flows: dict[object, FlowStage] = {}
        self.features: dict[object, list[FeatureStage]] = defaultdict(list)
        self.places: dict[int, list[LaterPlaceStage]] = defaultdict(list)
        self.seen_by: dict[str, SeenStage] = {}
        self.seen_at: dict[int, SeenReadStage] = {}
        self.lines_at: dict[int, LineCountStage] = {}
        self.evaluated: dict[int, list[Expr]] = defaultdict(list)
        self.of_anchors: set[tuple[int, object]] = set()
        """Stages of timers, and the sessions that their happenings have of their anchors."""
        self.active: ActiveLines | None = None

    def flow(self, stream: Stream, by: str) -> FlowStage:
        """The stage of a stream."""
        raise NotImplementedError

    def source(self, source: Source, by: str) -> FlowStage:
        """The stage of a source."""
        raise NotImplementedError

    def name(self, word: str, text: str, key: object) -> str:
        """The name of state that was gathered for `text`."""
        raise NotImplementedError

    def active_lines(self) -> ActiveLines:
        """The stage that knows which lines are active."""
        if self.active is None:
            self.active = ActiveLines(self.home)
            self.every.append(self.active)
        return self.active

    def _is_read(self, node: Expr, source: Source) -> bool:
        """Whether a value must be read from state at a happening of `source`."""
        return isinstance(node, GATHERED) or (isinstance(node, PlaceReading) and place_of(source) is not node.place)

    def evaluate(self, stage: FlowStage, expressions: Iterable[Expr]) -> None:
        """Note that `expressions` are evaluated at the happenings of `stage`."""
        self.evaluated[id(stage)] += expressions

    def read_all(self, expressions: Iterable[Expr], reader: FlowStage, by: str, *, own: str = "") -> list[Stage]:
        """Have everything that `expressions` read from state read at `reader`. Returns the stages that do. `own`: the event for which frames are kept apart."""
        found: list[Stage] = []
        for expression in expressions:
            for node in expression.walk():
                if isinstance(node, Feature):
                    found.append(self.read(node, reader, by, own=own))
                elif isinstance(node, SessionId):
                    found.append(self._read_session(node, reader, by))
                elif isinstance(node, FirstSeen):
                    found.append(self.read_seen(reader, by))
                elif isinstance(node, LineCount):
                    found.append(self.count_lines(node, reader, by))
                elif isinstance(node, PlaceReading) and not self._shows(reader, node.place):
                    place = self.place_at(node.place, reader, by)
                    place.read(node.name, reader)
                    found.append(place)
        return list(dict.fromkeys(found))

    def place_at(self, place: Place, reader: FlowStage, by: str) -> PlaceStage | LaterPlaceStage:
        """The stage that reads a place at the happenings of `reader`: where these come from its moves, one that runs behind them."""
        first = self.source(place.source, by)
        assert isinstance(first, PlaceStage)  # of a place
        above, later = ancestors(reader), self.places[id(first)]
        stages: list[PlaceStage | LaterPlaceStage] = [first, *later]
        for stage in stages:
            if stage not in above:
                return stage
        later.append(LaterPlaceStage(first))
        self.every.append(later[-1])
        return later[-1]

    def _read_session(self, node: SessionId, reader: FlowStage, by: str) -> Stage:
        """The stage that finds the session of each happening of `reader`; timers that members set have those of their anchors."""
        source, inner = node.source, inner_stages(reader)
        anchored = inner[-1]
        if isinstance(anchored, AnchoredStage) and anchored.by == by and anchored.stream.source.key() == source.stream.source.key():
            self.of_anchors.add((id(anchored), node.key()))
            self.evaluate(anchored, [node])
            found = self._read_session(node, self.flow(anchored.stream, by), by)
            anchored.needs.append(found)
            return found
        key = ("session", source.key(), by)
        known = [one for one in self.features[key] if isinstance(one, SessionStage)]
        stage = next((one for one in known if one.reads_at(node, inner)), None) or next((one for one in known if one not in ancestors(reader)), None)
        if stage is None:
            text = f"{by} {source.gathered(self.home.world.value_of)}"
            members = self.flow(source.stream, by)
            stage = SessionStage(self.home, by, source, members, self.name(source.word, text, (key, len(known))))
            self.features[key].append(stage)
            self.every.append(stage)
            self.evaluate(members, [*([source.start] if source.start is not None else []), *source.stream.by_value])
        if not stage.reads_at(node, inner):
            stage.read(node, reader)
            self.evaluate(reader, source.stream.by_value)
        return stage

    def _shows(self, reader: FlowStage, place: Place) -> bool:
        """Whether the happenings of `reader` are moves of `place`, or were taken from them."""
        return self.flows.get(("source", place.source.key(), "line")) in inner_stages(reader)

    def seen(self, by: str) -> SeenStage:
        """The stage that knows when keys of scope `by` were first seen."""
        if by not in self.seen_by:
            self.seen_by[by] = SeenStage(self.home, by, [self.source(RecordSource(record), by) for record in RECORD_TYPES])
            self.every.append(self.seen_by[by])
        return self.seen_by[by]

    def read_seen(self, reader: FlowStage, by: str) -> Stage:
        """The stage that reads at `reader` when its keys were first seen."""
        if id(reader) not in self.seen_at:
            self.seen_at[id(reader)] = SeenReadStage(self.seen(by), reader)
            self.every.append(self.seen_at[id(reader)])
        return self.seen_at[id(reader)]

    def count_lines(self, node: LineCount, reader: FlowStage, by: str) -> Stage:
        """The stage that counts the lines of keys at `reader`. Raises DefinitionFault."""
        if by == "line":
            raise DefinitionFault(f"{node}: wanted a rule of accounts or customers, got one of lines")
        if id(reader) not in self.lines_at:
            self.lines_at[id(reader)] = LineCountStage(self.active_lines(), reader, by)
            self.every.append(self.lines_at[id(reader)])
        self.lines_at[id(reader)].read[node.key()] = node
        return self.lines_at[id(reader)]

    def read(self, feature: Feature, reader: FlowStage, by: str, *, own: str = "") -> FeatureStage:
        """The stage that reads `feature` at the happenings of `reader`."""
        stream, extent = feature.frame.stream, feature.frame.extent
        members, of_members = self.flow(stream, by), [*feature.arguments, *stream.by_value, *extent.expressions()]
        mode, group = self._mode(feature, own=own, subset=members in inner_stages(reader))
        own = "" if mode == "past" else own  # a reset empties no baseline
        kept = extent.kept(self.home.world.value_of)
        text = f"{by} {own} {stream.canonical(self.home.world.value_of)} group {self.home.text(group) if group is not None else '-'}{f' {kept}' if kept else ''}"
        key: tuple[object, ...] = (mode, stream.key(), by, own, None if group is None else group.key(), kept)
        stage = next((one for one in self.features[key] if one not in ancestors(reader)), None)
        if stage is None:
            stage = FRAMES[mode](self.home, by, stream, members, self.name(mode, text, (key, len(self.features[key]))))
            if isinstance(stage, PastStage):
                stage.seen = self.seen(by)
                stage.needs.append(stage.seen)
            self.features[key].append(stage)
            self.every.append(stage)
        stage.read(feature, reader)
        at = feature.at or stream.by_value
        stage.needs += [*self.read_all(of_members, members, by), *self.read_all(at, reader, by)]
        self.evaluate(members, of_members)
        self.evaluate(reader, [*at, *extent.asks])
        return stage

    def _mode(self, feature: Feature, *, own: str, subset: bool) -> tuple[str, Expr | None]:
        """How members are kept: added up for ever, by civil days, the last ones, those in a row, or each by itself; and what they are grouped by.

        Days are enough where every reader is a member itself (`subset`): only then no member of its day is later than a reader that counts.
        """
        match feature.frame.extent:
            case Previous():
                return "previous", None
            case InARow():
                return "streak", feature.arguments[0]
            case Ever():
                return "ever", None
            case Active():
                return "active", None
            case Consecutive(holds=holds):
                return "stretch", holds
            case Past():
                return "past", None
            case Today() if subset and not own:
                return "days", group_of(feature)
            case Within(span=span) if subset and span.civil and not own and not feature.at:
                return "days", group_of(feature)
        return "members", None


__all__ = ["Readings"]
