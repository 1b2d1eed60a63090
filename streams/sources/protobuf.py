"""Protobuf: messages one behind the other, each behind its length as a varint. Needs `kairos[formats]` and a descriptor set."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from streams.sources.json import steps_of
from streams.sources.mapping import beside
from streams.sources.rows import ROWS, BadRow, Rows, SourceFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.sources.files import Opened
    from streams.sources.mapping import Source

MOST_BYTES = 64 * 1024 * 1024


def read(opened: Opened, source: Source) -> Iterator[Rows]:
    """The messages of a file as columns. Raises SourceFault where it breaks off, or the message has not the paths."""
    message = message_of(source)
    getters = {path: partial(reached, steps=steps_of(path)) for path in source.columns}
    missing = [path for path in source.columns if str(steps_of(path)[0]) not in message.DESCRIPTOR.fields_by_name]
    if missing:
        raise SourceFault(
            f"{source.place.file}: {source.place.key}: wanted fields of {source.spec.message}, got {', '.join(missing)}: it has {', '.join(message.DESCRIPTOR.fields_by_name)}"
        )
    number, more = 0, True
    while more:
        found: list[Any] = []
        lines: list[int] = []
        bad: list[BadRow] = []
        while len(found) < ROWS and (more := (size := length(opened, number)) is not None):
            number += 1
            value = opened.stream.read(size)
            if len(value) != size:
                raise SourceFault(f"{opened.path}: wanted whole messages, got half of message {number}: have it delivered again")
            try:
                found.append(message.FromString(value))
                lines.append(number)
            except Exception as error:  # noqa: BLE001  # the library's own class is not public
                bad.append(BadRow(number, f"a message of {source.spec.message}", str(error), value[:1000].hex()))
        yield Rows(opened.path, lines, {path: list(map(getter, found)) for path, getter in getters.items()}, bad)


def length(opened: Opened, number: int) -> int | None:
    """The length of the next message; None at the end. Raises SourceFault."""
    size = shift = 0
    while byte := opened.stream.read(1):
        size |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            if size > MOST_BYTES:
                break
            return size
        shift += 7
        if shift > 63:
            break
    if shift or size:
        raise SourceFault(
            f"{opened.path}: wanted the length of message {number + 1}, got none that is below {MOST_BYTES:,}: is the file a run of messages, each behind its length?"
        )
    return None


def message_of(source: Source) -> Any:
    """The class of the messages, by the descriptor set. Raises SourceFault."""
    at = f"{source.place.file}: {source.place.key}"
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError as error:
        raise SourceFault(f"{at}.format: wanted protobuf installed, got none: install kairos[formats]") from error
    path = beside(source.place.file, source.spec.descriptor or "")
    files = descriptor_pb2.FileDescriptorSet()
    try:
        files.ParseFromString(path.read_bytes())
        pool = descriptor_pool.DescriptorPool()
        for file in files.file:
            pool.Add(file)
        return message_factory.GetMessageClass(pool.FindMessageTypeByName(source.spec.message or ""))
    except (OSError, KeyError, TypeError) as error:
        raise SourceFault(
            f"{at}.message: wanted a message of {path}, got {source.spec.message!r} ({type(error).__name__}): write the file with protoc --include_imports --descriptor_set_out"
        ) from error
    except Exception as error:  # the library's own class is not public
        raise SourceFault(f"{at}.descriptor: wanted a descriptor set, got another file {path}: write it with protoc --include_imports --descriptor_set_out") from error


def reached(one: Any, steps: list[str | int]) -> Any:
    """The value at a path: None where a message or an optional value is not set; enums by name."""
    for step in steps:
        if one is None:
            return None
        if isinstance(step, int):
            one = one[step] if step < len(one) else None
            continue
        field = one.DESCRIPTOR.fields_by_name.get(step)
        if field is None or (field.has_presence and not one.HasField(step)):
            return None
        one = getattr(one, step)
        if field.enum_type is not None and isinstance(one, int):
            one = field.enum_type.values_by_number[one].name if one in field.enum_type.values_by_number else one
    return one
