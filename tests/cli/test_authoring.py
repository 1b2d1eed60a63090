"""docs/authoring.md and docs/patterns.md: what they say works as they say it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.test_replay import kairos

DOCS = Path(__file__).parents[2] / "docs"
WALK, PATTERNS = ((DOCS / name).read_text("utf-8") for name in ("authoring.md", "patterns.md"))
EVENT = "topup.twice_today"


def blocks(page):
    """The Python blocks of a page, by the file that is named above each."""
    found = re.findall(r"^`([a-z_]+/[a-z0-9_]+\.py)`(?:(?!```).)*?^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(found) == page.count("```python") == len(dict(found)), "every block is named, by a name of its own"
    return dict(found)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")


def shown(text):
    """A text as the page shows it."""
    return "".join(f"    {line}\n" for line in text.splitlines())


def test_every_pattern_loads_and_its_cases_are_right(here):
    files = blocks(PATTERNS)
    write(here / "mine", files)
    done = kairos("check", "mine")
    cases = sum(text.count("    Case(") for text in files.values())
    assert done.stdout.decode() == f"{len(files)} definitions, {cases} cases: all is well\n"


def test_the_table_names_every_pattern():
    anchors = re.findall(r"\(patterns\.md#(.*?)\)", WALK)
    heads = [re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in re.findall(r"^## (.*)$", PATTERNS, re.MULTILINE)]
    assert anchors == heads


def test_the_first_steps_say_what_the_page_shows(here):
    for command in (f"new {EVENT} --from B --folder mine", "check mine"):
        assert f"    kairos {command}\n" in WALK
        done = kairos(*command.split())
        assert shown(done.stdout.decode()) in WALK
    write(here / "mine", blocks(WALK))
    assert shown(kairos("check", "mine").stdout.decode()) in WALK
    mutants = kairos("check", "mine", "--mutants").stdout.decode().splitlines()
    assert f"    kairos check mine --mutants\n\n{shown(chr(10).join(mutants[:2]))}" in WALK


def test_the_event_is_shown_as_on_the_page(here, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    write(here / "mine", blocks(WALK))
    lines = kairos("catalog", EVENT, "--definitions", "mine").stdout.decode().splitlines()
    assert lines[7].startswith("valid for")
    assert shown("\n".join(line.rstrip() for line in lines[:8])) in WALK


def test_a_detail_that_is_left_open_is_told(here):
    (text,) = blocks(WALK).values()
    write(here / "mine", {"topup/twice_today.py": text.replace("[TWO]", "[{}]")})
    said = kairos("check", "mine").stdout.decode()
    assert shown("\n".join(said.splitlines()[:3])) in WALK
    assert said.endswith("1 definitions, 2 cases: 1 faults\n")


@pytest.mark.parametrize("command", sorted(set(re.findall(r"^    kairos ([a-z].*)$", WALK, re.MULTILINE))))
def test_every_command_of_the_page_has_the_options_that_it_uses(command):
    name, *rest = command.split()
    text = " ".join(kairos(name, "--help").stdout.decode().split())
    assert [word for word in rest if word.startswith("--") and f"{word} " not in text] == []
