"""Avro object container files: values by their paths, as in JSON. Needs `kairos[formats]`."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from streams.sources.json import steps_of, walked
from streams.sources.rows import ROWS, Rows, SourceFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.sources.files import Opened
    from streams.sources.mapping import Source


def read(opened: Opened, source: Source) -> Iterator[Rows]:
    """The records of a file as columns. Raises SourceFault where it is none, is cut off, or its schema has not the paths."""
    try:
        import fastavro
    except ImportError as error:
        raise SourceFault(f"{source.place.file}: {source.place.key}.format: wanted fastavro installed for avro, got none: install kairos[formats]") from error
    number = 0
    getters = {path: partial(walked, steps=steps_of(path)) for path in source.columns}
    try:
        reader = fastavro.reader(opened.stream)
        missing = [path for path in source.columns if not has_path(reader.writer_schema, str(steps_of(path)[0]))]
        if missing:
            names = ", ".join(field["name"] for field in fields_of(reader.writer_schema))
            raise SourceFault(
                f"{opened.path}: wanted the fields that {source.place.key} names, got a schema without {', '.join(missing)}: {names}: has the format changed? change the mapping in {source.place.file}"
            )
        while found := list(islice(reader, ROWS)):
            yield Rows(opened.path, list(range(number + 1, number + len(found) + 1)), {path: list(map(getter, found)) for path, getter in getters.items()}, [])
            number += len(found)
    except (ValueError, EOFError, IndexError, StopIteration, TypeError, KeyError, OSError) as error:
        raise SourceFault(f"{opened.path}: wanted a whole Avro file, got one that breaks off behind record {number} ({type(error).__name__}): have it delivered again") from error


def fields_of(schema: Any) -> list[Any]:
    """The fields of a record's schema."""
    return list(schema.get("fields", [])) if isinstance(schema, dict) else []


def has_path(schema: Any, name: str) -> bool:
    """Whether a record's schema has a field."""
    return any(field["name"] == name for field in fields_of(schema))
