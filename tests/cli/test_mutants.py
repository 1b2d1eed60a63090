"""`kairos check --mutants`: a change of a rule that no case sees is a fault of its cases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from events.words import B, main
from streams.definitions.catalogue import CatalogueFault
from streams.definitions.first_ever import first_ever
from streams.definitions.mutants import mutants_of
from streams.tools.mutation import Result, places_and_ids, results
from tests.cli.test_check import own
from tests.cli.test_replay import kairos
from tests.shards import CATALOGUE

RULE = '''"""The balance melts."""

from events.stories import charge
from events.words import charged, charges
from streams.define import Case, Detail, Event, Param, cool


class Melting(Event, by="line"):
    window = Param("2h", ge="1min", doc="how long charges are added up")
    least = Param(3000, unit="minor", ge=1, doc="so much is melting")

    recent = charges.within(window)
    when = charges.where(recent.sum(charged) >= least)
    rearm = cool("24h")
    detail = Detail(spent=recent.sum(charged))


'''
WEAK = """CASES = [
    Case("much", [charge(9000, 5000, "10:00")], [{"spent": 4000, "currency": "CNY"}]),
    Case("little", [charge(9000, 8000)], []),
]
"""
STRONG = """CASES = [
    Case("exactly, and a charge two hours old is out", [charge(9900, 9800, "10:00"), charge(9800, 6800, "12:00")], [{"spent": 3000, "currency": "CNY"}]),
    Case("within two hours", [charge(9900, 9800, "10:00:00.001"), charge(9800, 6900, "12:00")], [{"spent": 3000, "currency": "CNY"}]),
    Case("an hour and a half apart", [charge(9900, 9800, "10:30"), charge(9800, 6800, "12:00")], [{"spent": 3100, "currency": "CNY"}]),
    Case("one less", [charge(9900, 6901)], []),
    Case("not again in 24 hours", [charge(9000, 5000, "1 10:00"), charge(9000, 5000, "2 09:59:59.999")], [{"spent": 4000, "currency": "CNY"}]),
    Case("again after them", [charge(9000, 5000, "1 10:00"), charge(9000, 5000, "2 10:00")], 2 * [{"spent": 4000, "currency": "CNY"}]),
]
"""
SURVIVORS = {
    'mine/balance/melting.py:9: window = "2h" → window = "3h"',
    'mine/balance/melting.py:9: window = "2h" → window = "1h"',
    "mine/balance/melting.py:10: least = 3000 → least = 3001",
    "mine/balance/melting.py:10: least = 3000 → least = 2999",
    "mine/balance/melting.py:13: recent.sum(charged) >= least → recent.sum(charged) > least",
    "mine/balance/melting.py:12: .within(window) → nothing",
    'mine/balance/melting.py:14: cool("24h") → nothing',
    'mine/balance/melting.py:14: cool("24h") → cool("25h")',
    'mine/balance/melting.py:14: cool("24h") → cool("23h")',
}


COOL = '    rearm = cool("24h")\n'


def lines(faults: list[str]) -> set[str]:
    """Faults from the folder on."""
    return {fault[fault.index("mine/") :] for fault in faults}


def result(folder: Path, text: str) -> Result:
    """What became of the mutants of one definition."""
    (one,) = results([own(folder, text, "melting")], [])
    return one


def test_weak_cases_let_exactly_the_changes_pass_that_they_cannot_see(tmp_path):
    one = result(tmp_path, RULE + WEAK)
    assert lines(one.survivors) == SURVIVORS
    assert (one.killed, one.refused, one.waived, one.idle) == (1, 0, 0, [])  # the one: no condition at all


def test_cases_at_both_sides_of_every_bound_kill_all_mutants(tmp_path):
    one = result(tmp_path, RULE + STRONG)
    assert (one.killed, one.refused, one.waived, one.faults) == (10, 0, 0, [])


def test_a_mutant_that_is_no_valid_definition_is_refused(tmp_path):
    one = result(tmp_path, RULE.replace("ge=1,", "ge=1, le=3000,") + STRONG)
    assert (one.killed, one.refused, one.faults) == (9, 1, [])  # least = 3001


def test_a_comment_with_a_reason_waives_one_mutant(tmp_path):
    one = result(tmp_path, RULE.replace(COOL, COOL[:-1] + '  # survives: cool("24h") → cool("25h"): a trial\n') + WEAK)
    assert lines(one.faults) == {line for line in SURVIVORS if "25h" not in line}
    assert one.waived == 1


def test_a_comment_without_a_reason_waives_nothing(tmp_path):
    one = result(tmp_path, RULE.replace(COOL, COOL[:-1] + '  # survives: cool("24h") → cool("25h"):\n') + WEAK)
    assert (lines(one.faults), one.waived) == (SURVIVORS, 0)


def test_a_comment_on_a_mutant_that_a_case_kills_is_a_fault(tmp_path):
    one = result(tmp_path, RULE.replace(COOL, COOL[:-1] + '  # survives: cool("24h") → cool("25h"): a trial\n') + STRONG)
    assert lines(one.faults) == {'mine/balance/melting.py:14: survives: cool("24h") → cool("25h"): wanted a mutant that passes all cases, got none: leave the comment out'}
    assert (one.killed, one.survivors) == (10, [])


FIRST = '''"""The first charge."""

from events.stories import charge
from events.words import charged, charges
from streams.define import Case, Detail, Event, once


class Melting(Event, by="line"):
    when = charges.where(charges.WORD() == 1)
    rearm = once
    detail = Detail(spent=charged)


CASES = [
    Case("the first of two", [charge(9000, 5000, "10:00"), charge(5000, 4000, "11:00")], [{"spent": 4000, "currency": "CNY"}]),
    Case("none", [], []),
]
'''
OLD = '    Case("a line from before the records", [charge(9000, 5000)], [], history_from="2026-04-02"),\n]'


def test_what_says_first_twice_is_tried_without_the_guard_that_alone_knows_of_old_lines(tmp_path):
    """`once` holds where a changed rule counts again, which no case can do; that a line is old is what a case can say."""
    nth, counted = FIRST.replace("WORD", "nth"), FIRST.replace("WORD", "count")
    place = "mine/balance/melting.py:9: "
    survivors = {f"{place}charges.nth() → charges.count()", f"{place}.where(charges.nth() == 1) → nothing"}
    assert lines(result(tmp_path / "weak", nth).survivors) == survivors
    assert result(tmp_path / "strong", nth[: nth.rindex("]")] + OLD).survivors == []
    assert result(tmp_path / "counted", counted).survivors == []


def test_every_built_in_rule_on_firsts_has_cases_for_old_and_for_new_keys():
    """All other rules: `make laws`."""
    firsts = first_ever(CATALOGUE)
    found = list(results([], firsts))
    assert [one.event for one in found] == firsts
    assert [fault for one in found for fault in one.faults] == []


def test_only_the_chosen_events_are_tried(tmp_path):
    assert [one.event for one in results([own(tmp_path, RULE + WEAK, "melting")], ["balance.low"])] == ["balance.low"]


def test_an_id_that_is_none_is_refused_with_the_nearest():
    with pytest.raises(CatalogueFault, match="balance.lo: no such event: did you mean balance.low"):
        list(results([], ["balance.lo"]))


def test_folders_and_packages_are_no_ids(tmp_path, monkeypatch):
    (tmp_path / "mine.one").mkdir()
    monkeypatch.chdir(tmp_path)
    assert places_and_ids(["mine.one", "events", "streams.define", "balance.low", "./mine"]) == (["mine.one", "events", "streams.define", "./mine"], ["balance.low"])


# The command


def test_the_command_prints_each_survivor_with_file_and_line_and_fails(tmp_path):
    done = kairos("check", own(tmp_path, RULE + WEAK, "melting"), "--mutants")
    text = done.stdout.decode()
    assert done.returncode == 1, done.stderr
    assert text.startswith("1 definitions, 2 cases: all is well\nbalance.melting: 10 mutants: 1 killed, 0 refused, 0 waived, 9 survived\n")
    assert lines([line for line in text.splitlines() if line.startswith("  ")]) == SURVIVORS
    *_, total, remedy = text.splitlines()
    assert total == "1 definitions: 10 mutants: 1 killed, 0 refused, 0 waived, 9 survived"
    assert "wants another case" in remedy
    assert "# survives: WAS → BECAME: why" in remedy


def test_machines_get_the_fates_and_the_faults_with_their_lines(tmp_path):
    done = kairos("check", own(tmp_path, RULE + STRONG, "melting"), "--mutants", "--json")
    assert (done.returncode, json.loads(done.stdout)["mutants"]) == (0, [{"event": "balance.melting", "killed": 10, "refused": 0, "waived": 0, "survived": 0, "faults": []}])
    faulty = Result("balance.melting", 1, 0, 0, ['mine/balance/melting.py:14: cool("24h") → nothing'], []).as_json()
    assert faulty["faults"] == [{"file": "mine/balance/melting.py", "line": 14, "says": 'cool("24h") → nothing'}]


def test_no_mutants_are_made_of_a_definition_whose_cases_fail(tmp_path):
    done = kairos("check", own(tmp_path, RULE + WEAK.replace('"spent": 4000', '"spent": 4001'), "melting"), "--mutants")
    assert done.returncode == 1
    assert "wanted 4001, got 4000" in done.stdout.decode()
    assert "mutants: " not in done.stdout.decode()


# Which mutants are made


def changes(rule: str, **scope: object) -> list[str]:
    """What is changed in a class with this one attribute."""
    return [mutant.says for mutant in mutants_of(f"class One(Event):\n    {rule}\n\n\nCASES = [4]\n", scope)]


def test_each_kind_of_number_moves_by_its_own_step():
    assert changes('k = Param("1.50", ge="1.0", doc="9 of 10")') == ['k = "1.50" → k = "1.51"', 'k = "1.50" → k = "1.49"']
    assert changes('at = Param("10:00", doc="")') == ['at = "10:00" → at = "10:01"', 'at = "10:00" → at = "09:59"']
    assert changes('size = Param("1 KiB", doc="")') == ['size = "1 KiB" → size = "1025 B"', 'size = "1 KiB" → size = "1023 B"']
    assert changes('age = Param("24 months", doc="")') == ['age = "24 months" → age = "25 months"', 'age = "24 months" → age = "23 months"']
    assert changes("n = Param(3, unit='calls', doc='')") == ["n = 3 → n = 4", "n = 3 → n = 2"]
    assert changes("when = A.silent('1d')") == ['A.silent("1d") → A.silent("2d")']  # no length is 0


def test_operators_conditions_and_words_are_changed_one_at_a_time():
    assert changes("x = a > b") == ["a > b → a >= b"]
    assert changes("x = a == b") == ["a == b → a != b"]
    assert changes("x = a & ~b") == ["a & ~b → a | ~b", "~b → nothing", "a → nothing", "~b → b"]
    assert changes("x = a - b") == ["a - b → a + b"]
    assert changes("x = day - '3d'") == ['day - "3d" → day - "4d"', 'day - "3d" → day - "2d"']
    assert changes("x = A.where(a, b)") == ["a in where → nothing", "b in where → nothing"]
    assert changes("x = A.before().count()") == [".before() → nothing"]
    assert changes("x = A.without(B, within=w).latest") == [".latest → nothing", "within=w in without → nothing"]
    assert changes("x = A.first(v)") == ["A.first(v) → A.latest(v)"]
    assert changes("x = any_of(a=A, b=B, c=C)") == ["a=A in any_of → nothing", "b=B in any_of → nothing", "c=C in any_of → nothing"]
    assert changes("x = any_of(a=A, b=B)") == ["a=A in any_of → a=B", "b=B in any_of → b=A"]  # one stream alone is no any_of
    assert changes("rearm = edge, once_per(a, b)") == ["edge → nothing", "once_per(a, b) → nothing", "a in once_per → nothing", "b in once_per → nothing"]
    assert changes("rearm = once") == ["once → nothing"]


def test_what_a_rule_says_twice_is_not_left_out_once():
    first = "when = A.where(A.count() == 1)\n    rearm = once"
    assert changes(first) == ["A.count() == 1 → A.count() != 1", "A.count() == 1 → A.count() == 2", "A.count() == 1 → A.count() == 0"]
    scope = {"when": main.same(B.bucket_id), "B": B}
    assert changes("rearm = once_per(B.bucket_id, B.valid_until)", **scope) == ["once_per(B.bucket_id, B.valid_until) → nothing", "B.valid_until in once_per → nothing"]


def test_a_value_of_a_closed_list_becomes_its_neighbour():
    class Column:
        domain = ("mo", "mt", "other")

    class Records:
        direction = Column()

    assert changes('x = V.direction == "other"', V=Records()) == ['V.direction == "other" → V.direction != "other"', 'V.direction == "other" → V.direction == "mo"']
    assert changes('x = V.direction.isin("mo", "mt")', V=Records()) == [
        '"mo" in isin → nothing',
        '"mt" in isin → nothing',
        'V.direction.isin("mo", "mt") → V.direction.isin("mo", "mt", "other")',
    ]


def test_docstrings_names_bounds_and_cases_are_left_alone():
    assert changes('"""7 days."""') == []
    assert changes('x = Other("7d")', Other=None) == ['Other("7d") → Other("8d")', 'Other("7d") → Other("6d")']
    assert [mutant.line for mutant in mutants_of("class One(Event):\n    x = a > b\n\n\nCASES = [Case('7d', [1 > 2])]\n", {})] == [2]
    assert list(mutants_of("x = 1 > 2\n", {})) == []
