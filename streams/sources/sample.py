"""The first rows of a file nobody has described: its format, its columns, and what their values look like."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from streams.sources.checks import word
from streams.sources.clock import EPOCHS, TimeReader
from streams.sources.files import opened
from streams.sources.rows import SourceFault, cleaned
from streams.sources.values import BAD, text

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["time", "number", "amount", "phone", "words", "text", "nothing"]
ROWS = 2_000
MOST_WORDS = 12
FORMATS = (
    "iso",
    *(
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M",
        "%d/%m/%Y %H:%M:%S",
        "%m/%d/%Y %H:%M:%S",
        "%d/%m/%Y %H:%M",
        "%m/%d/%Y %H:%M",
        "%d.%m.%Y %H:%M:%S",
        "%d.%m.%Y %H:%M",
        "%d-%m-%Y %H:%M:%S",
    ),
    *("%Y/%m/%d %H:%M:%S", "%Y%m%d%H%M%S", "%Y%m%d %H%M%S", "%d-%b-%y %I:%M:%S %p", "%d %b %Y %H:%M:%S", "%b %d %Y %H:%M:%S"),
    *("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d", "%d-%b-%y", "%H:%M:%S", "%H:%M", "%I:%M:%S %p"),
)
CLOCKS = frozenset(("%H:%M:%S", "%H:%M", "%I:%M:%S %p"))
"""Formats of a time of day alone: a day is in another column."""
NUMBER = re.compile(r"[+-]?[0-9]+")
AMOUNT = re.compile(r"[+-]?[0-9]*[.,][0-9]+|[+-]?[0-9]+[.,]?|[+-]?[0-9]{1,3}([.,' ])[0-9]{3}(\1[0-9]{3})*([.,][0-9]+)?")
COMMA = re.compile(r"[+-]?[0-9.' ]*,(?:[0-9]{1,2}|[0-9]{4,})|[+-]?[0-9]{1,3}(?:[.' ][0-9]{3})+,[0-9]+")
"""An amount whose decimals stand behind a comma. With three figures behind it a comma may be that of thousands."""
POINT = re.compile(r"[+-]?[0-9,' ]*\.(?:[0-9]{1,2}|[0-9]{4,})|[+-]?[0-9]{1,3}(?:[,' ][0-9]{3})+\.[0-9]+")
PARTED = re.compile(r"[+-]?[0-9]{1,3}([.,' ])[0-9]{3}(?![0-9])")
ODD = 0.02
"""The share of values that need not look like the others: broken rows, which the mapping then refuses."""
PHONE = re.compile(r"(?:\+|00)?[0-9][0-9 ()-]{6,17}")
PHONES = re.compile(r"(?i)msisdn|phone|caller|calle[de]|src|dst|party|subscriber")
CENTURY = {"epoch s": (946_684_800, 4_102_444_800), "epoch ms": (946_684_800_000, 4_102_444_800_000)}


class Column(NamedTuple):
    """A column of a sample: what its values look like."""

    name: str
    kind: Kind
    formats: tuple[str, ...]
    """Time formats that fit all values, the likeliest first."""
    words: tuple[str, ...]
    """Its different values, where they are few."""
    empty: int
    example: str
    distinct: bool
    """Whether no value comes twice, but in rows that are alike in all columns: those were delivered twice."""


class Sample(NamedTuple):
    """A sample of a file."""

    path: str
    format: str
    keys: dict[str, Any]
    """What the mapping says of the format."""
    columns: list[Column]
    rows: int
    kind: str | None = None
    """The column that seems to say what a row is: which others are filled goes by it."""
    kinds: Counter[str] = Counter()
    """Its words, and how many rows have each."""


def sample_of(path: str) -> Sample:
    """The sample of a file. Raises SourceFault where its format is not recognised."""
    with opened(path) as file:
        head = file.stream.peek(4096)[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
        if head.startswith(b"Obj\x01"):
            return avro_sample(path, file)
        read = list(islice(file.stream, ROWS + 1))
    encoding, whole = encoding_of(read), bool(read) and read[-1].endswith(b"\n")
    lines = [line.decode(encoding, "replace").rstrip("\r\n") for line in read]
    if lines:
        lines[0] = lines[0].removeprefix("\ufeff")
    lines = [line for line in lines if line.strip()]
    if not lines or "\0" in lines[0]:
        raise SourceFault(f"{path}: wanted CSV, JSON (one object a line), fixed width or Avro, got {'an empty file' if not lines else 'another format'}: unpack or export it so")
    if head.startswith(b"{"):
        return json_sample(path, lines)
    sample = table_sample(path, lines if whole or len(lines) < 3 else lines[:-1])
    return sample._replace(keys=sample.keys | ({} if encoding == "utf-8" else {"encoding": encoding}))


def encoding_of(lines: list[bytes]) -> str:
    """The encoding of a sample: that of Windows where it is no UTF-8."""
    try:
        b"".join(lines).decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def column_of(name: str, values: Iterable[Any]) -> Column:
    """What the values of a column look like."""
    given = [one for one in cleaned(list(values), frozenset(("",))) if one is not None]
    texts = [text(one) if not isinstance(one, (list, dict)) else json.dumps(one) for one in given]
    count, distinct = len(texts), len(set(texts))
    kind: Kind = "text"
    formats: tuple[str, ...] = ()
    words = tuple(sorted(set(texts))) if distinct <= MOST_WORDS else ()
    if not texts:
        kind = "nothing"
    elif all(isinstance(one, (datetime, date)) for one in given):
        kind, formats = "time", ("iso",)
    elif formats := tuple(form for form in (*CENTURY, *FORMATS) if all_times(name, form, texts)):
        kind = "time"
    elif all(PHONE.fullmatch(one) and len(re.sub("[^0-9]", "", one)) >= 7 for one in texts) and (distinct > 1 or texts[0].startswith(("+", "00"))) and phone_like(name, texts):
        kind = "phone"
    elif mostly(map(NUMBER.fullmatch, texts), count):
        kind = "number"
    elif mostly(map(AMOUNT.fullmatch, texts), count):
        kind = "amount"
    elif words and (distinct < count or count == 1):
        kind = "words"
    return Column(name, kind, formats, words, 0, texts[0] if texts else "", distinct == count)


def mostly(fitting: Iterable[object], count: int) -> bool:
    """Whether all values fit but a few, as those of broken rows."""
    return sum(not one for one in fitting) <= ODD * count


def phone_like(name: str, texts: list[str]) -> bool:
    """Whether figures are a telephone number: by the column's name, a sign, or leading zeros."""
    return bool(PHONES.search(name)) or any(one.startswith(("+", "0")) for one in texts)


def all_times(name: str, form: str, texts: list[str]) -> bool:
    """Whether all values are times of a format."""
    if form in EPOCHS:
        least, most = CENTURY[form]
        return not PHONES.search(name) and all(re.fullmatch(r"[0-9]+(\.[0-9]+)?", one) and least <= float(one) <= most for one in texts)
    if mostly((AMOUNT.fullmatch(one) and not one.isdecimal() for one in texts), len(texts)):
        return False
    if form != "iso" and all(one.isdecimal() for one in texts) and len(texts[0]) not in (8, 14):
        return False
    return mostly((one is not BAD for one in TimeReader(form, "UTC", day_only=False).column(texts)), len(texts))


def finished(path: str, form: str, keys: dict[str, Any], names: list[str], rows: list[Any], columns: list[list[Any]]) -> Sample:
    """A sample of columns."""
    alike = list(map(repr, rows))
    facts = len(set(alike))
    found = []
    for name, values in zip(names, columns, strict=True):
        one = column_of(name, values)
        given = [(value, row) for value, row in zip(map(str, values), alike, strict=True) if value not in ("None", "")]
        distinct = len({value for value, _ in given}) == len({row for _, row in given}) == facts
        found.append(one._replace(empty=sum(value in (None, "") for value in values), distinct=distinct))
    kind = kind_column(found, columns)
    kinds = Counter(word(one) for one in columns[names.index(kind)] if one not in (None, "")) if kind is not None else Counter[str]()
    return Sample(path, form, keys | signs_of(found, columns), found, len(rows), kind, kinds)


def signs_of(columns: list[Column], values: list[list[Any]]) -> dict[str, str]:
    """What the mapping says of numbers, where decimals stand behind a comma, or thousands are parted."""
    texts = [str(one) for column, own in zip(columns, values, strict=True) if column.kind in ("amount", "words") for one in own if one not in (None, "")]
    commas, points = list(filter(COMMA.fullmatch, texts)), list(filter(POINT.fullmatch, texts))
    decimal = {"decimal": ","} if len(commas) > len(points) else {}
    parted = [found[1] for one in (commas if decimal else points) if (found := PARTED.match(one)) and found[1] != decimal.get("decimal", ".")]
    return decimal | ({"thousands": max(set(parted), key=parted.count)} if parted else {})


def kind_column(columns: list[Column], values: list[list[Any]]) -> str | None:
    """The column of a few words by which at least three others are filled or empty, each of them in nearly all rows of a word."""
    for column, own in zip(columns, values, strict=True):
        if column.kind != "words" or column.empty > ODD * len(own) or len(column.words) < 2:
            continue
        rows: dict[str, list[int]] = {}
        for at, one in enumerate(own):
            rows.setdefault(str(one), []).append(at)
        several = [places for places in rows.values() if len(places) > ODD * len(own)]
        parting = 0
        for other in values:
            shares = [sum(other[at] in (None, "") for at in places) / len(places) for places in several]
            parting += bool(shares) and min(shares) <= ODD and max(shares) >= 1 - ODD
        if len(several) > 1 and parting >= 3:
            return column.name
    return None


def json_sample(path: str, lines: list[str]) -> Sample:
    """A sample of JSON: each path to a value is a column."""
    flat = []
    for number, line in enumerate(lines, 1):
        try:
            flat.append(dict(paths_of(json.loads(line), "")))
        except ValueError as error:
            if number == len(lines) > 1:
                break  # the last line may be half
            raise SourceFault(f"{path}:{number}: wanted one JSON object a line, got {error}: write each object on one line") from error
    names = list(dict.fromkeys(name for one in flat for name in one))
    return finished(path, "json", {}, names, flat, [[one.get(name) for one in flat] for name in names])


def paths_of(value: Any, above: str) -> Iterable[tuple[str, Any]]:
    """The values of an object by their paths."""
    for name, one in value.items() if isinstance(value, dict) else ():
        if isinstance(one, dict):
            yield from paths_of(one, f"{above}{name}.")
        elif isinstance(one, list):
            for at, item in enumerate(one[:3]):
                yield from paths_of(item, f"{above}{name}[{at}].") if isinstance(item, dict) else ((f"{above}{name}[{at}]", item),)
        else:
            yield f"{above}{name}", one


def avro_sample(path: str, file: Any) -> Sample:
    """A sample of an Avro file."""
    try:
        import fastavro
    except ImportError as error:
        raise SourceFault(f"{path}: wanted fastavro installed for this Avro file, got none: install kairos[formats]") from error
    flat = [dict(paths_of(one, "")) for one in islice(fastavro.reader(file.stream), ROWS)]
    names = list(dict.fromkeys(name for one in flat for name in one))
    return finished(path, "avro", {}, names, flat, [[one.get(name) for one in flat] for name in names])


def table_sample(path: str, lines: list[str]) -> Sample:
    """A sample of CSV, or of fixed width where no sign separates."""
    delimiter = separator(lines)
    if delimiter is None:
        return fixed_sample(path, lines)
    rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    width = max(map(len, rows), key=[len(row) for row in rows].count)
    rows = [row for row in rows if len(row) == width]
    header = is_header(rows)
    names = [name.strip() for name in rows[0]] if header else [f"c{at}" for at in range(1, width + 1)]
    keys: dict[str, Any] = {} if delimiter == "," else {"delimiter": delimiter}
    if not header:
        keys |= {"header": False, "columns": names}
    body = rows[1:] if header else rows
    return finished(path, "csv", keys, names, body, [[row[at].strip() for row in body] for at in range(width)])


def separator(lines: list[str]) -> str | None:
    """The sign that separates cells: the one that every line has most often, and equally often in most."""
    best: tuple[float, int, str] | None = None
    for sign in (",", ";", "\t", "|"):
        counts = [len(row) for row in csv.reader(lines[:200], delimiter=sign) if row]
        usual = max(set(counts), key=counts.count)
        if usual > 1:
            best = max(best or (0, 0, ""), (counts.count(usual) / len(counts), usual, sign))
    return best[2] if best is not None and best[0] > 0.8 else None


def is_header(rows: list[list[str]]) -> bool:
    """Whether the first row names columns: it has no figures where others have, and no name twice."""
    first = [cell.strip() for cell in rows[0]]
    if len(set(first)) < len(first) or not all(first) or any(re.fullmatch(r"[+-]?[0-9][0-9 .,:/+-]*", cell) for cell in first):
        return False
    return len(rows) == 1 or any(re.search("[0-9]", cell) for row in rows[1:5] for cell in row)


def fixed_sample(path: str, lines: list[str]) -> Sample:
    """A sample of fixed width: columns end where every line has a blank and the next has not."""
    width = max(map(len, lines))
    padded = [line.ljust(width) for line in lines]
    blank = [all(line[at] == " " for line in padded) for at in range(width)]
    edges = [(at, next((to for to in range(at, width) if blank[to]), width)) for at in range(width) if not blank[at] and (at == 0 or blank[at - 1])]
    if len(edges) < 2:
        raise SourceFault(f"{path}: wanted cells separated by , ; | or tabs, or columns with blanks between, got neither: write its columns by hand (docs/sources.md)")
    names = [f"c{at}" for at in range(1, len(edges) + 1)]
    if not any(line[begin:end].strip().isdigit() for line in padded for begin, end in edges):
        raise SourceFault(f"{path}: wanted rows with figures, got words alone: is this the right file?")
    keys = {"columns": {name: [begin + 1, end] for name, (begin, end) in zip(names, edges, strict=True)}}
    return finished(path, "fixed", keys, names, lines, [[line[begin:end].strip() for line in padded] for begin, end in edges])


def words_in(name: str) -> list[str]:
    """The words of a name: `calledNumber`, `called_number` and `CALLED NUMBER` have the same."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name)]


def file_words(path: str) -> list[str]:
    """The words of a file's name."""
    return words_in(Path(path).name.partition(".")[0])
