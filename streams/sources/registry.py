"""A schema registry (the HTTP interface of Confluent's, which Apicurio and Karapace have too): schemas by the id before a message."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from streams.sources.rows import SourceFault

MAGIC = 0
TIMEOUT_S = 10


class Registry:
    """The schemas of a registry; each is fetched once."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.schemas: dict[int, Any] = {}

    def schema(self, number: int) -> Any:
        """The schema with an id, as its JSON. Raises SourceFault."""
        if number not in self.schemas:
            address = f"{self.url}/schemas/ids/{number}"
            try:
                with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer:  # noqa: S310  # the mapping's checks let http and https through alone
                    self.schemas[number] = json.loads(json.loads(answer.read())["schema"])
            except urllib.error.HTTPError as error:
                raise SourceFault(f"registry: wanted schema {number} at {address}, got status {error.code}: is it the registry of this topic?") from error
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise SourceFault(f"registry: wanted schema {number} at {address}, got {type(error).__name__}: is the registry up, and its address right?") from error
        return self.schemas[number]


def framed(value: bytes) -> tuple[int, bytes]:
    """The id of a message's schema, and the message. Raises ValueError."""
    if len(value) < 5 or value[0] != MAGIC:
        raise ValueError
    return int.from_bytes(value[1:5], "big"), value[5:]


def without_indexes(message: bytes) -> bytes:
    """A Protobuf message without the places of its type in the schema, which stand before it as zigzag varints. Raises ValueError."""
    count, at = varint(message, 0)
    for _ in range(count >> 1):
        _, at = varint(message, at)
    return message[at:]


def varint(message: bytes, at: int) -> tuple[int, int]:
    """A varint, and where it ends. Raises ValueError."""
    number = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
    raise ValueError
