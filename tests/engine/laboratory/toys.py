"""How a toy definition is made: a class whose id is `toy.` and its name."""

from __future__ import annotations

from typing import Any

from streams.define import Detail, Event, Param


def toy(name: str, by: str, when: Any, rearm: Any = (), *, parameters: tuple[Param, ...] = (), **detail: Any) -> type[Event]:
    """An event `toy.{name}`; `detail`: the fields of its payload."""
    body = {"__module__": f"laboratory.toy.{name}", "when": when, "rearm": rearm, "detail": Detail(**detail), **{parameter.name: parameter for parameter in parameters}}
    event: type[Event] = type(Event)(name, (Event,), body, by=by)
    return event
