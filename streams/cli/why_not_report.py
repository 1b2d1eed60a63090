"""Why an event did not happen to a customer, as data and in plain words: what `kairos why-not` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from streams.cli.why_not_clauses import Clause, Clauses, at, moment, noun, record
from streams.cli.why_not_waits import Waits
from streams.definitions.sentences import spaced
from streams.engine.batch import DUPLICATE, TERMINATED
from streams.engine.expression import RecordField
from streams.engine.features.level import CrossingSource
from streams.engine.rearm import Cool, Once
from streams.engine.sources import EventSource
from streams.tools.why_not import UnknownCustomer, nearest

if TYPE_CHECKING:
    from streams.definitions.catalogue import Catalogue
    from streams.engine.expression import Expr
    from streams.engine.rule import Word
    from streams.tools.watch import Happening, Watched
    from streams.tools.why_not import Seen


class Looked(msgspec.Struct, frozen=True):
    """The happening that is looked at in full. `which`: the nearest miss, or the last one where all miss as much."""

    which: str
    time: str
    record_id: str
    of: str
    """The values that split the rule: `currency CNY`."""
    clauses: list[Clause]
    suppressed: list[str]
    """Why it was no event although all clauses are true."""


class Step(msgspec.Struct, frozen=True):
    """A stream of the rule: how many came, how many passed its clauses, and what was wrong with the one that came nearest."""

    what: str
    came: int
    passed: int
    last: str | None
    last_record: str | None
    looked_at: Looked | None
    pending: list[str]
    notes: list[str]
    steps: dict[str, Step]
    """The streams that it is built on, where none of it came."""

    @property
    def missing(self) -> bool:
        """Whether nothing came, something was not true, or something is still waited for."""
        looked = self.looked_at
        return not self.came or bool(self.pending or self.notes) or (looked is not None and (bool(looked.suppressed) or any(one.status != "true" for one in looked.clauses)))


class KeyReport(msgspec.Struct, frozen=True):
    """One line, account or customer."""

    key: str
    id: str | None
    fired: list[dict[str, str | None]]
    ended: str | None
    step: Step


class Report(msgspec.Struct, frozen=True):
    """The answer."""

    event: str
    customer: str
    now: str | None
    """The moment of the question, local time; None: no record was accepted."""
    rule: str
    keys: list[KeyReport]
    refused: dict[str, list[str]]
    """By reason the records that went to the dead-letter topic."""
    repeats: int
    of_ended_lines: int

    @property
    def fired(self) -> bool:
        """Whether it did happen."""
        return any(key.fired for key in self.keys)


def report(seen: Seen, catalogue: Catalogue, event: str, customer: str, chosen: str | None = None) -> Report:
    """The report about all keys of a customer, or the one with the id `chosen`. Raises UnknownCustomer."""
    return Reporter(seen, catalogue, event).whole(customer, chosen)


class Reporter:
    """Makes a report of what was seen."""

    def __init__(self, seen: Seen, catalogue: Catalogue, event: str) -> None:
        self.seen, self.catalogue, self.event = seen, catalogue, catalogue.by_id[event]
        every = [one for watched in seen.watch.every for one in watched.happenings]
        self.currency = next((one.aside["currency"] for one in reversed(every) if one.aside.get("currency")), None)
        world = seen.watch.engine.world
        self.offset = int(world.calendar.offset_ms(np.array([seen.now]), np.array([every[-1].zone if every else world.default_zone]))[0])

    def whole(self, customer: str, chosen: str | None) -> Report:
        """The report."""
        watch, by = self.seen.watch, self.event.by
        keys: dict[int, str | None] = {**watch.keys(by)}
        if chosen is not None and chosen not in keys.values():
            raise UnknownCustomer(f"--{by} {chosen}: no record of the customer {customer} names it{nearest(chosen, [str(one) for one in keys.values()])}")
        keys = {row: key for row, key in keys.items() if chosen in (None, key)} or {-1: None}
        found = [self.key(row, key) for row, key in sorted(keys.items(), key=lambda one: str(one[1]))]
        refused: dict[str, list[str]] = {}
        for letter in self.seen.letters:
            refused.setdefault(letter.reason, []).append(f"{letter.record_id or 'a record that cannot be read'}: {letter.detail}")
        rule = self.words(watch.top, None).words(None).when()
        return Report(
            self.event.id, customer, at(self.seen.now, self.offset) if self.seen.now > 0 else None, rule, found, refused, int(watch.fates[DUPLICATE]), int(watch.fates[TERMINATED])
        )

    def words(self, watched: Watched, event: Any) -> Clauses:
        """The clauses of a stream in words."""
        return Clauses(watched, event or self.event, self.catalogue, self.seen, self.currency)

    def key(self, row: int, key: str | None) -> KeyReport:
        """What happened to one key."""
        fired = [one._asdict() for one in self.seen.fired if key is None or one.key == key]
        ended = None
        if self.event.by == "line" and row >= 0 and self.seen.watch.has_ended(row):
            ended = "the line is terminated: its records no longer count for rules of lines, and its timers are cancelled"
        return KeyReport(self.event.by, key, fired, ended, self.step(self.seen.watch.top, row, self.event))

    def step(self, watched: Watched, row: int, event: Any) -> Step:
        """One stream for a key: in `row` of its table, or of the whole customer where the stream is of another key."""
        own = watched.by == self.event.by
        mine = [one for one in watched.happenings if not own or one.row == row]
        passed = [one for one in mine if one.passed]
        clauses = self.words(watched, event)
        words = clauses.words(mine[-1] if mine else None)
        name = noun(watched, words)
        waits = Waits(watched, self.seen, row if own else None, clauses)
        inner = watched.stream.source.event if isinstance(watched.stream.source, EventSource) else event
        steps = {} if mine else {role: self.step(child, row, inner) for role, child in watched.children.items()}
        last = passed[-1] if passed else mine[-1] if mine else None
        looked = self.looked(watched, mine, clauses)
        return Step(
            name,
            len(mine),
            len(passed),
            moment(last) if last is not None else None,
            record(last) if last is not None else None,
            looked,
            [*waits.pending(), *(self.behind(watched, row, event) if mine else [])],
            waits.notes() if not mine else [],
            steps,
        )

    def behind(self, watched: Watched, row: int, event: Any) -> list[str]:
        """What the streams that a stream is built on wait for."""
        found: list[str] = []
        inner = watched.stream.source.event if isinstance(watched.stream.source, EventSource) else event
        for child in watched.children.values():
            clauses = self.words(child, inner)
            own = row if child.by == self.event.by else None
            found += [f"for the {noun(child, clauses.words(None))}: {text}" for text in Waits(child, self.seen, own, clauses).pending()]
            found += self.behind(child, row, inner)
        return list(dict.fromkeys(found))

    def looked(self, watched: Watched, mine: list[Happening], clauses: Clauses) -> Looked | None:
        """The nearest miss among happenings; None where all were let through."""
        nodes = {node.key(): node for node in watched.clauses}
        missed = [one for one in mine if not one.passed or any(one.truth.get(node.key()) is not True for node in watched.extra)]
        if not missed:
            return None
        misses = [self.miss(one, nodes, clauses) for one in missed]
        least = min(misses)
        chosen = missed[len(misses) - 1 - misses[::-1].index(least)]
        which = "the last one" if chosen is missed[-1] and least == max(misses) else "the nearest miss"
        split = [value.key() for value in watched.stream.by_value]
        until = next(place for place, one in enumerate(mine) if one is chosen)
        history = [one for one in mine[: until + 1] if one.row == chosen.row and all(one.values.get(key) == chosen.values.get(key) for key in split)] or [chosen]
        found = [clauses.clause(node, chosen, history) for node in nodes.values()]
        of = ", ".join(
            f"{spaced(str(value))} {clauses.operand(value, None, chosen)}" for value in watched.stream.by_value if isinstance(value, RecordField) and value.key() in chosen.values
        )
        suppressed = self.suppressed(watched, chosen, mine[:until], clauses) if not least[0] and not chosen.passed else []
        return Looked(which, moment(chosen), record(chosen), of, found, suppressed)

    @staticmethod
    def miss(one: Happening, nodes: dict[object, Expr], clauses: Clauses) -> tuple[int, float]:
        """How many clauses are not true of a happening, and how far these are from it."""
        wrong = [node for key, node in nodes.items() if one.truth.get(key) is not True]
        return len(wrong), sum(clauses.distance(node, one) for node in wrong)

    # Suppression

    def suppressed(self, watched: Watched, one: Happening, before: list[Happening], clauses: Clauses) -> list[str]:
        """Why a happening for which all clauses are true was no event."""
        words, found = clauses.words(one), []
        fired = [other for other in before if other.passed]
        if one.late:
            found.append("it came late: a newer one had been counted already, so it is only added to what is counted")
        if one.held:
            found.append(f"all of this was so without this record already, so it is no change: it must not be so in between{last_of(fired)}")
        source = watched.stream.source
        if not one.fired and isinstance(source, CrossingSource):
            again = (
                f"not again until {words.bare(source.release)}" if source.release is not None else "each mark counts once" if source.per is not None else "a newer record was known"
            )
            found.append(f"the level was crossed while it was not armed, or the record was late for it: {again}{last_of(fired)}")
        for number, word in enumerate(watched.words.words if watched.words is not None else ()):
            found += self.word(word, number, one, fired, words)
        return found or [f"its re-arm words do not allow it: {words.armed_again()}{last_of(fired)}"]

    def word(self, word: Word, number: int, one: Happening, fired: list[Happening], words: Any) -> list[str]:
        """Whether a re-arm word forbids a happening, and until when."""
        same = [other for other in fired if one.words and other.words and one.words[number] is not None and other.words[number] == one.words[number]]
        if not same:
            return []
        last, text = same[-1], words.rearm(word.word)
        when = f"it fired at {moment(last)} ({record(last)})"
        if isinstance(word.word, Once):
            return [f"{text}: {when}, and may not fire again"]
        free = self.free(word.word, last) if isinstance(word.word, Cool) else last.time + word.span
        other = "" if isinstance(word.word, Cool) else " for other values at once, for these"
        return [f"{text}: {when} and may fire again{other} from {at(free, last.offset_ms)} on"] if one.time < free else []

    def free(self, word: Cool, last: Happening) -> int:
        """When a cool-down is over, epoch ms."""
        watch = self.seen.watch
        return watch.days_after(word.span.number(self.catalogue.value_of()), last) if word.span.civil else watch.after(word.span, last)


def last_of(fired: list[Happening]) -> str:
    """When it fired last."""
    return f" (it fired last at {moment(fired[-1])}, {record(fired[-1])})" if fired else ""


__all__ = ["KeyReport", "Looked", "Report", "Step", "report"]
