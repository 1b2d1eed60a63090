"""Torn transactions: every committed transaction must have one head row in the state topic and the same offsets in the group's own topic."""

from __future__ import annotations

import asyncio
import struct
from collections import Counter, defaultdict

import msgspec

from schemas.raw import TOPICS
from streams.engine.state.store import HEAD_KEY, Head
from tests.broker.kafka import read_all

OFFSETS_TOPIC = "__consumer_offsets"
OFFSET_KEYS = (0, 1)
"""Versions of a key that names group, topic and partition."""
Place = tuple[str, int]


def text(data: bytes, at: int) -> tuple[str, int]:
    """A text with two bytes of length before it, and where it ends."""
    (size,) = struct.unpack_from(">h", data, at)
    return data[at + 2 : at + 2 + size].decode(), at + 2 + size


def committed_offsets(bootstrap: str, group: str) -> dict[Place, list[int]]:
    """All offsets that a group has committed to raw topics, in order, from the broker's own topic."""
    found: dict[Place, list[int]] = defaultdict(list)
    for record in asyncio.run(read_all(bootstrap, [OFFSETS_TOPIC])):
        if record.value is None or struct.unpack_from(">h", record.key)[0] not in OFFSET_KEYS:
            continue
        name, at = text(record.key, 2)
        topic, at = text(record.key, at)
        if name == group and topic in TOPICS:
            found[topic, struct.unpack_from(">i", record.key, at)[0]].append(struct.unpack_from(">q", record.value, 2)[0])
    return found


def head_offsets(bootstrap: str, changelog: str) -> dict[Place, list[int]]:
    """The offsets in all head rows of the state topic, in order."""
    found: dict[Place, list[int]] = defaultdict(list)
    for record in asyncio.run(read_all(bootstrap, [changelog])):
        if record.key == HEAD_KEY and record.value is not None:
            for topic, offset in msgspec.json.decode(record.value, type=Head).offsets.items():
                found[topic, record.partition].append(offset)
    return found


def torn(bootstrap: str, app: str, *, compacted: bool = False) -> int:
    """How many offsets were committed without their head row, or the other way round; of a compacted state topic only the last ones tell."""
    offsets, heads = committed_offsets(bootstrap, app), head_offsets(bootstrap, f"{app}.state")
    if compacted:
        return sum(heads[place][-1:] != offsets[place][-1:] for place in offsets.keys() | heads.keys())
    found = 0
    for place in offsets.keys() | heads.keys():
        ours, theirs = Counter(heads[place]), Counter(offsets[place])
        found += (ours - theirs).total() + (theirs - ours).total() or heads[place] != offsets[place]
    return found
