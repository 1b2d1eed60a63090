"""Faults of re-arm words: each must be able to do something in its rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.definitions.event import Flaw
from streams.definitions.tree import features_in, has_member, known_behind
from streams.engine.expression import TruthKey, may_be_unknown
from streams.engine.features.active import Active
from streams.engine.features.frame import Ever, Feature
from streams.engine.features.line_count import LineCount
from streams.engine.features.stretch import Consecutive
from streams.engine.rearm import Each, Edge, OncePer, Rearm, Reset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.definitions.event import Event
    from streams.engine.features.frame import Frame

WORDS = "edge, reset, cool(…), once, once_per(…) or each"


def rearm_flaws(event: type[Event]) -> Iterator[Flaw]:
    """Words of the right kind, each once, and each with an effect."""
    seen = set[str]()
    for word in event.words:
        if not isinstance(word, Rearm):
            yield Flaw("rearm", f"wanted {WORDS}, got {getattr(word, '__name__', repr(word))}{': it needs its brackets' if callable(word) else ''}")
            continue
        if str(word) in seen:
            yield Flaw("rearm", f"wanted each word once, got `{word}` twice")
        seen.add(str(word))
        match word:
            case Edge() | Reset() if not own_frames(event) and not (isinstance(word, Edge) and (is_judged_by_time(event) or reads_facts(event))):
                yield Flaw("rearm", f"{word}: wanted a condition on a frame of the trigger's own stream, such as charges.where(charges.within('1h').count() >= 3), got none")
            case Reset() if any(isinstance(frame.extent, Consecutive) for frame in own_frames(event)):
                yield Flaw("rearm", "reset: wanted frames that an event can empty, got a stretch, which ends where its condition does: use edge or cool(…)")
            case Reset() if lasting := lasting_frames(event):
                yield Flaw("rearm", f"reset: wanted frames of time alone, such as charges.within('7d'), got {lasting[0]}, which is not emptied")
            case Each() if len(event.words) > 1:
                yield Flaw("rearm", "each: wanted it alone, got other words beside it, which decide already")
            case OncePer() if word.otherwise is not None and not can_be_unknown(word, event):
                yield Flaw("rearm", f"or_if_unknown: wanted values that may be unknown, got {', '.join(map(str, word.per))}, known at every event: leave it out")


def is_judged_by_time(event: type[Event]) -> bool:
    """Whether conditions on what is added up are evaluated at timers: then `edge` compares with the last evaluation."""
    return bool(event.when.source.timed) and any(True for condition in event.when.conditions for _ in features_in(condition))


def reads_facts(event: type[Event]) -> bool:
    """Whether the condition is on what is known of the key: its lines, what is in force."""
    nodes = [node for condition in event.when.conditions for node in condition.walk()]
    return any(isinstance(node, LineCount) or (isinstance(node, Feature) and isinstance(node.frame.extent, Active)) for node in nodes)


def own_frames(event: type[Event]) -> list[Frame]:
    """The frames that the conditions of `when` read and whose stream the trigger is of."""
    frames = [feature.frame for condition in event.when.conditions for feature in features_in(condition)]
    return [frame for frame in frames if has_member(frame, event.when)]


def lasting_frames(event: type[Event]) -> list[Frame]:
    """The frames among those, and in the detail, that go by no time: the life of the key, the last ones, those in a row."""
    shown = [feature.frame for value in event.detail.values.values() for feature in features_in(value)]
    return [frame for frame in (*own_frames(event), *shown) if isinstance(frame.extent, Ever) and has_member(frame, event.when)]


def can_be_unknown(word: OncePer, event: type[Event]) -> bool:
    """Whether one of a word's values may be unknown where the event happens."""
    sure = known_behind(event.when)
    several = len(event.when.source.records()) > 1
    return several or any(may_be_unknown(value.inner if isinstance(value, TruthKey) else value, sure) for value in word.per)
