"""JSON tokens in kernels: what a plain record consists of. Everything else ends with -1, and msgspec reads that record."""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.engine.kernels import borrowing
from streams.intake.compiled.hashing import U, half, word

TEXT, WHOLE, TRUTH, NOTHING = 1, 2, 3, 4
"""Kinds of values."""
KIND, BEGIN, END, VALUE = 0, 1, 2, 3
"""Where the memo holds the last value: its kind, its bytes, and the number, the truth value, or how many characters the text has."""
DAY_LOW, DAY_HIGH, DAY = 4, 5, 6
"""Where it holds the date that was read last, as two numbers, and its day since 1970."""
GENERATION = 7
"""Where it holds the number of the record that is being read."""
MEMO = 8
MOST_DIGITS = 18
"""Every number of so many digits fits into 64 bits."""
QUOTE, COLON, COMMA, BACKSLASH, OPEN, CLOSE, MINUS, PLUS, ZERO, NINE, DEL = (ord(sign) for sign in '":,\\{}-+09\x7f')
TRUE, FALS, NULL = (U(int.from_bytes(literal, "little")) for literal in (b"true", b"fals", b"null"))
STEP = U(0x9E3779B97F4A7C15)
DIGIT_PAIR = 100
EACH, HIGH, BLANKS, QUOTES, SLASHES, DELS = (U(byte * 0x0101010101010101) for byte in (0x01, 0x80, 0x20, 0x22, 0x5C, 0x7F))
"""A byte, eight times."""
FIRST_BYTE = U(0x0001020304050607)


@borrowing("int64(uint8[::1], int64, int64)")
def past_blanks(buf: Any, i: int, n: int) -> int:
    """The first place from `i` on, before `n`, that is no blank of JSON; `n` where there is none."""
    while i < n and buf[U(i)] <= 32 and (buf[U(i)] == 32 or buf[U(i)] == 10 or buf[U(i)] == 13 or buf[U(i)] == 9):
        i += 1
    return i


@borrowing("int64(uint8[::1], int64, int64)")
def sequence(buf: Any, i: int, n: int) -> int:
    """The length of the UTF-8 sequence of several bytes at `i`; 0 where there is none."""
    first = np.int64(buf[U(i)])
    length = 2 if 0xC2 <= first <= 0xDF else 3 if 0xE0 <= first <= 0xEF else 4 if 0xF0 <= first <= 0xF4 else 0
    if length == 0 or i + length > n:
        return 0
    second = np.int64(buf[U(i + 1)])
    low, high = 0x80, 0xBF
    if first == 0xE0:
        low = 0xA0
    elif first == 0xED:
        high = 0x9F
    elif first == 0xF0:
        low = 0x90
    elif first == 0xF4:
        high = 0x8F
    if second < low or second > high:
        return 0
    for at in range(i + 2, i + length):
        if buf[U(at)] & 0xC0 != 0x80:
            return 0
    return length


@borrowing("int64(uint8[::1], int64)")
def plain_end(buf: Any, i: int) -> Any:
    """The first place from `i` on of a quote, a backslash, a control character or a byte beyond ASCII: eight bytes at a time."""
    while True:
        w = word(buf, i)
        q, s, d = w ^ QUOTES, w ^ SLASHES, w ^ DELS
        special = (((q - EACH) & ~q) | ((s - EACH) & ~s) | ((d - EACH) & ~d) | ((w - BLANKS) & ~w) | w) & HIGH  # the lowest one is right, others may not be
        if special != U(0):
            return i + np.int64(((special & (~special + U(1))) >> U(7)) * FIRST_BYTE >> U(56))
        i += 8


@borrowing("int64(uint8[::1], int64, int64, int64[::1])")
def value_end(buf: Any, i: int, n: int, memo: Any) -> int:
    """Read the text without escapes, whole number, truth value or null at `i`. Returns the place behind it, -1 for anything else."""
    if i >= n:
        return -1
    c = buf[U(i)]
    if c == QUOTE:
        i += 1
        begin, more = i, 0
        while i < n:
            c = buf[U(i)]
            if c == QUOTE:
                break
            if c < 32 or c >= DEL or c == BACKSLASH:
                length = sequence(buf, i, n) if c > DEL else 0
                if length == 0:
                    return -1
                more += length - 1
                i += length
            else:
                i += 1
        if i >= n:
            return -1
        memo[KIND], memo[BEGIN], memo[END], memo[VALUE] = TEXT, begin, i, i - begin - more
        return i + 1
    if ZERO <= c <= NINE or c == MINUS:
        negative = c == MINUS
        if negative:
            i += 1
        begin = i
        number: Any = 0
        while i < n and ZERO <= buf[U(i)] <= NINE and i - begin <= MOST_DIGITS:
            number = number * 10 + (np.int64(buf[U(i)]) - ZERO)
            i += 1
        if i == begin or i - begin > MOST_DIGITS or (buf[U(begin)] == ZERO and (i - begin > 1 or negative)):
            return -1
        memo[KIND], memo[VALUE] = WHOLE, -number if negative else number
        return i
    if i + 4 > n:
        return -1
    letters = half(buf, i)
    if letters == NULL:
        memo[KIND] = NOTHING
        return i + 4
    memo[KIND] = TRUTH
    if letters == TRUE:
        memo[VALUE] = 1
        return i + 4
    memo[VALUE] = 0
    return i + 5 if letters == FALS and i + 5 <= n and buf[U(i + 4)] == ord("e") else -1


@borrowing("boolean(uint8[::1], int64, int64, uint64[:,::1], uint64[:,::1], int64[::1], int64)")
def is_word(buf: Any, i: int, n: int, words: Any, masks: Any, lengths: Any, number: int) -> bool:
    """Whether the text from `i` on is word `number`, with the quote behind it."""
    left = lengths[number] + 1
    if i + left > n:
        return False
    part = 0
    while left > 0:
        if (word(buf, i + 8 * part) ^ words[number, part]) & masks[number, part] != U(0):
            return False
        part += 1
        left -= 8
    return True


@borrowing("int64(uint64, int64, int64)")
def name_slot(first: Any, length: int, slots: int) -> Any:
    """Where the search for a name begins, by its first eight bytes and its length; `slots`: a power of two."""
    return np.int64(((first ^ U(length)) * STEP) >> U(40)) & (slots - 1)


@borrowing("int64(uint8[::1], int64, int64, uint64[:,::1], uint64[:,::1], int64[::1], int64[::1], int64[::1])")
def name_number(buf: Any, i: int, n: int, words: Any, masks: Any, lengths: Any, slots: Any, memo: Any) -> int:
    """The number of the name from `i` on; -1 where it is unknown, -2 where it is not plain. The memo holds its end."""
    end = i
    while end < n and buf[U(end)] != QUOTE:
        if buf[U(end)] < 32 or buf[U(end)] >= DEL or buf[U(end)] == BACKSLASH:
            return -2
        end += 1
    if end >= n:
        return -2
    memo[END] = end
    length = end - i
    first = word(buf, i)
    if length < 8:
        first &= (U(1) << U(8 * length)) - U(1)
    at = name_slot(first, length, len(slots))
    while slots[at] >= 0:
        if lengths[slots[at]] == length and is_word(buf, i, n, words, masks, lengths, slots[at]):
            return slots[at]
        at = (at + 1) & (len(slots) - 1)
    return -1


@borrowing("int64(uint8[::1], int64)")
def pair(buf: Any, i: int) -> Any:
    """The number of the two digits at `i`; at least 1,000 where they are none."""
    tens, ones = np.int64(buf[U(i)]) - ZERO, np.int64(buf[U(i + 1)]) - ZERO
    return tens * 10 + ones if 0 <= tens <= 9 and 0 <= ones <= 9 else 1000


@borrowing("int64(uint8[::1], int64, int64[::1])")
def day_at(buf: Any, i: int, memo: Any) -> int:
    """Days since 1970 of the date YYYY-MM-DD at `i`, from year 1 on; -2**63 where it is none. The last one is remembered."""
    low, high = np.int64(word(buf, i)), np.int64(half(buf, i + 6))
    if memo[DAY_LOW] == low and memo[DAY_HIGH] == high:
        return memo[DAY]
    century, year, month, day = pair(buf, i), pair(buf, i + 2), pair(buf, i + 5), pair(buf, i + 8)
    if century >= DIGIT_PAIR or year >= DIGIT_PAIR or month < 1 or month > 12 or day < 1 or buf[U(i + 4)] != MINUS or buf[U(i + 7)] != MINUS:
        return -(2**63)
    year += 100 * century
    last = 30 + ((month + (month > 7)) & 1)
    if month == 2:
        last = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    if day > last or year < 1:
        return -(2**63)
    shifted = year - 1 if month <= 2 else year  # as in `times.civil_days`
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    memo[DAY_LOW], memo[DAY_HIGH] = low, high
    memo[DAY] = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
    return memo[DAY]


@borrowing("int64(uint8[::1], int64, int64, int64[::1])")
def moment(buf: Any, i: int, end: int, memo: Any) -> int:
    """Epoch ms of the RFC 3339 time from `i` to `end`, as `times.rfc3339_ms` reads it; -2**63 where it is none."""
    none = -(2**63)
    if end - i < 20:
        return none
    day = day_at(buf, i, memo)
    separator = buf[U(i + 10)]
    hour, minute, second = pair(buf, i + 11), pair(buf, i + 14), pair(buf, i + 17)
    if day == none or not (separator == ord("T") or separator == ord("t") or separator == 32):
        return none
    if hour > 23 or minute > 59 or second > 60 or buf[U(i + 13)] != COLON or buf[U(i + 16)] != COLON:
        return none
    i += 19
    millis: Any = 0
    weight = 100
    if buf[U(i)] == ord("."):
        first = i + 1
        i = first
        while i < end and ZERO <= buf[U(i)] <= NINE:
            millis += (np.int64(buf[U(i)]) - ZERO) * weight
            weight //= 10
            i += 1
        if i == first:
            return none
    if i >= end:
        return none
    if second == 60:
        second, millis = 59, 999
    offset = 0
    sign = buf[U(i)]
    if sign in (PLUS, MINUS):
        colon = 1 if i + 6 == end and buf[U(i + 3)] == COLON else 0
        if i + 5 + colon != end:
            return none
        hours, minutes = pair(buf, i + 1), pair(buf, i + 3 + colon)
        if hours > 23 or minutes > 59:
            return none
        offset = hours * 60 + minutes if sign == PLUS else -(hours * 60 + minutes)
    elif not ((sign == ord("Z") or sign == ord("z")) and i + 1 == end):
        return none
    return day * 86_400_000 + (hour * 3600 + minute * 60 + second) * 1000 + millis - offset * 60_000
