"""`kairos demo` needs nothing but Python, ends by itself, detects, and leaves files that the commands it names can read."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from streams.cli import app
from tests.broker.workers import PROJECT

run = CliRunner().invoke


def test_the_demo_detects_many_events_ends_by_itself_and_leaves_files_to_try(tmp_path):
    command = [sys.executable, "-c", "from streams.cli import main; main()", "demo", "--seconds", "15", "--customers", "200", "--out", str(tmp_path / "demo")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=PROJECT, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    shown = done.stdout
    found = re.search(r"([\d,]+) events of (\d+) kinds of \d+ from ([\d,]+) records", shown)
    assert found, shown[-2000:]
    assert int(found[1].replace(",", "")) > 200
    assert int(found[2]) >= 15
    assert not re.search(r"(?m)^failed: ", shown)
    explain, replay, why_not = (shlex.split(line) for line in re.findall(r"(?m)^  kairos ((?:explain|replay|why-not) .+)$", shown))
    assert explain[-1] in (tmp_path / "demo" / "events.jsonl").read_text()
    assert run(app, explain, catch_exceptions=False).exit_code == 0
    files = [str(path) for path in sorted((tmp_path / "demo" / "raw").glob("*.jsonl"))]
    assert len(files) == 4
    again = Path(replay[-1])
    assert run(app, [replay[0], *files, *replay[2:]], catch_exceptions=False).exit_code == 0
    assert again.read_bytes().count(b"\n") > 0
    said = run(app, [*why_not[:4], *files, *why_not[5:]], catch_exceptions=False)
    assert said.exit_code == 0
    assert why_not[3] in said.output
