"""Timelines of other engines through the real engine: the events that they expect, or that Kairos gives instead, for every cut and restart."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from events.words import W
from streams.define import DefinitionFault
from tests.conformance import absences, order, sequences, sessions, windows
from tests.conformance.cases import check
from tests.conformance.ways import WAYS

CASES = [case for module in (sequences, absences, windows, order, sessions) for case in module.CASES]
WAITING = [case for case in CASES if case.waits]
DOCS = Path(__file__).parent.parent.parent / "docs"
ROW = re.compile(r"^\| `(?P<id>[\w-]+)` \|[^|]+\|[^|]+\| (?P<section>[^|]+) \|[^|]+\|[^|]+\|$", re.MULTILINE)


def id_of(case):
    return case.id


@pytest.mark.parametrize("case", CASES, ids=id_of)
def test_the_case_passes(case):
    check(case, case.story)
    assert case.story.found or case.beside is not None, "where no event is expected, a timeline beside it shows that the rule can fire"
    if case.beside is not None:
        check(case, case.beside)


@pytest.mark.parametrize("case", WAYS, ids=id_of)
def test_kairos_goes_its_own_way(case):
    check(case, case.story)
    if case.beside is not None:
        check(case, case.beside)


@pytest.mark.parametrize("case", WAITING, ids=id_of)
def test_without_waiting_the_late_ones_are_late(case):
    found, _, _ = case._replace(waits=None).played(case.story)
    assert found != case.played(case.story)[0]


def test_with_waiting_a_record_between_two_sessions_makes_them_one():
    (bridge,) = (case for case in WAYS if case.id == "bytewax-session-bridge")
    found = [sessions.closed(0, 20, ["v"] * 3, gap=10, unit_ms=1000)]
    check(bridge._replace(waits={"raw.usage": 10}), bridge.story._replace(found=found))


def test_a_span_of_months_is_refused():
    """`esper-time-window-1-month`, `esper-within-1-month`."""
    for say in (lambda: W.all.within("1 month"), lambda: W.all.then(W.all, within="1 month")):
        with pytest.raises(DefinitionFault, match="wanted a length of time"):
            say()


def test_every_case_is_a_test_or_a_row_of_the_page():
    rows = [row["id"] for row in ROW.finditer((DOCS / "conformance.md").read_text("utf-8"))]
    assert Counter([case.id for case in CASES] + rows) == Counter((Path(__file__).parent / "ids.txt").read_text("utf-8").split())
    assert {case.id for case in WAYS} <= set(rows)


def test_the_page_counts_them_right():
    text = (DOCS / "conformance.md").read_text("utf-8")
    core, policy = (len(ROW.findall(part)) for part in text.split("\n## Policy cases\n"))
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    both = len(CASES) + core + policy
    assert f"{both} of their timelines ({len(CASES) + core} on which engines agree, *core*; {policy} on which each chooses, *policy*)" in text
    assert f"{len(CASES)} core cases pass there" in text
    assert f"The other {core + policy} are below" in text
    assert f"in the {words[len(WAITING)]} cases that use it" in text


def test_every_row_names_a_section_that_is_there():
    semantics = (DOCS / "semantics.md").read_text("utf-8")
    for row in ROW.finditer((DOCS / "conformance.md").read_text("utf-8")):
        numbers, primitives = re.findall(r"§(\d(?:\.\d)?)", row["section"]), re.findall(r"P\d+", row["section"])
        assert numbers, row["id"]
        for heading in (*(f"\n##{'#' if '.' in number else ''} {number} " for number in numbers), *(f"\n| {primitive} " for primitive in primitives)):
            assert heading in semantics, f"{row['id']}: {heading.strip()}"
