"""Mistakes in definitions: each is refused at load with its file and line, what was wanted, what came, and how to fix it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.reference import Reference
from streams.definitions.catalogue import Catalogue, CatalogueFault
from streams.definitions.rehearsal import faults_of
from streams.engine.engine import EngineSettings
from tests.shards import Bench, details

HEAD = '''"""A trial."""

from events.balance.depleted import Depleted
from events.stories import *
from events.words import *
from streams.define import *


class Trial(Event, by="line"):
'''
TAIL = '\n\nCASES = [Case("some", [charge(900, 0)], [{"n": 1}]), Case("none", [], [])]\n'
FIRST = HEAD.count("\n") + 1
"""The line of the first line of a body."""


def written(folder: Path, body: str, *, name: str = "balance/trial.py", head: str = HEAD, tail: str = TAIL) -> Path:
    file = folder / "mine" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(head + "".join(f"    {line}\n" for line in body.splitlines()) + tail)
    return file


def faults(folder: Path) -> list[str]:
    with pytest.raises(CatalogueFault) as caught:
        Catalogue.load([str(folder / "mine")])
    return [fault.removeprefix(f"{folder}/mine/") for fault in caught.value.faults]


GOOD = "when = charges\nn: Field[int] = B.delta"
BODIES = {
    "unknown field": ("when = charges.where(B.detla < 0)", 1, "BalanceChange has no column 'detla': did you mean delta"),
    "unknown column of a reference table": ("when = charges.where(device.brnd(B.bucket_id) == 'x')", 1, "ref.device has no column 'brnd': did you mean brand?"),
    "unit": (
        'low = Param(5, unit="yuan", doc="low")\nwhen = charges.where(B.delta < low)',
        1,
        "low: unit: wanted one of ms, s, civil days, byte, minor",
    ),
    "a bare number as a window": (
        "recent = charges.same(B.currency).within(3600)\nwhen = recent.count() >= 2",
        1,
        "within: wanted a length of time such as seconds(30), hours(2), days(7) or '2h', got 3600",
    ),
    "a bare number as a cool-down": ("when = charges\nrearm = cool(3600)", 2, "cool: wanted a length of time"),
    "a bare number as an absence": ("when = Depleted.without(topups, within=3600)", 1, "within: wanted a length of time"),
    "a bare number as a silence": ("when = sessions.silent(7, given=active_days(1, of=7))", 1, "silent: wanted a length of time"),
    "a parameter in another unit as a window": (
        'n = Param(5, unit="charges", doc="n")\nrecent = charges.within(n)\nwhen = recent.count() >= 2',
        2,
        "within: wanted a parameter in ms or civil days, got one in charges",
    ),
    "a bare number as a parameter in ms": (
        'window = Param(3600, unit="ms", doc="long")\nrecent = charges.within(window)\nwhen = recent.count() >= 2',
        1,
        "window: wanted a length of time such as hours(2) for a parameter in ms, got 3600",
    ),
    "a value as a condition": ("when = charges.where(B.delta)", 1, "where: wanted a condition, got delta (a whole number); compare it with something"),
    "a truth value as a condition": ("when = charges.where(True)", 1, "where: wanted a condition, got True"),
    "a value as a condition on a signal": ("when = place.moved.where(place.to)", 1, "where: wanted a condition, got to (a text)"),
    "a value among conditions": ("when = charges.where(B.main & B.delta)", 1, "main & delta: wanted a condition, got delta (a whole number)"),
    "a number as a window's condition": ("recent = charges.within(hours(1))\nwhen = recent.count()", 2, "when: wanted a condition, got the int count"),
    "no length": ("recent = charges.within(hours(0))\nwhen = recent.count() > 1", 1, "within: wanted a length of time, got 0"),
    "a negative length": ("when = charges\nrearm = cool(days(-1))", 2, "cool: wanted a length of time, got -1"),
    "hours(1.5)": ("when = charges\nrearm = cool(hours(1.5))", 2, "hours: wanted a whole number, got 1.5: say it in a smaller unit"),
    "days(1.5)": ("when = charges\nrearm = cool(days(1.5))", 2, "days: wanted a whole number, got 1.5"),
    "a payload without Field": (
        "when = charges\nforfeited = -B.delta",
        2,
        "forfeited: nothing uses it: wanted `forfeited: Field[…] = …` to show it in the payload, or no such line",
    ),
    "an unused stream": ("when = charges\nothers = topups.where(B.delta > 5)", 2, "others: nothing uses it"),
    "an unused parameter": (GOOD + '\nlow = Param(5, unit="minor", doc="low")', 3, "low: nothing uses this parameter"),
    "a parameter hidden by a payload field": (
        'n = Param(2, unit="charges", doc="n")\nrecent = charges.within(hours(1))\nwhen = recent.count() >= n\nn: Field[int] = recent.count()',
        3,
        "when: Param(2): wanted a parameter as an attribute of the class, under a name that no payload field or other attribute has",
    ),
    "a payload that is a stream": ("when = charges\nn: Field[int] = charges", 2, "n: wanted an expression"),
    "rearms": ("when = charges\nrearms = cool(hours(1))", 2, "rearms: wanted `rearm`, the name of the attribute for re-arm words"),
    "wen": ("when = charges\nrearn = 5", 2, "rearn: no such word: did you mean rearm?"),
    "no when": ("n: Field[int] = B.delta", 0, "when: wanted a stream, a primitive, or a condition on one window, got no `when`"),
    "a window alone": ("when = charges.within(hours(1))", 1, "when: wanted a condition on the window, such as recent.count() >= 3, got the window itself"),
    "a condition alone": ("when = B.delta < 0", 1, "when: wanted a stream with this condition, .where(…), got the condition alone: (delta < 0)"),
    "two windows": (
        "a = charges.within(hours(1))\nb = topups.within(hours(1))\nwhen = (a.count() > 1) & (b.count() > 1)",
        3,
        "when: wanted a condition on one window, got one on 2",
    ),
    "a window in a where": (
        'complaints = contacts.where(C.reason == "complaint").within(days(7))\nwhen = topups.where(complaints.count() >= 2)',
        2,
        "when: wanted conditions of a stream on fields of its record, got count",
    ),
    "same of another record": (
        "recent = charges.same(V.other_party).within(hours(1))\nwhen = recent.count() >= 2",
        2,
        "when: other_party: wanted a field of BalanceChange, got one of VoiceUsage",
    ),
    "where of another record": ("when = charges.where(V.duration_s > 5)", 1, "when: duration_s: wanted a field of BalanceChange, got one of VoiceUsage"),
    "per of another record": ("when = charges\nrearm = per(V.outcome)", 2, "rearm: outcome: wanted a field of BalanceChange, got one of VoiceUsage"),
    "payload of another record": ("when = charges\nn: Field[int] = V.duration_s", 2, "n: duration_s: wanted a field of BalanceChange, got one of VoiceUsage"),
    "sum of another record": ("recent = calls.within(hours(1))\nwhen = recent.sum(B.delta) > 2", 2, "when: delta: wanted a field of VoiceUsage, got one of BalanceChange"),
    "a field in a window's condition": (
        "recent = charges.within(hours(1))\nwhen = (recent.count() >= 2) & (B.delta < 0)",
        2,
        "when: wanted numbers over the window and parameters in its condition, got delta",
    ),
    "a field of the record of a timer": ("when = Depleted.without(topups, within=hours(1))\nn: Field[int] = B.delta", 2, "n: delta: a timer has no record"),
    "a payload named by": ("when = charges\nby: Field[int] = B.delta", 2, "by: wanted another name, this one is the class's own"),
    "a payload named version": ("when = charges\nversion: Field[int] = B.delta", 2, "version: wanted another name"),
    "a payload named id": ("when = charges\nid: Field[int] = B.delta", 2, "id: wanted another name"),
    "a payload named words": ("when = charges\nwords: Field[int] = B.delta", 2, "words: wanted another name"),
    "a payload named payload": ("when = charges\npayload: Field[int] = B.delta", 2, "payload: wanted another name"),
    "a payload named signal": ("when = charges\nsignal: Field[int] = B.delta", 2, "signal: wanted another name"),
    "a payload named parameters": ("when = charges\nparameters: Field[int] = B.delta", 2, "parameters: wanted another name"),
    "a parameter named without": ('without = Param(1, unit="minor", doc="x")\nwhen = charges.where(B.delta < without)', 1, "without: wanted another name"),
    "a payload of no type": ("when = charges\nn: Field[float] = B.delta", 2, "n: wanted one of int, str, bool, Amount, Time, Date, list, got <class 'float'>"),
    "a payload without a value": ("when = charges\nn: Field[int]", 2, "n: wanted a value, got none"),
    "a payload that is a window": ("recent = charges.within(hours(1))\nwhen = recent.count() > 1\nn: Field[int] = recent", 3, "n: wanted an expression"),
    "money of a record without currency": ("when = contacts\nn: Field[Amount] = C.seq", 2, "n: wanted a record with a currency beside the amount, got Interaction"),
    "money of a record that may lack it": (
        'when = B.where(B.operation == "expire")\nn: Field[Amount] = -B.delta',
        2,
        'n: wanted a currency beside the amount, but BalanceChange may come without one: add .where(B.bucket_kind == "money")',
    ),
    "money of a timer": (
        'least = Param(5, unit="minor", doc="five")\nwhen = Depleted.without(topups, within=hours(1))\nn: Field[Amount] = least',
        3,
        "n: wanted a currency beside the amount, but a timer has no record to take it from",
    ),
    "a sum over two currencies": ("recent = charges.within(hours(1))\nwhen = recent.sum(-B.delta) > 5", 2, "when: delta: wanted .same(…currency) before sums of money"),
    "a sum of charges": ("recent = calls.within(hours(1))\nwhen = recent.sum(V.charge_minor) > 5", 2, "when: charge_minor: wanted .same(…currency) before sums of money"),
    "a day's total over two currencies": ("total = charges.day_total(-B.delta)\nwhen = total.reaches(5)", 2, "when: delta: wanted .same(…currency) before sums of money"),
    "a sum of bytes and minutes": (
        'used = B.where(B.bucket_kind.isin("data", "voice"), B.operation == "charge").within(hours(1))\nwhen = used.sum(-B.delta) > 5',
        2,
        "when: delta: wanted one bucket_kind",
    ),
    "a day's total without a mark": ("when = D.all.day_total(D.total_bytes)", 1, "when: wanted what the total must pass or reach: .passes(…) or .reaches(…)"),
    "a step of a field": ("when = D.all.day_total(D.total_bytes).reaches(D.duration_s)", 1, "when: wanted steps of numbers and parameters, got duration_s"),
    "no ordinal": ("when = topups.nth()", 1, "nth: wanted ordinals from 1, got none"),
    "ordinal 0": ("when = topups.nth(0)", 1, "nth: wanted ordinals from 1, got 0"),
    "same before a level": (
        "when = main.same(B.bucket_id).level(before=B.balance_after - B.delta, after=B.balance_after).falls_to(0)",
        1,
        "level: wanted a stream without same(bucket_id)",
    ),
    "same before a silence": ("when = sessions.same(D.cell_id).silent(days(7), given=active_days(1, of=7))", 1, "silent: wanted a stream without same(cell_id)"),
    "same before a change": ("when = X.all.same(X.change_type).changes(X.new_tac)", 1, "changes: wanted a stream without same(change_type)"),
    "same in what is waited for": ("when = Depleted.without(topups.same(B.bucket_id), within=hours(1))", 1, "without: wanted a stream without same(bucket_id)"),
    "same on a stream alone": ("when = charges.same(B.bucket_id)", 1, "when: wanted a stream without same(…)"),
    "no re-arm word": ("when = charges\nrearm = hours(1)", 2, "rearm: wanted cool(…), once(), per(…), per_day(), EDGE or RESET, got 3600000"),
    "EDGE without a window": ("when = charges\nrearm = EDGE", 2, "rearm: EDGE and RESET go with a window"),
    "comparisons without parentheses": (
        'when = charges.where(B.charge_reason == "data" & B.main == True)',
        1,
        "data & main: wanted a condition, got 'data'; compare it with something, and put each comparison between & and | in parentheses",
    ),
    "and": ("when = charges.where(B.main and B.shared)", 1, "use & | ~ instead of and or not"),
    "a default out of bounds": ('low = Param(-5, unit="minor", ge=0, doc="low")\nwhen = charges.where(B.delta < low)', 1, "low: wanted >= 0 minor, got -5"),
    "a default beyond another's": (
        'low = Param(3000, unit="minor", doc="low")\nhigh = Param(2000, unit="minor", ge=low, doc="high")\nwhen = main_balance.falls_below(low, rearm=high)',
        2,
        "high: wanted >= 3000 minor, the value of low, got 2000",
    ),
    "an annotation that is no Field": ("when = charges\nn: int = B.delta", 2, "n: wanted Field[…] as its type, got <class 'int'>"),
    "not Python": ("when = charges where", 1, "SyntaxError: invalid syntax"),
    "a forgotten import": ("when = chargez", 1, "NameError: name 'chargez' is not defined"),
}


@pytest.mark.parametrize("mistake", BODIES)
def test_a_mistake_is_refused_with_its_line(tmp_path, mistake):
    body, line, says = BODIES[mistake]
    written(tmp_path, body)
    found = faults(tmp_path)
    assert any(
        fault.startswith(f"balance/trial.py:{FIRST - 1 + line}: {says}") or (fault.startswith(f"balance/trial.py:{FIRST - 1 + line}: ") and says in fault) for fault in found
    ), found


@pytest.mark.parametrize(
    ("brackets", "says"),
    [
        ("Event", 'by: wanted one of line, account, customer, got none: class Trial(Event, by="line")'),
        ('Event, by="lines"', "by: wanted one of line, account, customer, got 'lines'"),
        ('Event, by="line", number=5', "number: wanted by, version or valid_for in the class's brackets, got 'number'"),
        ('Event, by="line", valid_for=5', "valid_for: wanted a length of time such as hours(24), got 5"),
    ],
)
def test_a_mistake_in_the_brackets_is_reported_with_its_line(tmp_path, brackets, says):
    written(tmp_path, GOOD, head=HEAD.replace('Event, by="line"', brackets))
    assert faults(tmp_path) == [f"balance/trial.py:{FIRST - 1}: {says}"]


@pytest.mark.parametrize(
    ("cases", "says"),
    [
        ("", "CASES: wanted at least one case that fires and one that does not, got none"),
        ("CASES = []", "CASES: wanted at least one case that fires and one that does not, got none"),
        ('CASES = [Case("some", [], [{"n": 1}])]', "CASES: wanted a case that does not fire"),
        ('CASES = [Case("none", [], [])]', "CASES: wanted a case that fires"),
        ("CASES = [5]", "CASES: wanted a list of Case(…)"),
    ],
)
def test_cases_of_both_kinds_are_required(tmp_path, cases, says):
    written(tmp_path, GOOD, tail=f"\n\n{cases}\n")
    (found,) = faults_of(Catalogue.load([str(tmp_path / "mine")]), Reference.load(), EngineSettings())
    assert says in found
    assert re.match(r".*balance/trial\.py:[0-9]+: ", found)


def test_all_faults_of_all_files_are_reported_at_once(tmp_path):
    written(tmp_path, "when = charges where", name="balance/syntax.py")
    written(tmp_path, "when = charges\nrearm = EDGE\nn: Field[int] = V.duration_s", name="balance/two.py")
    (tmp_path / "mine" / "balance" / "empty.py").write_text('"""Nothing."""\n')
    assert [fault.split(":")[0] for fault in faults(tmp_path)] == ["balance/empty.py", "balance/syntax.py", "balance/two.py", "balance/two.py"]


# Where files lie


def test_names_and_places_of_files(tmp_path):
    for name in ("balance/for-feited.py", "balance/Forfeited.py", "balance/2go.py", "forfeited.py", "balance/deep/forfeited.py", "Ba-lance/low.py"):
        written(tmp_path, GOOD, name=name)
    found = faults(tmp_path)
    assert len(found) == 6
    for name, got in (("balance/for-feited.py", "for-feited"), ("balance/Forfeited.py", "Forfeited"), ("balance/2go.py", "2go"), ("Ba-lance/low.py", "Ba-lance")):
        assert f"{name}: wanted a name of small letters, digits and _ that begins with a letter, got {got!r}: it becomes the event's id" in found
    assert any(fault.startswith("forfeited.py: wanted a file in a family folder, such as ") and "mine/balance/forfeited.py" in fault for fault in found)
    assert any(fault.startswith("balance/deep/forfeited.py: wanted a file in a family folder") for fault in found)


def test_helpers_beside_definitions_are_no_definitions(tmp_path):
    written(
        tmp_path,
        "when = mine_charges\nn: Field[int] = B.delta",
        head=HEAD.replace("from streams.define", "from helpers import mine_charges\nfrom balance._more import MORE\nfrom streams.define"),
    )
    (tmp_path / "mine" / "helpers.py").write_text("from events.words import charges as mine_charges\n")
    (tmp_path / "mine" / "balance" / "_more.py").write_text("MORE = 1\n")
    assert "balance.trial" in Catalogue.load([str(tmp_path / "mine")]).by_id


def test_two_events_and_none_in_a_file(tmp_path):
    written(tmp_path, GOOD, tail=f'\n\nclass Second(Event, by="line"):\n    when = charges\n{TAIL}')
    (found,) = faults(tmp_path)
    assert found == "balance/trial.py: wanted one Event class, got Trial, Second"


def test_an_id_that_is_taken_names_both_files(tmp_path):
    written(tmp_path, GOOD, name="balance/low.py")
    (found,) = faults(tmp_path)
    assert found == "balance/low.py: the id balance.low is taken by events/balance/low.py: wanted another family or file name"


@pytest.mark.parametrize(
    "line",
    [
        "from balance.other import Trial as Other",
        "from mine.balance.other import Trial as Other",
        "from .other import Trial as Other",
        "from ..balance.other import Trial as Other",
    ],
)
@pytest.mark.parametrize("where", ["beside", "above", "inside"])
def test_an_own_event_depends_on_another_for_any_import_and_working_directory(tmp_path, line, where):
    written(tmp_path, GOOD, name="balance/other.py")
    written(
        tmp_path,
        "wait = Other.without(topups, within=hours(1))\nwhen = wait\nsince: Field[Time] = wait.since",
        name="balance/after.py",
        head=HEAD.replace("from streams.define", f"{line}\nfrom streams.define"),
    )
    script = (
        "import sys; from streams.definitions.catalogue import Catalogue; from tests.shards import Bench, epoch_ms; from events.stories import charge, moment\n"
        f"c = Catalogue.load([{str(tmp_path / 'mine')!r}]); b = Bench(catalogue=c); found = b.feed([charge(900, 800)]) + b.advance(epoch_ms(moment('2 10:00')))\n"
        "print([d.event for d in found]); assert c.by_id['balance.after'].signal.primitive.after is c.by_id['balance.other']"
    )
    cwd = {"beside": tmp_path, "above": tmp_path.parent, "inside": tmp_path / "mine"}[where]
    root = Path(__file__).parent.parent.parent
    paths = os.pathsep.join([str(cwd), str(root)])
    done = subprocess.run([sys.executable, "-c", script], cwd=cwd, env={**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['balance.other', 'balance.after']"


def test_events_that_depend_on_each_other(tmp_path):
    waits = "wait = {0}.without(topups, within=hours(1))\nwhen = wait\nsince: Field[Time] = wait.since"
    for name, other in (("a", "b"), ("b", "c"), ("c", "a")):
        written(tmp_path, waits.format("Trial"), name=f"balance/{name}.py", head=HEAD.replace("from streams.define", f"from balance.{other} import Trial\nfrom streams.define"))
    assert faults(tmp_path) == ["balance/a.py: balance.a waits for balance.b waits for balance.c waits for balance.a: wanted events that do not start from each other"]


def test_a_file_that_needs_a_faulty_one_says_so(tmp_path):
    written(tmp_path, "when = chargez", name="balance/a.py")
    written(tmp_path, GOOD, name="balance/b.py", head=HEAD.replace("from streams.define", "from balance.a import Trial as Other\nfrom streams.define"))
    found = faults(tmp_path)
    assert found[0] == f"balance/a.py:{FIRST}: NameError: name 'chargez' is not defined"
    assert found[1].startswith("balance/b.py:6: wanted ")
    assert found[1].endswith("mine/balance/a.py without faults: it is needed here")


@pytest.mark.parametrize("place", ["nowhere", "./nowhere", "/nowhere", "json.decoder", ""])
def test_a_name_of_no_folder_and_no_package_is_refused_in_one_line(place):
    with pytest.raises(CatalogueFault) as caught:
        Catalogue.load([place])
    (fault,) = caught.value.faults
    assert fault.startswith(f"{place}: wanted a folder or an importable package of definitions, got none")


def test_a_folder_without_definitions_is_refused(tmp_path):
    with pytest.raises(CatalogueFault) as caught:
        Catalogue.load([str(tmp_path)])
    assert caught.value.faults == (f"{tmp_path}: wanted files FAMILY/EVENT.py in it, got none",)


def test_a_package_of_definitions_is_loaded_by_name(tmp_path, monkeypatch):
    written(tmp_path, GOOD, name="acme/balance/trial.py")
    for folder in ("mine/acme", "mine/acme/balance"):
        (tmp_path / folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "mine"))
    catalogue = Catalogue.load(["acme"])
    assert catalogue.at(catalogue.by_id["balance.trial"]).endswith("acme/balance/trial.py")


def test_annotations_may_be_texts(tmp_path):
    written(tmp_path, GOOD, head=HEAD.replace("from events.balance", "from __future__ import annotations\n\nfrom events.balance"))
    assert list(Catalogue.load([str(tmp_path / "mine")]).by_id["balance.trial"].payload) == ["n"]


# What only running finds


ODD = """from streams.engine.expression import Expr


class Odd(Expr):
    kind = "int"
    nullable = False

    def evaluate(self, on):
        raise ValueError("never")

    def __str__(self):
        return "odd"


class Trial"""


@pytest.mark.parametrize(
    "body",
    [
        "when = charges.where(Odd() > 1)",
        "when = charges\nn: Field[int] = Odd()",
        "when = charges\nrearm = per(Odd())",
        'when = B.where(B.bucket_id == "no such bucket")\nn: Field[int] = Odd()',
        "silence = sessions.silent(days(7), given=active_days(5, of=14))\nwhen = silence\nn: Field[int] = Odd()",
        "wait = Depleted.without(topups, within=hours(1))\nwhen = wait\nn: Field[int] = Odd()",
        "recent = charges.within(hours(1))\nwhen = recent.distinct(Odd()) > 3",
        "when = topups.nth(7)\nn: Field[int] = Odd()",
        "when = place.moved.where(Odd() > 1)",
    ],
)
def test_a_rule_that_raises_is_found_by_the_rehearsal_even_where_nothing_matches(tmp_path, body):
    written(tmp_path, body, head=HEAD.replace("class Trial", ODD))
    written(tmp_path, GOOD, name="balance/fine.py")
    found = faults_of(Catalogue.load([str(tmp_path / "mine")]), Reference.load(), EngineSettings())
    assert len(found) == 1
    assert found[0].startswith(f"{tmp_path}/mine/balance/trial.py: balance.trial: wanted a rule that runs on any valid record, got ValueError: never")


def test_correct_definitions_are_accepted(tmp_path):
    body = """least = Param(hours(2), unit="ms", ge=minutes(5), doc="how long")
high = Param(2000, unit="minor", doc="high")
low = Param(1000, unit="minor", le=high, doc="low")
recent = charges.same(B.currency).within(least)
when = (recent.sum(-B.delta) >= low) & (recent.count() < high)
rearm = (EDGE, cool("7d"))
n: Field[Amount] = recent.sum(-B.delta)
currency: Field[str | None] = B.currency"""
    written(tmp_path, body, tail='\n\nCASES = [Case("some", [charge(2000, 900)], [{"n": 1100, "currency": "CNY"}]), Case("none", [], [])]\n')
    catalogue = Catalogue.load([str(tmp_path / "mine")], {"balance.trial": {"least": "90min", "low": 500}})
    assert catalogue.value(catalogue.by_id["balance.trial"], "least") == 5_400_000
    event = catalogue.by_id["balance.trial"]
    assert details(Bench(catalogue=catalogue).feed(event.cases[0].records), event.id) == list(event.cases[0].details)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"balance.low": {"low": 3000}}, "balance.low.rearm: wanted >= 3000 minor, the value of low, got 2000"),
        ({"balance.rapid_drop": {"window": "2 hours"}}, "balance.rapid_drop.window: wanted a length of time such as 90min or 2h (or a number of ms), got '2 hours'"),
        ({"balance.rapid_drop": {"window": "7d"}}, "balance.rapid_drop.window: wanted a length of time such as 90min or 2h"),
        ({"data.silent": {"T": "2h"}}, "data.silent.T: wanted a number of days such as 7d, got '2h'"),
        ({"voice": {"long_call": 5}}, "voice.long_call: wanted EVENT.PARAMETER=VALUE, got no parameter; there are min"),
    ],
)
def test_values_that_do_not_fit_are_refused(overrides, says):
    with pytest.raises(CatalogueFault) as caught:
        Catalogue.load(overrides=overrides)
    assert says in str(caught.value)


def test_lengths_and_sizes_are_taken_as_texts():
    catalogue = Catalogue.load(
        overrides={"balance.rapid_drop": {"window": "2h"}, "data.heavy_day": {"bytes": "100 MB"}, "data.silent": {"T": "9d"}, "balance.low": {"low": 3000, "rearm": "4000"}}
    )
    assert catalogue.value(catalogue.by_id["balance.rapid_drop"], "window") == 7_200_000
    assert catalogue.value(catalogue.by_id["data.heavy_day"], "bytes") == 100_000_000
    assert catalogue.value(catalogue.by_id["data.silent"], "T") == 9
    assert catalogue.value(catalogue.by_id["balance.low"], "rearm") == 4000


def test_a_window_by_line_over_records_without_a_line_gives_a_warning(tmp_path):
    written(tmp_path, "recent = contacts.within(days(7))\nwhen = recent.count() >= 2\nn: Field[int] = recent.count()")
    (notice,) = Catalogue.load([str(tmp_path / "mine")]).notices
    assert 'by: Interaction may come without subscription_id; by="line" leaves such records out, by="customer" counts them all' in notice
