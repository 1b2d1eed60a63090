"""The command line: the first word is the command, and only that word."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from schemas.fault import KairosFault
from streams.cli import COMMANDS, app, main

run = CliRunner().invoke


def test_help_lists_every_command_with_its_first_sentence():
    shown = run(app, ["--help"])
    assert shown.exit_code == 0
    assert all(f" {name} " in shown.output for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_page_with_an_example(name):
    shown = run(app, [name, "--help"])
    assert shown.exit_code == 0
    assert f"kairos {name}" in " ".join(shown.output.split())
    assert "Example" in shown.output


def test_a_value_that_is_a_command_s_name_is_a_value():
    with pytest.raises(KairosFault, match="demo: wanted a readable file"):
        run(app, ["replay", "demo"], catch_exceptions=False)
    assert "No such option" in run(app, ["catalog", "--worker"]).output


def test_an_unknown_command_is_named():
    shown = run(app, ["catalogue"])
    assert shown.exit_code == 2
    assert "No such command 'catalogue'" in shown.output


def test_a_missing_dependency_is_no_missing_command(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "streams.cli.plan", None)
    with pytest.raises(ModuleNotFoundError):
        run(app, ["plan", "--help"], catch_exceptions=False)


def test_a_fault_is_one_sentence_and_exit_code_2(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["kairos", "replay", "no-such-file.jsonl"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.err.startswith("kairos: no-such-file.jsonl: wanted a readable file")
    assert "Traceback" not in said.err + said.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["repartition", "--to", "0"], "--to: wanted a number of partitions above the present one and at most 10000, got 0"),
        (["repartition", "--to", "1000000"], "--to: wanted a number of partitions above the present one and at most 10000, got 1000000"),
        (["repartition", "--to", "many"], "Invalid value for '--to'"),
        (["repartition"], "Missing option '--to'"),
        (["restore", "--from", "no-such-folder"], "--from no-such-folder: wanted the folder of a backup, got none"),
        (["repartition", "--to", "8", "--brokers", "127.0.0.1:1"], "no Kafka broker answers on 127.0.0.1:1"),
        (["backup", "--to", "somewhere", "--brokers", "127.0.0.1:1"], "no Kafka broker answers on 127.0.0.1:1"),
    ],
)
def test_growth_and_backups_refuse_what_cannot_be_meant(arguments, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = run(app, arguments)
    assert shown.exit_code
    assert says in " ".join(f"{shown.output} {shown.exception}".replace("│", " ").split())
    assert not list(tmp_path.iterdir()), "nothing was written"
