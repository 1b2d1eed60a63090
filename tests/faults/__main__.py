"""Writes the results of the fault trials into docs/faults.md, between its marks: `python -m tests.faults`."""

from __future__ import annotations

import os
import platform
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tests.faults.harness import RESULTS, Result

PAGE = Path(__file__).parent.parent.parent / "docs" / "faults.md"
BEGIN, END = "<!-- results -->\n", "<!-- end of results -->\n"


def table() -> str:
    """The results as a Markdown table, one line a fault."""
    by_fault: dict[tuple[int, str], list[Result]] = defaultdict(list)
    for line in RESULTS.read_bytes().splitlines():
        result = msgspec.json.decode(line, type=Result)
        by_fault[result.number, result.fault].append(result)
    rows = ["| # | fault | runs | hits | lost | doubled | wrong | torn | recovery, s |", "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for (number, fault), runs in sorted(by_fault.items()):
        recovery = max((run.recovery_s for run in runs if run.recovery_s is not None), default=None)
        sums = [sum(getattr(run, name) for run in runs) for name in ("hits", "lost", "doubled", "wrong", "torn")]
        rows.append(f"| {number} | {fault} | {len(runs)} | {' | '.join(map(str, sums))} | {'' if recovery is None else f'{recovery:.1f}'} |")
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, {datetime.now(UTC).date()}"
    return f"{machine}; Kafka 4.1.0 on the same machine.\n\n" + "\n".join(rows) + "\n"


if __name__ == "__main__":
    page = PAGE.read_text("utf-8")
    head, tail = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(f"{head}{BEGIN}{table()}{END}{tail}", "utf-8")
    print(table())
