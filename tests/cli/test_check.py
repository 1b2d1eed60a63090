"""`kairos check`, `only` and `without`, and what `kairos catalog` shows of an event."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from events.stories import charge, moment, topup
from streams.builder import shard_builder
from streams.definitions.catalogue import Catalogue, CatalogueFault
from streams.settings import load
from tests.cli.test_replay import kairos
from tests.shards import CATALOGUE, Bench, details, epoch_ms

ROOT = Path(__file__).parent.parent.parent
TRIAL = '''"""A charge."""

from events.stories import charge
from events.words import B, charges
from streams.define import Case, Detail, Event


class Trial(Event, by="line"):
    when = charges
    detail = Detail(n=B.delta)


CASES = [
    Case("some", [charge(900, 0)], [{"n": 900, "currency": "CNY"}]),
    Case("none", [charge(900, 0)], []),
    Case("refused", [charge(900, 0, customer_id=5)], []),
]
'''


def own(folder: Path, text: str = TRIAL, name: str = "trial") -> str:
    file = folder / "mine" / "balance" / f"{name}.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return str(folder / "mine")


def test_the_built_in_definitions_are_right():
    done = kairos("check")
    assert done.stdout.decode() == f"{len(CATALOGUE)} definitions, {sum(len(event.cases) for event in CATALOGUE)} cases: all is well\n"
    assert done.returncode == 0


def test_wrong_cases_are_reported_with_their_line_and_what_differs(tmp_path):
    done = kairos("check", own(tmp_path))
    text = done.stdout.decode()
    assert done.returncode == 1
    assert "balance/trial.py:14: case 'some': wanted 1 events, got 1\n  event 1, n: wanted 900, got -900\n" in text
    assert "balance/trial.py:15: case 'none': wanted 0 events, got 1\n  + not wanted {'n': -900, 'currency': 'CNY'}\n" in text
    assert "balance/trial.py:16: case 'refused': wanted valid records, got one that is refused: " in text
    assert text.endswith("1 definitions, 3 cases: 3 faults\n")


def test_a_faulty_file_does_not_hide_the_cases_of_the_others(tmp_path):
    own(tmp_path)
    own(tmp_path, TRIAL.replace("charges\n    detail", "chargez\n    detail"), "other")
    done = kairos("check", own(tmp_path), "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert [(Path(fault["file"]).name, fault["line"]) for fault in report["faults"]] == [("other.py", 9), ("trial.py", 14), ("trial.py", 15), ("trial.py", 16)]
    assert report["faults"][0]["says"] == "NameError: name 'chargez' is not defined: did you mean charge or charges?"
    assert (report["definitions"], report["cases"]) == (1, 3)


def test_a_case_that_cannot_run_is_reported(tmp_path):
    broken = TRIAL.replace('Case("none", [charge(900, 0)], [])', 'Case("none", [charge(900, 0)], [], until="tomorrow")').replace(
        "[charge(900, 0, customer_id=5)]", '[{"record_type": "phone"}]'
    )
    text = kairos("check", own(tmp_path, broken)).stdout.decode()
    assert "balance/trial.py:15: case 'none': wanted records and details, got ValueError: " in text
    assert "balance/trial.py:16: case 'refused': wanted valid records, got one that is refused: record_type: wanted one of voice_usage" in text


def test_a_day_of_history_that_is_none_is_reported(tmp_path):
    broken = TRIAL.replace('Case("none", [charge(900, 0)], [])', 'Case("none", [charge(900, 0)], [], history_from="1 May")')
    text = kairos("check", own(tmp_path, broken)).stdout.decode()
    assert "balance/trial.py:15: case 'none': history_from: wanted a date YYYY-MM-DD, got '1 May': Invalid isoformat string: '1 May'" in text


def test_correct_definitions_pass(tmp_path):
    right = TRIAL.replace('"n": 900', '"n": -900').replace('"none", [charge(900, 0)]', '"none", []').replace('    Case("refused", [charge(900, 0, customer_id=5)], []),\n', "")
    done = kairos("check", own(tmp_path, right))
    assert (done.returncode, done.stdout.decode()) == (0, "1 definitions, 2 cases: all is well\n")


def test_the_example_of_the_readme_is_right_as_printed(tmp_path):
    text = (ROOT / "README.md").read_text("utf-8")
    done = kairos("check", own(tmp_path, text.split("```python\n")[1].split("```")[0], "forfeited"))
    assert (done.returncode, done.stdout.decode()) == (0, "1 definitions, 2 cases: all is well\n")


def test_the_example_of_the_authors_page_is_right_as_printed(tmp_path):
    text = (ROOT / "docs" / "authors.md").read_text("utf-8")
    done = kairos("check", own(tmp_path, text.split("```python\n")[1].split("```")[0], "melting"))
    assert (done.returncode, done.stdout.decode()) == (0, "1 definitions, 3 cases: all is well\n")


# Chosen events


def bench_of(**given):
    build, catalogue = shard_builder(load({"clock": "records", **given}, environ={}))
    bench = Bench(catalogue=catalogue)
    assert build(0).engine.catalogue is catalogue
    return bench


STORY = [charge(9000, 800, "10:00"), charge(800, 0, "10:01"), topup(0, 3000, "12:00"), charge(3000, 0, "13:00")]


def published(bench):
    return [detection.event for detection in bench.feed(STORY) + bench.advance(epoch_ms(moment("3 10:00")))]


@pytest.mark.parametrize(
    "given",
    [
        {"only": ("topup.missing_after_depletion",)},
        {"only": ("topup.missing_after_depletion", "balance.low"), "without": ("balance.low",)},
        {"only": ("balance.recovered", "balance.drop")},
        {"without": ("balance.depleted",)},
        {"without": ("balance.low", "balance.recovered", "topup.completed")},
    ],
)
def test_selected_events_equal_those_of_a_full_run(given):
    everything, chosen = published(Bench()), published(bench_of(**given))
    wanted = set(given.get("only") or everything) - set(given.get("without", ()))
    assert chosen == [event for event in everything if event in wanted]
    assert chosen


def test_only_the_topics_of_published_events_are_required():
    assert Catalogue.load(only=["topup.missing_after_depletion"]).families == ["topup"]


@pytest.mark.parametrize(
    ("only", "without", "says"),
    [
        (["balance.lo"], [], "balance.lo: no such event: did you mean balance.low"),
        ([], ["balance.lo"], "balance.lo: no such event: did you mean balance.low"),
        (["balance.low"], ["balance.low"], "only, without: wanted at least one event, got none that is left"),
    ],
)
def test_selections_without_meaning_are_refused(only, without, says):
    with pytest.raises(CatalogueFault) as caught:
        Catalogue.load(only=only, without=without)
    assert says in str(caught.value)


def test_selections_come_from_the_settings_too():
    assert load({}, environ={"KAIROS_ONLY": "balance.low, topup.first"}).only == ("balance.low", "topup.first")
    assert load({"without": ("care.call_started",)}, environ={}).without == ("care.call_started",)


def test_a_removed_rule_loses_its_state_and_starts_empty():
    bench = bench_of()
    bench.feed(STORY[:1])
    bench.restart(Catalogue.load(without=["balance.low", "balance.recovered"]))
    for step in bench.shard.migration(100):
        bench._keep(step)
    bench.restart()
    assert details(bench.feed([topup(800, 3000, "11:00")]), "balance.recovered") == []


# What is shown


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (
            "balance.low",
            [
                "key line, currency and bucket_id",
                "crosses ((balance_after - delta) >= 500 minor (low)) and (balance_after < 500 minor (low)), armed again when balance_after >= 2000 minor (rearm)",
            ],
        ),
        (
            "balance.rapid_drop",
            [
                "where bucket_kind == 'money' and main and operation == 'charge' and delta < 0 and recent.sum(-delta) >= 3000 minor (sum) and recent.count() >= 2 charges (min_count)",
                "recent BalanceChange where bucket_kind == 'money' and main and operation == 'charge' and delta < 0, for each currency, within 2h (window)",
                "re-arm edge; cool 24h, per line and currency",
            ],
        ),
        ("balance.recovered", ["when [balance.low, for each currency and bucket_id] then [", "builds on balance.low"]),
        ("topup.missing_after_depletion", ["and no [BalanceChange where", "for each currency] within 24h (T)", "key line and currency"]),
        (
            "data.silent",
            ["when no [DataUsage where total_bytes >= 1] for 7d (T), given frame.distinct(day) >= 5 at the last one", "frame DataUsage where total_bytes >= 1, within 14d"],
        ),
        ("topup.first", ["frame.count() == 1", "over the life of the key", "re-arm once, per line"]),
        ("data.heavy_day", ["today.sum(total_bytes) >= 5 GiB (bytes)", "re-arm once per day, per line"]),
        ("spend.day_step", ["to 3000 minor (step_1), 5000 minor (step_2), 10000 minor (step_3)", "spent BalanceChange where", "for each currency, today"]),
    ],
)
def test_an_event_is_shown_with_its_thresholds_spans_key_and_re_arm(event, lines):
    shown = " ".join(kairos("catalog", event, "--set", "balance.low.low=500", "--set", "balance.rapid_drop.window=2h").stdout.decode().split())
    for line in lines:
        assert line in shown
