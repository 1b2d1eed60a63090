"""The order of the tests in two test processes (`-n 2 --dist worksteal`): each gets a half of the list, and takes of the other's end when it has done its own.

So the long tests stand at the beginning of both halves, and what is left at the end are short ones: no process waits for the other.
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
        "engine/test_laws.py",
        "intake/test_extremes.py",
        "broker/test_exactly_once.py",
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
        "page/test_browser.py",
        "deploy/test_dockerfile.py",
        "deploy/test_stack.py",
        "cli/test_demo.py",
        "cli/test_replay.py",
    ),
)
"""The files with the longest tests, the longest first: those of the first half, and those of the second."""


def in_halves(items: list[Any], file_of: Any) -> list[Any]:
    """The same items with the long ones at the beginning of both halves; the others in their order.

    `file_of`: gives the file of an item below tests.
    """
    places = {name: (half, place) for half, names in enumerate(LONG) for place, name in enumerate(names)}
    first, second = ([item for item in items if places.get(file_of(item), (None,))[0] == half] for half in (0, 1))
    for half in (first, second):
        half.sort(key=lambda item: places[file_of(item)])
    others = [item for item in items if file_of(item) not in places]
    room = max(0, len(items) // 2 - len(first))
    return [*first, *others[:room], *second, *others[room:]]
