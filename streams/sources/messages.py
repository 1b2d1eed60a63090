"""Messages of an operator's own topic as rows: each is one row of the source's format."""

from __future__ import annotations

import csv
import io
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from streams.sources.json import apart, reader_of, steps_of, values_of, walked
from streams.sources.mapping import MappingError
from streams.sources.protobuf import message_of
from streams.sources.protobuf import reached as reached_in_message
from streams.sources.registry import Registry, framed, without_indexes
from streams.sources.rows import BadRow, Rows, SourceFault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streams.sources.mapping import Source


class Messages:
    """Reads messages of a source. Raises MappingError where its format is not one that messages can have."""

    def __init__(self, source: Source) -> None:
        self.source, self.spec = source, source.spec
        self.registry = Registry(self.spec.registry) if self.spec.registry else None
        faults = []
        if self.spec.format == "csv" and self.spec.header:
            faults.append(source.place.at("header").fault("header = false, since messages have no header", "true", "add header = false and columns"))
        if self.spec.format == "avro" and self.registry is None:
            faults.append(source.place.at("registry").fault("the address of the registry that has the schemas of Avro messages", "none", 'add registry = "http://HOST:PORT"'))
        if self.spec.order not in ("as-is", "by-node"):
            faults.append(source.place.at("order").fault("as-is: a topic has its order", self.spec.order, "remove it; wait.TOPIC of the worker waits for stragglers"))
        if faults:
            raise MappingError("\n".join(faults))
        if self.spec.format == "json":
            self.decoder, self.getters = reader_of(source.columns)
        elif self.spec.format == "protobuf":
            self.getters = {path: partial(reached_in_message, steps=steps_of(path)) for path in source.columns}
            self.message = message_of(source)
        elif self.spec.format == "avro":
            self.getters = {path: partial(walked, steps=steps_of(path)) for path in source.columns}
        else:
            self.getters = {name: itemgetter(name) for name in source.columns}
            if missing := [name for name in source.columns if name not in self.spec.columns]:
                raise MappingError(source.place.at("columns").fault(f"{', '.join(missing)} among them", ", ".join(self.spec.columns), "add or correct the name"))

    def rows(self, where: str, offsets: Sequence[int], values: Sequence[bytes | None]) -> Rows:
        """Messages as rows; `where`: topic and partition. Raises SourceFault where the registry does not answer."""
        bad = [BadRow(offset, "a message", "none", "") for offset, value in zip(offsets, values, strict=True) if value is None]
        given = [(offset, value) for offset, value in zip(offsets, values, strict=True) if value is not None]
        if self.spec.format == "json":
            objects, places = apart([value for _, value in given], [offset for offset, _ in given], self.decoder, bad, last_is_half=False)
        else:
            objects, places = self.each(self.one, given, bad)
        return Rows(where, places, {name: values_of(getter, objects) for name, getter in self.getters.items()}, sorted(bad))

    def each(self, read: Callable[[bytes], Any], given: list[tuple[int, bytes]], bad: list[BadRow]) -> tuple[list[Any], list[int]]:
        """The messages that can be read; the others become bad rows."""
        objects, places = [], []
        for offset, value in given:
            try:
                objects.append(read(value))
                places.append(offset)
            except SourceFault:
                raise
            except Exception as error:  # noqa: BLE001  # the libraries raise what they like at bytes of another format
                bad.append(BadRow(offset, f"a message as {self.spec.format}", str(error) or type(error).__name__, value[:1000].decode("utf-8", "backslashreplace")))
        return objects, places

    def one(self, value: bytes) -> Any:
        """One message. Raises any error."""
        if self.spec.format == "avro":
            import fastavro

            assert self.registry is not None  # the constructor has looked
            number, message = framed(value)
            return fastavro.schemaless_reader(io.BytesIO(message), self.registry.schema(number), None)
        if self.spec.format == "protobuf":
            return self.message.FromString(without_indexes(framed(value)[1]) if self.registry is not None else value)
        text = value.decode(self.spec.encoding).rstrip("\r\n")
        if self.spec.format == "fixed":
            return {name: text[first - 1 : last] for name, (first, last) in self.spec.columns.items()}
        quoting: dict[str, Any] = {"quotechar": self.spec.quote} if self.spec.quote else {"quoting": csv.QUOTE_NONE}
        (cells,) = csv.reader([text], delimiter=self.spec.delimiter, **quoting)
        if len(cells) != len(self.spec.columns):
            raise ValueError(f"{len(cells)} cells for {len(self.spec.columns)} columns")
        return dict(zip(self.spec.columns, cells, strict=True))
