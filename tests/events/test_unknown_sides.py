"""Each nullable operand of each condition of each event is met by a case from its unknown side."""

from __future__ import annotations

import pytest
from streams.engine.features.window import Over

from streams.definitions.catalogue import Catalogue
from streams.engine.batch import Group, Matches
from streams.engine.expression import Expr, Join, Output, RecordField
from tests.shards import CATALOGUE, Bench, epoch_ms

EVENTS = list(CATALOGUE)


def conditions_of(event) -> list[Expr]:
    """Everything that decides whether the event happens."""
    primitive = event.signal.primitive
    parts = [primitive.condition(), event.signal.condition, *(getattr(primitive, name, None) for name in ("enter", "release", "predicate", "value", "old", "initially"))]
    words = [node for word in event.words for node in (getattr(word, "value", None), *word.same)]
    return [part for part in (*parts, *words) if part is not None]


def nullable_leaves(condition: Expr) -> list[Expr]:
    """The record fields, reference columns and outputs in `condition` that may be unknown."""
    return [node for node in condition.walk() if isinstance(node, RecordField | Join | Output) and node.nullable]


def watch(monkeypatch, event) -> set[object]:
    """The keys of the leaves that were unknown for some record while a condition of `event` was evaluated."""
    leaves = {condition.key(): nullable_leaves(condition) for condition in conditions_of(event)}
    met: set[object] = set()

    def note(env, node: Expr) -> None:
        for leaf in leaves.get(node.key(), ()):
            known = leaf.column(env).known
            if known is not None and not known.all():
                met.add(leaf.key())

    def watched(method):
        def call(self, node):
            note(self, node)
            return method(self, node)

        return call

    for env in (Group, Matches):
        monkeypatch.setattr(env, "column", watched(env.column))
    evaluate = Expr.evaluate

    def evaluated(node, env):
        if isinstance(env, Over):
            note(env, node)
        return evaluate(node, env)

    monkeypatch.setattr(Expr, "evaluate", evaluated)
    return met


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.id)
def test_a_case_meets_each_nullable_operand_from_its_unknown_side(monkeypatch, event):
    catalogue = Catalogue.load(only=[event.id])
    met = watch(monkeypatch, event)
    for case in event.cases:
        bench = Bench(catalogue=catalogue)
        bench.feed(case.records)
        if case.until:
            bench.advance(epoch_ms(case.until))
    wanted = {leaf.key(): str(leaf) for condition in conditions_of(event) for leaf in nullable_leaves(condition)}
    missing = sorted(words for key, words in wanted.items() if key not in met)
    assert not missing, f"{event.id}: wanted a case in which each of these is unknown when the condition is evaluated, got none: {', '.join(missing)}"


def test_the_law_finds_operands_at_all():
    assert sum(bool(nullable_leaves(condition)) for event in EVENTS for condition in conditions_of(event)) > len(EVENTS) // 10
