"""The project's own files agree with each other."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from streams.cli import app
from tests.order import LONG, in_parts

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = {"events/balance/forfeited.py", "events/FAMILY/NAME.py"}
"""Files that a page asks its reader to write."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_the_version_is_written_in_one_place():
    assert version("kairos") == PROJECT["version"]
    assert CliRunner().invoke(app, ["--version"]).output.strip() == f"kairos {PROJECT['version']}"
    chart = yaml.safe_load((ROOT / "deploy" / "helm" / "kairos" / "Chart.yaml").read_text("utf-8"))
    assert chart["version"] == chart["appVersion"] == PROJECT["version"]
    assert f"image: kairos:{PROJECT['version']}\n" in (ROOT / "deploy" / "compose.yaml").read_text("utf-8")
    assert re.match(r"# Changelog\n(.|\n)*## ", (ROOT / "CHANGELOG.md").read_text("utf-8"))


def test_the_workflow_runs_what_ci_runs():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    assert workflow["jobs"]["test"]["steps"][-1] == {"run": "bash .ci/run"}
    assert (ROOT / ".ci" / "run").read_text("utf-8").rstrip().endswith("exec make test")


def test_every_make_target_explains_itself():
    text = (ROOT / "Makefile").read_text("utf-8")
    phony = set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE).group(1).split())
    explained = set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))
    assert phony == explained


def test_docs_name_only_files_that_are_here():
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]:
        text = page.read_text("utf-8")
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
        for named in re.findall(r"`((?:streams|schemas|events|tests|deploy|docs)/[\w./-]+\.(?:py|md|toml|yml|yaml|json))`", text):
            assert named in EXAMPLES or (ROOT / named).exists(), f"{page.name}: {named}"


def test_the_annotated_settings_file_is_the_declaration():
    from streams.settings import example

    assert (ROOT / "deploy" / "kairos.toml").read_text("utf-8") == example()


def test_the_pages_of_records_and_events_are_the_declarations():
    from streams.definitions.catalogue import Catalogue
    from streams.definitions.pages import catalogue_page, records_page

    remedy = "run `kairos schemas --pages docs`"
    assert (ROOT / "docs" / "records.md").read_text("utf-8") == records_page(), remedy
    assert (ROOT / "docs" / "catalogue.md").read_text("utf-8") == catalogue_page(Catalogue.load()), remedy


@pytest.mark.parametrize("parts", [LONG, (LONG[0], LONG[1] + LONG[2])])
def test_the_files_that_are_tested_first_are_here_and_begin_all_parts(parts):
    named = [name for part in parts for name in part]
    assert [name for name in named if not (ROOT / "tests" / name).exists()] == []
    files = [*(f"short-{number}" for number in range(60)), *reversed(named), *(f"last-{number}" for number in range(30))]
    ordered = in_parts(files, lambda file: file, len(parts))
    assert sorted(ordered) == sorted(files)
    begins = [len(files) * part // len(parts) for part in range(len(parts))]
    assert [ordered[at : at + len(part)] for at, part in zip(begins, parts, strict=True)] == [list(part) for part in parts]
    assert [file for file in ordered if file not in named] == [file for file in files if file not in named], "the others keep their order"
