"""`kairos demo` needs nothing but Python, ends by itself, and detects."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.broker.workers import PROJECT


def test_the_demo_detects_most_events_and_ends_by_itself_leaving_nothing_behind():
    command = [sys.executable, "-c", "from streams.cli import main; main()", "demo", "--seconds", "25", "--customers", "200"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=PROJECT, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = re.search(r"([\d,]+) events of (\d+) kinds from ([\d,]+) records", done.stdout)
    assert found, done.stdout[-2000:]
    assert int(found[1].replace(",", "")) > 200
    assert int(found[2]) >= 15
    assert not re.search(r"(?m)^failed: ", done.stdout)
