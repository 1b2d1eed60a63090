"""What the changelog gets of changed rows, written row by row in plain Python: the oracle of the compiled way."""

from __future__ import annotations

import struct

import numpy as np

from schemas.codes import text_of
from streams.engine.remembered import RememberedIds
from streams.engine.state.buckets import Buckets
from streams.engine.state.chains import Chains
from streams.engine.state.lists import Lists
from streams.engine.state.touched import TouchedRows

BLOCK = 16
"""Ids of a stored block."""


def rows_of(state):
    """The records of all changed rows of a state: keys and values, before anything of them is taken. By home, what it brings."""
    found = {}
    for table in state.tables.values():
        name_of = names(table)
        own = found.setdefault("dropped", {})
        for base, values in table.dropped:
            for row, codes in zip(base.tolist(), values.tolist(), strict=True):
                key = "\x1f".join([names(table.base or table)(row), *map(str, codes)])
                own |= {f"{home}\x1e{key}".encode(): None for home in (*table.parts, *(one.part_name for one in table.followers))}
        for part in table.parts.values():
            values = {row: part_value(part, row) for row in np.flatnonzero(part.dirty).tolist()}
            found.setdefault("part with texts" if part.texts else "part", {}).update(keyed(part.name, name_of, values))
        for one in table.followers:
            values = {row: VALUES[type(one)](one, row) for row in np.flatnonzero(one.dirty).tolist()}
            found.setdefault(type(one).__name__, {}).update(
                keyed(one.part_name, name_of, {row: one.layout().fingerprint + value if value else None for row, value in values.items()})
            )
        for blocks in table.blocks:
            assert isinstance(blocks, RememberedIds)
            found.setdefault("ids", {}).update({f"{blocks.part_name}\x1e{name_of(row)}\x1f{number}".encode(): value for row, number, value in ids(blocks)})
    return found


def names(table):
    """What gives the key of a row: from the codes that find it, and the texts behind them."""
    if isinstance(table, TouchedRows):
        of_base, base_row = names(table.base), table.base_row
        return lambda row: of_base(int(base_row[row]))
    by_row = {row: table.map.keys[row].tolist() for row in np.flatnonzero(table.live()).tolist()}
    if table.base is not None:
        of_base = names(table.base)
        return lambda row: "\x1f".join([of_base(by_row[row][0]), *map(str, by_row[row][1:])])
    return lambda row: "\x1f".join(text_of(code) for code in by_row[row])


def keyed(name, name_of, values):
    return {f"{name}\x1e{name_of(row)}".encode(): value for row, value in values.items()}


def part_value(part, row):
    body = part.array[row].tobytes() if part.columns else b""
    texts = [texts[row] for texts in part.texts.values()]
    return part.layout.fingerprint + body + b"".join(struct.pack("<H", len(text)) + text for text in texts) if any(body) or any(texts) else None


def list_value(lists, row):
    begin = int(lists.start[row]) + int(lists.head[row])
    places = range(begin, begin + int(lists.held[row]))
    return b"".join(struct.pack(f"<{1 + len(lists.values)}q", lists.times[at], *(column[at] for column in lists.values)) for at in places)


def chain_value(chains, row):
    nodes, node = [], int(chains.lists[row, 0])
    while node and node not in nodes:
        nodes.append(node)
        node = int(chains.links[node, 0])
    texts = [chains.texts[node] for node in nodes] if chains.text_name is not None else []
    numbers = b"".join(struct.pack(f"<{len(chains.columns)}q", *chains.values[node].tolist()) for node in nodes)
    return struct.pack("<H", len(nodes)) + numbers + b"".join(struct.pack("<H", len(text)) + text for text in texts) if nodes else b""


def bucket_value(buckets, row):
    head, entry, group = (int(buckets.form[at]) for at in range(3))
    if buckets.kinds[row] < 0:
        return b""
    arena, at = buckets.arena.tolist(), int(buckets.slot[row])
    days = arena[at + 1] % 2**20
    words = [arena[at], arena[at + 1] >> 20, days]
    for day in range(days):
        begin = at + head + day * entry
        words += arena[begin : begin + len(buckets.columns)]
        if group:
            count, block = arena[begin + entry - 2] >> 8, arena[begin + entry - 1]
            words += [count, *arena[block : block + count * group]]
    return struct.pack(f"<{len(words)}q", *words)


VALUES = {Lists: list_value, Chains: chain_value, Buckets: bucket_value}


def ids(blocks):
    """Row, number and value of the blocks that have other ids than when the changes were last taken."""
    layout = blocks.layout()
    for row, first_before, following_before in blocks.log[: blocks.pools[-1]].tolist():
        place, first, following = blocks.lists[row].tolist()
        begin, size = place >> 6, int(blocks.sizes[place & 63])
        now = {number // BLOCK for number in range(first, following)}
        yield from ((row, number, None) for number in {number // BLOCK for number in range(first_before, following_before)} - now)
        for block in now:
            numbers = range(max(first, block * BLOCK), min(following, (block + 1) * BLOCK))
            if numbers.stop > following_before:
                slots = [begin + number % size for number in numbers]
                yield row, block, layout.fingerprint + b"".join(struct.pack("<qIH", blocks.marks[at], blocks.seconds[at], blocks.contents[at]) for at in slots)
