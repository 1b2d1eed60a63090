"""The order of the tests in three test processes (`-n 3 --dist worksteal`): each gets a third of the list, and takes of another's end when it has done its own.

Trials on a broker wait much of their time: for a group, a session, a restart. So there is one process more than cores: two begin with the
trials, the third with what computes all the time. The long tests stand at the beginning of all parts, and what is left at the end are short
ones: no process waits for another.
"""

from __future__ import annotations

from typing import Any

LONG = (
    (
        "faults/test_input_faults.py",
        "faults/test_broker_faults.py",
        "faults/test_worker_faults.py",
        "faults/test_feeding_faults.py",
        "faults/test_waiting_killed.py",
        "faults/test_fed_while_running.py",
    ),
    (
        "faults/test_books.py",
        "broker/test_exactly_once.py",
        "broker/test_soak.py",
        "broker/test_growth.py",
        "broker/test_restore.py",
        "broker/test_formats.py",
        "broker/test_rolling_upgrade.py",
        "broker/test_backfill.py",
        "page/test_browser.py",
        "broker/test_outage.py",
        "broker/test_security.py",
        "broker/test_bad_input.py",
        "broker/test_causes.py",
        "broker/test_status.py",
        "broker/test_operations.py",
        "broker/test_dead_letters.py",
        "broker/test_failing_rule.py",
        "faults/test_topics.py",
        "faults/test_rights.py",
        "deploy/test_stack.py",
        "cli/test_demo.py",
    ),
    (
        "deploy/test_dockerfile.py",
        "engine/test_laws.py",
        "intake/test_compiled.py",
        "intake/test_extremes.py",
        "simulation/test_city.py",
        "cli/test_check.py",
        "cli/test_replay.py",
    ),
)
"""The files with the longest tests, the longest first: by the part that they begin. In two processes the second one has those of the third too."""


def in_parts(items: list[Any], file_of: Any, count: int) -> list[Any]:
    """The same items with the long ones at the beginning of all parts; the others in their order.

    `file_of`: gives the file of an item below tests. `count`: of processes, 2 or 3.
    """
    last = count - 1
    places = {name: (min(part, last), part, place) for part, names in enumerate(LONG) for place, name in enumerate(names)}
    long = sorted((item for item in items if file_of(item) in places), key=lambda item: places[file_of(item)])
    others = [item for item in items if file_of(item) not in places]
    result: list[Any] = []
    for part in range(count):
        result += [item for item in long if places[file_of(item)][0] == part]
        room = max(0, len(items) * (part + 1) // count - len(result)) if part < last else len(others)
        result += others[:room]
        others = others[room:]
    return result
