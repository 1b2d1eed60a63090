"""The catalogue's cases: the specification made executable, run as one replay."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest

from tests.events.case_world import TOPIC, UNTIL, all_cases, difference, lay_out, ms
from tests.shards import CATALOGUE

MEANT = {"late", "owner_key"}
"""Why records of cases are refused that are about just that."""
CASES = [case for case in all_cases() if case["event"] in CATALOGUE.by_id]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """By case id, what is wrong with it, or None."""
    folder = tmp_path_factory.mktemp("cases")
    wanted = lay_out(CASES, folder)
    files = [folder / f"{topic}.jsonl" for topic in dict.fromkeys(TOPIC.values())]
    run(files, folder)
    refused = [json.loads(line) for line in (folder / "rejects.jsonl").read_text("utf-8").splitlines()]
    assert {one["reason"] for one in refused} <= MEANT, "every record of a case is valid, but for those that it is about"
    got: dict[tuple[int, str], list[tuple[int, str, dict[str, Any]]]] = defaultdict(list)
    owner = {name: number for number, one in enumerate(wanted) for name in one.owners}
    for line in (folder / "events.jsonl").read_text("utf-8").splitlines():
        event = json.loads(line)
        got[owner[event["subject"]], event["data"]["event"]].append((ms(event["time"]), event["subject"], event["data"]["detail"]))
    return {one.case["id"]: difference(one, got[number, one.case["event"]]) for number, one in enumerate(wanted)}


def run(files, folder):
    from typer.testing import CliRunner

    from streams.cli import app

    arguments = ["replay", *map(str, files), "--reference", str(folder / "reference"), "--until", UNTIL]
    done = CliRunner().invoke(app, [*arguments, "--out", str(folder / "events.jsonl"), "--rejects", str(folder / "rejects.jsonl")])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_case_gives_its_events(results, case):
    assert results[case["id"]] is None, f"{case['title']} ({case['why']})"
