"""JSON, one object a line: values by their paths, such as `device.phoneNumber` or `items[0].amount`; only these are decoded."""

from __future__ import annotations

import re
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from streams.sources.rows import BadRow, Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streams.sources.files import Opened
    from streams.sources.mapping import Source

CHUNK_BYTES = 8_000_000
STEP = re.compile(r"([^.\[\]]+)|\[([0-9]+)\]")
HALF = "half an object: the file ends before it does"


def read(opened: Opened, source: Source) -> Iterator[Rows]:
    """The objects of a file as columns."""
    decoder, getters = reader_of(source.columns)
    number = 0
    while lines := opened.stream.readlines(CHUNK_BYTES):
        if not number:
            lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
        bad: list[BadRow] = []
        places = [number + at for at, line in enumerate(lines, 1) if not line.isspace()]
        number += len(lines)
        full = [line for line in lines if not line.isspace()]
        try:
            objects = list(map(decoder.decode, full))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            objects, places = apart(full, places, decoder, bad, last_is_half=not lines[-1].endswith(b"\n"))
        yield Rows(opened.path, places, {name: values_of(getter, objects) for name, getter in getters.items()}, bad)


def apart(lines: list[bytes], places: list[int], decoder: msgspec.json.Decoder[Any], bad: list[BadRow], *, last_is_half: bool) -> tuple[list[Any], list[int]]:
    """The lines that can be decoded; the others become bad rows."""
    objects, kept = [], []
    for line, place in zip(lines, places, strict=True):
        try:
            objects.append(decoder.decode(line))
            kept.append(place)
        except msgspec.ValidationError as error:
            bad.append(BadRow(place, "objects along the paths of the mapping", str(error), shown(line)))
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            half = last_is_half and place == places[-1]
            bad.append(BadRow(place, "one JSON object", HALF if half else str(error), shown(line), half=half))
    return objects, kept


def shown(line: bytes) -> str:
    """A line for people."""
    return line.rstrip(b"\r\n")[:2000].decode("utf-8", "replace")


def values_of(getter: Callable[[Any], Any], objects: list[Any]) -> list[Any]:
    """A column; None where an object has not the path."""
    try:
        return list(map(getter, objects))
    except AttributeError:
        return [reached(getter, one) for one in objects]


def reached(getter: Callable[[Any], Any], one: Any) -> Any:
    """The value at a path, None where a part of it is null."""
    try:
        return getter(one)
    except AttributeError:
        return None


def reader_of(paths: list[str]) -> tuple[msgspec.json.Decoder[Any], dict[str, Callable[[Any], Any]]]:
    """A decoder that reads these paths alone, and by path what gets its value. Numbers with decimals stay the texts that they are.

    An array that a path has a place in is decoded as a whole.
    """
    plain = {path: path.partition("[")[0] for path in paths}
    if any(one != other and other.startswith(f"{one}.") for one in plain.values() for other in plain.values()):  # a value here, an object there
        whole: msgspec.json.Decoder[Any] = msgspec.json.Decoder(dict[str, Any], float_hook=str)
        return whole, {path: partial(walked, steps=steps_of(path)) for path in paths}
    tree: dict[str, Any] = {}
    for path in plain.values():
        node = tree
        for part in path.split("."):
            node = node.setdefault(part, {})
    names: dict[str, str] = {}
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(shape(tree, names, ""), float_hook=str)
    return decoder, {path: getter_of(attrgetter(names[begin]), steps_of(path[len(begin) :])) for path, begin in plain.items()}


def getter_of(begin: Callable[[Any], Any], steps: list[str | int]) -> Callable[[Any], Any]:
    """What gets the value behind `begin` along further steps."""
    return begin if not steps else lambda one: walked(begin(one), steps)


def shape(tree: dict[str, Any], names: dict[str, str], above: str, attributes: str = "") -> Any:
    """A struct that has the paths of `tree`; `names` gets by path the attributes that lead to it."""
    fields: list[Any] = []
    rename = {}
    for number, (part, below) in enumerate(tree.items()):
        attribute = f"f{number}"
        rename[attribute] = part
        path, chain = f"{above}{part}", f"{attributes}{attribute}"
        names[path] = chain
        if below:
            inner = shape(below, names, f"{path}.", f"{chain}.")
            fields.append((attribute, inner | None, msgspec.field(default_factory=inner)))
        else:
            fields.append((attribute, Any, None))
    return msgspec.defstruct("Path", fields, rename=rename, gc=False)


def steps_of(path: str) -> list[str | int]:
    """The names and places along a path."""
    return [int(at) if at else name for name, at in STEP.findall(path)]


def walked(one: Any, steps: list[str | int]) -> Any:
    """The value at a path, None where there is none."""
    for step in steps:
        if isinstance(step, int):
            one = one[step] if isinstance(one, list) and step < len(one) else None
        else:
            one = one.get(step) if isinstance(one, dict) else None
    return one
