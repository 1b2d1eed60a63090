"""Keys of rows in one arena: read back as they were given, whatever the table, the order and the values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codes import code
from streams.engine.state.keys import decimal_length, write_decimal
from streams.engine.state.packing import ByteStrings
from streams.engine.state.tables import Table

SEPARATOR = "\x1f"
LEAST, MOST = -(2**63), 2**63 - 1
names = st.text(st.characters(min_codepoint=33, exclude_categories=["Cs"]), min_size=1, max_size=20)
codes = st.integers(LEAST, MOST)


@pytest.mark.parametrize("value", [0, 1, -1, 9, 10, -9, -10, 99, 100, 10**18, -(10**18), 10**18 - 1, 1 - 10**18, LEAST, LEAST + 1, MOST])
def test_a_number_is_written_as_python_writes_it(value):
    text = str(value).encode()
    out = np.zeros(30, np.uint8)
    write_decimal(value, 25, out)
    assert decimal_length(value) == len(text)
    assert out.tobytes() == bytes(25 - len(text)) + text + bytes(5)


@given(st.lists(st.lists(names, max_size=12), max_size=6), st.data())
def test_keys_of_a_base_are_read_back(batches, data):
    table, known = Table("customer", 1), {}
    for batch in batches:
        rows = table.rows_of_ids(np.array([[code(name)] for name in batch], np.int64).reshape(-1, 1), None)
        known |= dict(zip(rows.tolist(), batch, strict=True))
    wanted = data.draw(st.lists(st.sampled_from(sorted(known)), max_size=20)) if known else []
    rows = np.array(wanted, np.int32)
    assert table.key_texts(rows) == [known[row] for row in wanted] == [table.key_text(row) for row in wanted]
    assert table.key_strings(rows, b"customer.D\x1e").listed() == [f"customer.D\x1e{known[row]}".encode() for row in wanted]
    assert sorted(table.all_keys()) == sorted(known.values())


@given(st.lists(st.tuples(names, names, codes, codes), min_size=1, max_size=20), st.lists(st.integers(0, 2**40), min_size=20, max_size=20))
def test_keys_of_a_finer_table_are_built_from_its_base_and_its_values(entries, numbers):
    customers, lines = Table("customer", 1), Table("line", 2)
    table = Table("line(a, b)", 3, lines)
    own = customers.rows_of_ids(np.array([[code(customer)] for customer, *_ in entries], np.int64), None)
    base = lines.rows_of_ids(np.array([[code(customer), code(line)] for customer, line, *_ in entries], np.int64), own)
    values = np.array([[first, second] for *_, first, second in entries], np.int64)
    rows = table.rows_within(base, [values[:, 0], values[:, 1]], np.zeros(len(entries), np.int64))
    wanted = [SEPARATOR.join([customer, line, str(first), str(second)]) for customer, line, first, second in entries]
    assert table.key_texts(rows) == wanted
    keys = table.key_strings(rows, b"p\x1e", np.array(numbers[: len(rows)], np.int64)).listed()
    assert keys == [f"p\x1e{key}{SEPARATOR}{number}".encode() for key, number in zip(wanted, numbers, strict=False)]

    again = Table("customer", 1)
    restored = Table("line(a, b)", 3, Table("line", 2))
    assert restored.key_texts(restored.restore_rows(ByteStrings.of([key.encode() for key in wanted]), again)) == wanted
    assert sorted(again.all_keys()) == sorted(set(customers.all_keys()))


def test_keys_of_freed_rows_are_noted_and_the_rows_pass_to_other_keys():
    lines = Table("line", 1)
    table = Table("line(a)", 2, lines)
    base = lines.rows_of_ids(np.array([[code("L1")], [code("L2")]], np.int64), None)
    rows = table.rows_within(base, [np.array([7, 8], np.int64)], np.array([1, 1], np.int64))
    table.release(rows[:1])
    assert table.dropped_keys(b"line(a).D\x1e").listed() == [b"line(a).D\x1eL1\x1f7"]
    assert table.rows_within(base[1:], [np.array([-9], np.int64)], np.array([1], np.int64)).tolist() == rows[:1].tolist()
    assert table.all_keys() == ["L2\x1f-9", "L2\x1f8"]


def test_a_key_takes_little_more_than_its_bytes_and_eight():
    table = Table("customer", 1)
    for begin in range(0, 100_000, 10_000):
        table.rows_of_ids(np.array([[code(f"C{number:09}")] for number in range(begin, begin + 10_000)], np.int64), None)
    held = table.keys.places.nbytes + table.keys.arena.nbytes
    assert held <= 1.13 * (10 + 8) * 100_000 + 4096
