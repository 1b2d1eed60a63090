"""How a toy definition is made: a class whose id is `toy.` and its name."""

from __future__ import annotations

from typing import Any

from streams.define import Event, Param


def toy(name: str, by: str, when: Any, rearm: Any = (), *, parameters: tuple[Param, ...] = (), **payload: tuple[Any, Any]) -> type[Event]:
    """An event `toy.{name}`; `payload`: by field, its annotation and its value."""
    body = {
        "__module__": f"laboratory.toy.{name}",
        "__annotations__": {field: annotation for field, (annotation, _) in payload.items()},
        "when": when,
        "rearm": rearm,
        **{parameter.name: parameter for parameter in parameters},
        **{field: value for field, (_, value) in payload.items()},
    }
    event: type[Event] = type(Event)(name, (Event,), body, by=by)
    return event
