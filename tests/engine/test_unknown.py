"""Three-valued logic: the columns of the engine against the scalar reading's tables, over random expressions."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.stories import call, session
from events.words import G, V
from schemas.codes import NULL, UNSURE, code, text_of
from streams.definitions.catalogue import Catalogue
from streams.engine.expression import Arithmetic, Compare, Const, Expr, In, Known, Logic, Not, OrElse, RecordField, TruthKey, Unknown, certain, may_be_unknown
from streams.engine.expression.evaluate import read as column_of
from streams.engine.features.place import Place
from tests.engine.laboratory.toys import toy
from tests.reference.values import value
from tests.shards import Bench, details

N = 6
NUMBERS = [RecordField(object, name, "int", nullable=name < "c") for name in ("a", "b", "c")]
TEXTS = [RecordField(object, name, "text", nullable=name < "t") for name in ("s", "t")]
TRUTHS = [RecordField(object, name, "bool", nullable=name < "q") for name in ("p", "q")]
ROW = st.fixed_dictionaries(
    {
        "a": st.sampled_from([None, -2, 0, 3]),
        "b": st.sampled_from([None, 0, 1]),
        "c": st.integers(-2, 2),
        "s": st.sampled_from([None, "x", "y"]),
        "t": st.sampled_from(["x", "z"]),
        "p": st.sampled_from([None, True, False]),
        "q": st.booleans(),
    }
)
STAND_INS = {"int": NULL, "text": None, "bool": UNSURE}


class Rows:
    """Rows of fields as columns."""

    def __init__(self, rows):
        self.rows = rows

    def field(self, node):
        cells = [STAND_INS[node.kind] if row[node.name] is None else row[node.name] for row in self.rows]
        if node.kind == "text":
            cells = [code(cell) for cell in cells]
        return column_of(node.kind, np.array(cells, np.int8 if node.kind == "bool" and node.nullable else bool if node.kind == "bool" else np.int64), nullable=node.nullable)


def numbers(inner):
    return st.one_of(
        st.builds(Arithmetic, st.sampled_from(["+", "-", "*", "//", "max"]), inner["int"], inner["int"]),
        st.builds(OrElse, inner["int"], inner["int"]),
    )


def conditions(inner):
    anything = st.one_of(inner["int"], inner["text"], inner["bool"])
    return st.one_of(
        st.builds(Compare, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), inner["int"], inner["int"]),
        st.builds(Compare, st.sampled_from(["==", "!="]), inner["text"], inner["text"]),
        st.builds(In, inner["int"], st.sampled_from([(0,), (1, 3)])),
        st.builds(In, inner["text"], st.sampled_from([("x",), ("y", "z")])),
        st.builds(Known, anything),
        st.builds(Not, inner["bool"]),
        st.builds(Logic, st.sampled_from("&|"), inner["bool"], inner["bool"]),
        st.builds(OrElse, inner["bool"], inner["bool"]),
    )


def trees(depth):
    leaves = {
        "int": st.one_of(st.sampled_from(NUMBERS), st.builds(Const, st.integers(-1, 2))),
        "text": st.one_of(st.sampled_from(TEXTS), st.builds(Const, st.sampled_from(["x", "w"])), st.just(Unknown())),
        "bool": st.one_of(st.sampled_from(TRUTHS), st.builds(Const, st.booleans())),
    }
    inner = leaves
    for _ in range(depth):
        inner = {
            "int": st.one_of(leaves["int"], numbers(inner)),
            "text": st.one_of(leaves["text"], st.builds(OrElse, inner["text"], inner["text"])),
            "bool": conditions(inner),
        }
    return inner


def read(node: Expr, rows) -> list[object]:
    """What the columns say of each row; None is unknown."""
    column = node.column(Rows(rows))
    values = np.broadcast_to(column.values, (len(rows),)).tolist()
    known = [True] * len(rows) if column.known is None else np.broadcast_to(column.known, (len(rows),)).tolist()
    plain = {"bool": bool, "text": text_of, "int": int}[node.kind]
    return [plain(one) if sure else None for one, sure in zip(values, known, strict=True)]


def scalar(node: Expr, rows) -> list[object]:
    return [value(node, SimpleNamespace(fields=row)) for row in rows]


EXAMPLES = settings(max_examples=300, deadline=None, derandomize=True)


@EXAMPLES
@given(st.one_of(trees(3)["bool"], trees(2)["int"], trees(2)["text"]), st.lists(ROW, min_size=N, max_size=N))
def test_columns_know_what_the_scalar_reading_knows(node, rows):
    assert read(node, rows) == scalar(node, rows)


@EXAMPLES
@given(trees(3)["bool"], st.lists(ROW, min_size=N, max_size=N))
def test_where_a_value_is_unknown_its_column_holds_the_stand_in(node, rows):
    for part in node.walk():
        column = part.column(Rows(rows))
        if column.known is not None:
            absent = np.broadcast_to(column.values, (N,))[~np.broadcast_to(column.known, (N,))]
            assert set(absent.tolist()) <= {{"bool": False, "text": 0}.get(part.kind, NULL)}


@EXAMPLES
@given(trees(3)["bool"], st.lists(ROW, min_size=N, max_size=N))
def test_what_a_condition_proves_is_known_where_it_is_true(node, rows):
    sure = certain(node)
    where = [row for row, holds in zip(rows, scalar(node, rows), strict=True) if holds is True]
    for part in (*node.walk(), *NUMBERS, *TEXTS, *TRUTHS):
        if part.key() in sure or not may_be_unknown(part, sure):
            assert None not in scalar(part, where), part


@EXAMPLES
@given(st.one_of(trees(3)["bool"], trees(2)["int"], trees(2)["text"]), st.lists(ROW, min_size=N, max_size=N))
def test_a_node_that_says_it_is_always_known_is(node, rows):
    if not node.nullable:
        assert None not in scalar(node, rows)


def test_nothing_is_masked_where_everything_is_known():
    c, q = NUMBERS[2], TRUTHS[1]
    rows = Rows([{"c": 1, "q": True}] * 3)
    assert ((c + 1 > c * 2) & ~q | c.isin(1, 2)).column(rows).known is None


@pytest.mark.parametrize(("left", "right"), list(product([True, False, None], repeat=2)))
def test_kleene(left, right):
    p, other = TRUTHS[0], RecordField(object, "r", "bool", nullable=True)

    class Pair:
        def field(self, node):
            one = left if node.name == "p" else right
            return column_of("bool", np.array([UNSURE if one is None else one], np.int8), nullable=True)

    def said(node):
        column = node.column(Pair())
        return bool(column.values[0]) if column.known[0] else None

    assert said(p & other) == (False if False in (left, right) else None if None in (left, right) else True)
    assert said(p | other) == (True if True in (left, right) else None if None in (left, right) else False)
    assert said(~p) == (None if left is None else not left)


def test_unknown_is_asked_on_purpose():
    s = TEXTS[0]
    rows = [{"s": None}, {"s": "x"}, {"s": "y"}]
    assert read(s != "x", rows) == [None, False, True]
    assert read(~s.isin("x"), rows) == [None, False, True]
    assert read(s.known(), rows) == [False, True, True]
    assert read(s.is_unknown(), rows) == [True, False, False]
    assert read(s.is_unknown() | (s != "x"), rows) == [True, False, True]
    assert read(s.or_("x") == "x", rows) == [True, True, False]
    assert (s != "x").evaluate(Rows(rows)).tolist() == [False, False, True]


def test_conditions_read_as_they_are_meant():
    s = TEXTS[0]
    assert str(s.is_unknown() | (s != "x")) == "(s unknown | (s != 'x'))"
    assert str(s.or_("x")) == "(s or else 'x')"
    assert repr(s != "x") == "<Compare (s != 'x')>"


def test_a_quotient_by_zero_is_unknown():
    rows = [{"a": 3, "c": 0}, {"a": 3, "c": 2}, {"a": None, "c": 1}]
    assert read(NUMBERS[0] // NUMBERS[2], rows) == [None, 1, None]
    assert (NUMBERS[2] // NUMBERS[2]).nullable
    assert not (NUMBERS[2] // 2).nullable


def test_an_unknown_truth_value_is_a_value_of_its_own_in_a_key():
    assert TruthKey(TRUTHS[0]).evaluate(Rows([{"p": True}, {"p": False}, {"p": None}])).tolist() == [1, 0, NULL]


def test_a_rule_per_truth_value_counts_unknown_as_one_value_of_its_own(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "network.py").write_text(
        '"""Uses data."""\nfrom events.words import D, sessions\nfrom streams.define import Detail, Event, once_per, ref\n\n\nclass Network(Event, by="line"):\n'
        "    when = sessions\n    rearm = once_per(ref.plmn.home(D.visited_plmn))\n    detail = Detail(home=ref.plmn.home(D.visited_plmn))\n\n\nCASES = []\n"
    )
    bench, found = Bench(catalogue=Catalogue.load([str(tmp_path)])), []
    for minute, network in enumerate(("208-01", "999-99", "460-00", None, "440-10", "460-00", "998-98")):
        found += bench.feed([session(f"10:0{minute}", visited_plmn=network)])
    assert details(found, "mine.network") == [{"home": False}, {"home": None}, {"home": True}]


def test_the_largest_of_no_members_is_unknown():
    """A member without the number, then one with it."""
    long = V.all.within("1h").largest(V.charge_minor)
    assert long.nullable
    event = toy("largest", "line", V.all, below=long < 9, sure=(long < 9) | ~(long < 9), most=long)
    found = Bench(catalogue=Catalogue([event])).feed([call("10:00"), call("10:01", charge_minor=5, currency="CNY")])
    assert [detail["below"] for detail in details(found, "toy.largest")] == [None, True]
    assert [detail["sure"] for detail in details(found, "toy.largest")] == [None, True]


def test_a_reading_implies_what_is_known_with_it():
    place = Place(G)
    assert not may_be_unknown(place.home, certain(place.left_home))
    assert may_be_unknown(place.home, certain(~place.left_home))


S, A = TEXTS[0], NUMBERS[0]
PROVED = {
    "compared": (S == "x", "s"),
    "not equal": (~(S == "x"), "s"),
    "both": ((S == "x") & (A > 0), "sa"),
    "one of two": ((S == "x") | (A > 0), ""),
    "the same on both sides": ((S == "x") | ((S == "y") & (A > 0)), "s"),
    "not both": (~((S == "x") & (A > 0)), ""),
    "neither": (~((S == "x") | (A > 0)), "sa"),
    "known": (S.known(), "s"),
    "unknown": (S.is_unknown(), ""),
    "not unknown": (~S.is_unknown(), "s"),
    "a known sum": ((A + 1).known(), "a"),
    "a known condition on one side": (((S == "x") & (A > 0)).known(), ""),
    "with another value instead": (S.or_("x") == "x", ""),
    "one of some": (~S.isin("x", "y"), "s"),
}


@pytest.mark.parametrize(("node", "names"), PROVED.values(), ids=PROVED)
def test_what_a_condition_proves(node, names):
    sure = certain(node)
    assert {leaf.name for leaf in (S, A) if leaf.key() in sure} == set(names)
    for name in names:
        rows = [{"s": s, "a": a} for s in (None, "x", "y") for a in (None, 0, 3)]
        assert all(row[name] is not None for row, holds in zip(rows, scalar(node, rows), strict=True) if holds)
