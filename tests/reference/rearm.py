"""Re-arm words: when a match becomes an event (semantics §1.4)."""

from __future__ import annotations

from typing import Any

from streams.engine.rearm import Cool, Each, Edge, Once, OncePer, Reset
from tests.reference.civil import civil_day
from tests.reference.happening import misdated
from tests.reference.values import fires, value

PER_VALUE_MS = 400 * 86_400_000


class Marks:
    """What one rule remembers of its events. Places begin with the number of the word and the row; `once` is for good."""

    def __init__(self, words: tuple[Any, ...]) -> None:
        self.words = words
        self.marks: dict[Any, Any] = {}

    def forget(self, line: Any, *, everything: bool) -> None:
        for place in [place for place in self.marks if place[1][0] == line]:
            if everything or not isinstance(self.words[place[0]], Once):
                del self.marks[place]

    def allowed(self, row: Any, view: Any, holds: bool) -> bool:
        """Whether the happening is an event; `holds`: whether the conditions are true. Remembers it, and what un-arms."""
        results = [self._word(number, word, row, view, holds) for number, word in enumerate(self.words)]
        if not holds or not all(result[0] for result in results):
            return False
        for _, place in results:
            if place is not None:
                self.marks[place] = view.time
        for number, word in enumerate(self.words):
            if isinstance(word, OncePer) and isinstance(word.otherwise, Cool):
                self.marks[self._otherwise(number, word, row, view)] = view.time
        return True

    def _word(self, number: int, word: Any, row: Any, view: Any, holds: bool) -> tuple[bool, Any]:
        """Whether one word allows it, and the place to remember it at."""
        match word:
            case Edge():
                return self._edge((number, row), view, holds), None
            case Reset() | Each():
                return True, None
            case Once():
                return (number, row) not in self.marks, (number, row)
            case Cool():
                place = (number, row, *(value(one, view) for one in word.per))
                return self._cooled(word, self.marks.get(place), view), place
            case OncePer():
                values = [value(one, view) for one in word.per]
                if word.otherwise is not None and None in values:
                    if isinstance(word.otherwise, Each):
                        return True, None
                    return self._cooled(word.otherwise, self.marks.get(self._otherwise(number, word, row, view)), view), None
                place = (number, row, *values)
                last = self.marks.get(place)
                return last is None or view.time >= last + PER_VALUE_MS or misdated(last, view.time), place
        raise TypeError(word)

    def _otherwise(self, number: int, word: Any, row: Any, view: Any) -> Any:
        """The cool-down without a known value counts all events of the rule."""
        return (number, row, "otherwise", *(value(one, view) for one in word.otherwise.per))

    def _edge(self, place: Any, view: Any, holds: bool) -> bool:
        """Armed at the start, and where the conditions are not all true without the happening, if one of them is on its own frames."""
        conditions = view.rule.with_frames
        armed = self.marks.get(place, True)
        if any(view.reads_own(condition) for condition in conditions):
            armed = armed or not all(fires(condition, view.without()) for condition in conditions)
        else:
            armed = armed or not holds  # nothing to leave out: it was not true at the last evaluation
        self.marks[place] = armed and not holds
        return armed

    def _cooled(self, word: Cool, last: int | None, view: Any) -> bool:
        if last is None or misdated(last, view.time):
            return True
        length = view.length(word.span)
        if word.span.civil:
            return (civil_day(view.time, view.zone) - civil_day(last, view.zone)).days >= length
        return bool(view.time >= last + length)
