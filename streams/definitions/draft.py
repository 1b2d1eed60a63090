"""The first text of a definition file: a rule that loads, and cases that fail until their author has filled them in."""

from __future__ import annotations

import keyword
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from schemas.raw import fields_of, type_name
from streams.definitions.faults import DRAFT, KEYS
from streams.definitions.samples import FIXED, MOMENT_MS, faults_in, sample

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.raw import Envelope
    from streams.definitions.event import Event

OWN: dict[str, Any] = {"customer_id": "C1", "account_id": "A1", "subscription_id": "S1"}
"""What `events.stories.record` gives to every record."""
STORY_ZONE = timezone(timedelta(hours=8))
IMPORTED = ("Any", "Event", "Case", "Detail", "Record")
PLAIN: dict[str, tuple[Any, ...]] = {"time": (None, MOMENT_MS), "int": (None, 0, 100), "text": (None, "x-1")}
"""By kind of column, what is tried in this order; None: left out."""
TEXT = '''"""{draft}: what happened, and why it matters."""

from typing import Any

from events.stories import Record, {stories}
from events.words import {letter}
from streams.define import Case, Detail, Event


class {name}(Event, by="{by}"):
    when = {letter}.where({letter}.{column} == "{value}")
    detail = Detail({column}={letter}.{column})


def {record}(at: str = "10:00", **more: Any) -> Record:
    """A valid one, with as few fields as can be; `more`: what a case is about."""
    fields = {{
{fields}
    }}
    return record("{record}", at, **{{**fields, **more}})


CASES = [
    Case("{draft}: what happens when it fires", [{record}()], [{{"{mark}": "the whole detail of the event, as `kairos check` shows it"}}]),
    Case("{draft}: what is only just not enough", [{record}()], []),
]
'''


def key_of(record: type[Envelope], installed: Iterable[type[Event]]) -> str:
    """Whom an event that starts from `record` is about: as most installed ones that do, else whom the record always names."""
    used = Counter(event.by for event in installed if record in event.when.source.records())
    if used:
        return used.most_common(1)[0][0]
    return next(key for key, column in KEYS.items() if not fields_of(record)[column].nullable)


def class_name(event: str) -> str:
    """The class of an event: `big_topup` is `BigTopup`."""
    name = "".join(part.capitalize() for part in event.split("_"))
    return f"{name}Event" if keyword.iskeyword(name) or name in IMPORTED or len(name) == 1 else name


def draft_of(event: str, record: type[Envelope], by: str) -> str:
    """The text of the file of `event`, an id such as `balance.forfeited`. Raises NoSample."""
    column = next(name for name, info in fields_of(record).items() if info.domain and name not in FIXED)
    value = declared_values(get_type_hints(record)[column])[0]
    fields = [f'        "{name}": {text},' for name, text in fields_in(record, plain(record, {**OWN, column: value})).items()]
    return TEXT.format(
        draft=DRAFT,
        mark=DRAFT.lower().replace(" ", "_"),
        stories="moment, record" if any("moment(" in field for field in fields) else "record",
        letter=record.code,
        name=class_name(event.split(".")[1]),
        by=by,
        column=column,
        value=value,
        record=type_name(record),
        fields="\n".join(fields),
    )


def declared_values(hint: Any) -> tuple[str, ...]:
    """The texts of a `Literal`, which may be missing, in the order of the declaration."""
    return tuple(text for one in get_args(hint) for text in ((one,) if isinstance(one, str) else declared_values(one)))


def plain(record: type[Envelope], given: dict[str, Any]) -> dict[str, Any]:
    """A valid record with the values `given`, as few others as can be, and those as plain as can be."""
    raw = sample(record, full=False, given=given)
    kinds = {name: info.kind for name, info in fields_of(record).items() if name not in {"record_id", *FIXED, *given}}
    for name in [name for name in raw if name in kinds]:
        for value in PLAIN.get(kinds[name], (None,)):
            if not faults_in(record, [{**raw, name: value}]):
                raw = {**raw, name: value}
                break
    return raw


def fields_in(record: type[Envelope], raw: dict[str, Any]) -> dict[str, str]:
    """The fields of a raw record that its story has to give, as Python has them."""
    own = {"record_type", "record_id", *FIXED, *OWN}
    kinds = fields_of(record)
    return {name: literal(value, kinds[name].kind) for name, value in raw.items() if name not in own and value is not None}


def literal(value: Any, kind: str) -> str:
    """A value as Python has it; a moment in the zone of the stories, the story's own as that."""
    if kind == "time":
        moment = datetime.fromtimestamp(value / 1000, STORY_ZONE)
        return "moment(at)" if value == MOMENT_MS else f'"{moment.isoformat(timespec="seconds")}"'
    return f'"{value}"' if isinstance(value, str) else repr(value)
