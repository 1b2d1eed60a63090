"""`kairos simulate`: files that replay takes as they are."""

from __future__ import annotations

from typer.testing import CliRunner

from schemas.raw import TOPICS
from streams.cli import app

run = CliRunner().invoke


def test_the_files_of_a_city_replay_without_a_reject(tmp_path):
    made = run(app, ["simulate", "--out", str(tmp_path / "city"), "--customers", "40", "--days", "4", "--start", "2026-05-01"], catch_exceptions=False)
    assert made.exit_code == 0
    files = sorted((tmp_path / "city" / "raw").glob("*.jsonl"))
    assert [file.stem for file in files] == sorted(TOPICS)
    command = [
        "replay",
        *map(str, files),
        "--reference",
        str(tmp_path / "city" / "reference"),
        "--out",
        str(tmp_path / "events.jsonl"),
        "--rejects",
        str(tmp_path / "rejects.jsonl"),
    ]
    assert run(app, command, catch_exceptions=False).exit_code == 0
    assert (tmp_path / "events.jsonl").read_bytes().count(b"\n") > 20
    assert not (tmp_path / "rejects.jsonl").read_bytes()


def test_the_same_seed_gives_the_same_city(tmp_path):
    for name in ("a", "b"):
        run(app, ["simulate", "--out", str(tmp_path / name), "--customers", "5", "--days", "2", "--start", "2026-05-01", "--seed", "7"], catch_exceptions=False)
    for file in (tmp_path / "a").rglob("*.*"):
        assert file.read_bytes() == (tmp_path / "b" / file.relative_to(tmp_path / "a")).read_bytes()


def test_one_of_out_and_brokers_is_required():
    for arguments in ([], ["--out", "x", "--brokers", "127.0.0.1:1"]):
        assert "wanted either --out FOLDER or --brokers" in str(run(app, ["simulate", *arguments]).exception)
