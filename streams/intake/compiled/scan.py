"""The pass over a run: record after record to tokens by name, and from these to columns by type."""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.engine.kernels import borrowing
from streams.intake.compiled.hashing import U, code_bits, xxh3
from streams.intake.compiled.tokens import (
    BEGIN,
    CLOSE,
    COLON,
    COMMA,
    END,
    GENERATION,
    KIND,
    NOTHING,
    OPEN,
    QUOTE,
    TEXT,
    TRUTH,
    VALUE,
    WHOLE,
    day_at,
    is_word,
    moment,
    past_blanks,
    plain_end,
    value_end,
)
from streams.intake.compiled.tokens import name_number as number_of_name

RECORD_TYPE, CUSTOMER, SOURCE, RECORD = 0, 1, 2, 3
"""The first names of every topic."""
SEEN = 0
"""Of a token: the generation in which it was read; then KIND, BEGIN, END and VALUE, each one further."""
NAME, READ, LEAST, MOST, OPTIONAL, NULLABLE, MISSING, NONE, COLUMN, LABELS, LABELS_END, FORM, NAMING = range(13)
"""Of a field: the number of its name; how it is read; its bounds; whether it may be missing, or null; its value then; its column, -1 where nothing reads it;
where its labels are; the form of its texts; its place in IDENTITY, -1 where it is not there."""
INT, BOOL, PLAIN_TEXT, ENUM, TIME, DATE, OTHER = range(7)
"""How a field is read; OTHER: by msgspec, unless it is missing or null."""
ANY_FORM, E164, NOT_16_DIGITS = range(3)
"""Forms of texts that no repair changes. What is no E.164 number becomes null; 16 digits are for msgspec."""
FIRST_FIELD, FIELDS_END, FIRST_COLUMN = range(3)
"""Of a record type."""
IDENTITY = ("source_system", "record_id", "customer_id", "account_id", "subscription_id", "msisdn")
"""The texts that say which record it is, and who it is about."""
GIVEN, NULLED, ID_HASH, NAMED = range(4)
"""The first columns of a type: which of its fields have a value, as bits; how many texts became null; the hash of its id; and from NAMED on where the texts
of IDENTITY are in the value, -1 for none."""
OTHERS = NAMED + len(IDENTITY)
"""How many these are."""
BLOCK = 1024
"""Records that are read together, a power of two: their bytes stay in the processor's cache."""
LENGTH_BITS = 12
"""The place of a text is its first byte, with its length in the lowest bits."""
MOST_ID = 2048


@borrowing("int64(uint8[::1], int64, int64, uint64[:,::1], uint64[:,::1], int64[::1], int64[::1], int64[:,::1], int64[:,::1], int64[::1])")
def tokenise(buf: Any, i: int, n: int, words: Any, masks: Any, lengths: Any, slots: Any, follow: Any, tokens: Any, memo: Any) -> int:
    """Read the fields of the record from `i` to `n`. Returns the number of its type; -1 where it is not plain.

    `follow`: by type (0: not known yet) and name (the last: none yet), the name that came next the last time.
    """
    generation = memo[GENERATION] + 1
    memo[GENERATION] = generation
    kind, last, names = -1, len(tokens), len(tokens)
    i = past_blanks(buf, i, n)
    if i >= n or buf[U(i)] != OPEN:
        return -1
    while True:
        i = past_blanks(buf, i + 1, n) + 1
        if i > n or buf[U(i - 1)] != QUOTE:
            return -1
        number = follow[kind + 1, last]
        if number >= 0 and is_word(buf, i, n, words, masks, lengths, number):
            i += lengths[number] + 1
        else:
            number = number_of_name(buf, i, n, words, masks, lengths, slots, memo)
            if number == -2:
                return -1
            i = memo[END] + 1
            if number >= 0:
                follow[kind + 1, last] = number
        i = past_blanks(buf, i, n)
        if i >= n or buf[U(i)] != COLON:
            return -1
        begin = past_blanks(buf, i + 1, n) + 1
        end = plain_end(buf, begin) if begin <= n and buf[U(begin - 1)] == QUOTE else n
        if end < n and buf[U(end)] == QUOTE:
            i, form, value = end + 1, TEXT, end - begin
        else:
            i = value_end(buf, begin - 1, n, memo)
            if i < 0:
                return -1
            begin, end, form, value = memo[BEGIN], memo[END], memo[KIND], memo[VALUE]
        if number >= 0:
            if tokens[number, SEEN] == generation:
                return -1
            tokens[number, SEEN], tokens[number, 1 + KIND] = generation, form
            tokens[number, 1 + BEGIN], tokens[number, 1 + END], tokens[number, 1 + VALUE] = begin, end, value
            last = number
            if number == RECORD_TYPE:
                if form != TEXT:
                    return -1
                for one in range(len(lengths) - names):
                    if is_word(buf, begin, n, words, masks, lengths, names + one):
                        kind = one
        i = past_blanks(buf, i, n)
        if i >= n:
            return -1
        if buf[U(i)] == CLOSE:
            return kind if past_blanks(buf, i + 1, n) == n else -1
        if buf[U(i)] != COMMA:
            return -1


@borrowing("int64(uint8[::1], int64, int64, int64)")
def in_form(buf: Any, begin: int, end: int, form: int) -> int:
    """1 where a text is of a form, 0 where it is not."""
    first = begin + 1 if form == E164 else begin
    digits = end - first
    all_digits = True
    for at in range(first, end):
        all_digits &= 48 <= buf[U(at)] <= 57
    if form == NOT_16_DIGITS:
        return 0 if all_digits and digits == 16 else 1
    return 1 if all_digits and 5 <= digits <= 15 and buf[U(begin)] == 43 and buf[U(first)] != 48 else 0


@borrowing("boolean(uint8[::1], int64, int64, int64, int64, int64, int64[:,::1], int64[::1], int64[:,::1], int64[:,::1], int64[:,::1], int64[::1], uint64[::1])")
def placed(buf: Any, start: int, slot: int, first: int, last: int, base: int, fields: Any, labels: Any, tokens: Any, out: Any, spans: Any, memo: Any, lanes: Any) -> bool:  # noqa: PLR0915  # one pass over the fields
    """Check the fields of the record from `start` on, from `first` to `last`, and set its columns at `slot`, and where its texts are. False where one is not plain, or wrong."""
    given, nulled = 0, 0
    for f in range(first, last):
        name, read, column = fields[f, NAME], fields[f, READ], fields[f, COLUMN]
        kind, value = tokens[name, 1 + KIND], tokens[name, 1 + VALUE]
        begin, end, named = tokens[name, 1 + BEGIN], tokens[name, 1 + END], fields[f, NAMING]
        if named >= 0:
            out[base + NAMED + named, slot] = -1
        if tokens[name, SEEN] != memo[GENERATION]:
            if fields[f, OPTIONAL] == 0:
                return False
            value = fields[f, MISSING]
            if column >= 0:
                spans[column, slot & (BLOCK - 1)] = 0
            if value == fields[f, NONE] and fields[f, NULLABLE] == 1:
                given -= 1 << (f - first)
        elif kind == NOTHING:
            if fields[f, NULLABLE] == 0:
                return False
            value = fields[f, NONE]
            given -= 1 << (f - first)
        elif read == PLAIN_TEXT:
            if kind != TEXT or value < fields[f, LEAST] or value > fields[f, MOST]:
                return False
            form = fields[f, FORM]
            if form != ANY_FORM and in_form(buf, begin, end, form) == 0:
                if form != E164:
                    return False
                value = fields[f, NONE]
                nulled += 1
                given -= 1 << (f - first)
                named = -1
            elif column >= 0:
                value = np.int64(code_bits(buf, begin, end - begin, lanes))
                spans[column, slot & (BLOCK - 1)] = (begin << LENGTH_BITS) | (end - begin)
            if named >= 0:
                out[base + NAMED + named, slot] = ((begin - start) << LENGTH_BITS) | (end - begin)
        elif read == INT:
            if kind != WHOLE or value < fields[f, LEAST] or value > fields[f, MOST]:
                return False
        elif read == ENUM:
            if kind != TEXT:
                return False
            value = np.int64(code_bits(buf, begin, end - begin, lanes))
            at = fields[f, LABELS]
            while at < fields[f, LABELS_END] and labels[at] != value:
                at += 1
            if at == fields[f, LABELS_END]:
                return False
        elif read == TIME:
            if kind == TEXT:
                value = moment(buf, begin, end, memo)
            elif kind != WHOLE:
                return False
            if value < fields[f, LEAST] or value > fields[f, MOST]:
                return False
        elif read == BOOL:
            if kind != TRUTH:
                return False
        else:
            if read != DATE or kind != TEXT or end - begin != 10:
                return False
            value = day_at(buf, begin, memo)
            if value < fields[f, LEAST] or value > fields[f, MOST]:
                return False
        if column >= 0:
            out[column, slot] = value
        given += 1 << (f - first)
    out[base + GIVEN, slot], out[base + NULLED, slot] = given, nulled
    return True


@borrowing("int64(uint8[::1], int64[:,::1], uint8[::1], uint64[::1])")
def id_hash(buf: Any, tokens: Any, scratch: Any, lanes: Any) -> Any:
    """The hash of a record's source system and id."""
    n = 0
    for name in (SOURCE, RECORD):
        for at in range(tokens[name, 1 + BEGIN], tokens[name, 1 + END]):
            scratch[U(n)] = buf[U(at)]
            n += 1
        scratch[U(n)] = 0
        n += 1
    return np.int64(xxh3(scratch, 0, n - 1, lanes))


@borrowing("boolean(uint8[::1], int64, int64, int64, int64)")
def same_bytes(buf: Any, begin: int, end: int, other: int, other_end: int) -> bool:
    """Whether two pieces have the same bytes."""
    if end - begin != other_end - other:
        return False
    for step in range(end - begin):  # noqa: SIM110  # a kernel has no generators
        if buf[U(begin + step)] != buf[U(other + step)]:
            return False
    return True


@borrowing(
    "void(int64, uint8[::1], int64[::1], int64[::1], int64[::1], int64[::1], uint64[:,::1], uint64[:,::1], int64[::1], int64[::1], int64[:,::1], int64[:,::1],"
    "int64[:,::1], int64[::1], int64[:,::1], int64[::1], uint8[::1], uint64[::1], int64[::1], int64[::1], int64[:,::1], int64[:,::1], int64[::1])"
)
def scan(
    most_bytes: int, buf: Any, begin: Any, end: Any, key_begin: Any, key_end: Any,
    words: Any, masks: Any, lengths: Any, slots: Any, types: Any, fields: Any, follow: Any, labels: Any,
    tokens: Any, memo: Any, scratch: Any, lanes: Any,
    kinds: Any, counts: Any, out: Any, spans: Any, content: Any,
) -> None:  # fmt: skip
    """Read records one after the other. A key that is null ends before it begins.

    `kinds`: the number of each record's type, -1 for those that msgspec must read. `counts`: how many of a type are in `out` [column, record of the type].
    `spans` [column, record of the type modulo BLOCK]: where texts are in `buf`, 0 for those that are not there. `content`: the hashes of the values.
    """
    for r in range(len(begin)):
        kinds[r] = -1
        if end[r] - begin[r] > most_bytes:
            continue
        kind = tokenise(buf, begin[r], end[r], words, masks, lengths, slots, follow, tokens, memo)
        if kind < 0:
            continue
        base = types[kind, FIRST_COLUMN]
        if (
            tokens[CUSTOMER, SEEN] == memo[GENERATION]
            and tokens[CUSTOMER, 1 + KIND] == TEXT
            and same_bytes(buf, tokens[CUSTOMER, 1 + BEGIN], tokens[CUSTOMER, 1 + END], key_begin[r], key_end[r])
            and placed(buf, begin[r], counts[kind], types[kind, FIRST_FIELD], types[kind, FIELDS_END], base, fields, labels, tokens, out, spans, memo, lanes)
        ):
            out[base + ID_HASH, counts[kind]] = id_hash(buf, tokens, scratch, lanes)
            content[r] = np.int64(xxh3(buf, begin[r], end[r] - begin[r], lanes))
            kinds[r] = kind
            counts[kind] += 1
