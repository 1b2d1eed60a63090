"""Recognises files that hold no raw records, so that a message can name their format."""

from __future__ import annotations

BEGINS = {
    b"PAR1": "a Parquet file",
    b"Obj\x01": "an Avro file",
    b"PK\x03\x04": "a zip archive",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"<": "XML",
    b"[": "a JSON array",
}
WANTED = "wanted one raw record a line, a JSON object ('kairos schemas --out FOLDER' writes what each looks like)"


def looks_like(line: bytes) -> str | None:
    """What the first refused line looks like, as a phrase; None where it looks like a raw record."""
    start = line.lstrip()[:4096]
    for begin, name in BEGINS.items():
        if start.startswith(begin):
            return f"{WANTED}, got what looks like {name}"
    if not start.startswith(b"{"):
        separators = {b",": "CSV", b";": "CSV", b"\t": "a table with tabs", b"|": "a table with bars"}
        found = next((name for separator, name in separators.items() if start.count(separator) > 1), None)
        return f"{WANTED}, got what looks like {found or 'plain text'}"
    if start.rstrip() == b"{":
        return f"{WANTED}, got JSON over several lines: write each object on one"
    if b'"specversion"' in start:
        return f"{WANTED}, got CloudEvents: send their data, with the fields of a raw record"
    if b'"record_type"' not in start:
        return f"{WANTED}, got JSON without record_type"
    return None
