"""The scalar reading of a trial's whole input, in a process of its own: `python -m tests.faults.scalar INPUT REFERENCE FOUND`.

It starts when the input is loaded and is asked for at the final check, so it costs the time that a trial waits anyway. Equal inputs are read
once in a run of the tests: what was found stands in the file FOUND, for which the other test processes wait.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import hashlib
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from schemas.raw import TOPICS

if TYPE_CHECKING:
    from collections.abc import Iterable

PROJECT = Path(__file__).parent.parent.parent
Published = tuple[str, str, str, str, bytes, str]
"""Event, key, time, trigger or anchor, detail, consent: what both readings tell of an event."""
Input = dict[str, list[tuple[bytes | None, bytes | None]]]
"""Key and value of the records by `topic/partition`, in offset order."""


class ScalarReading:
    """A reading that goes on in its process."""

    def __init__(self, given: bytes, reference: str, file: Path) -> None:
        self.folder, self.file = tempfile.TemporaryDirectory(prefix="kairos-scalar-"), file
        path = Path(self.folder.name) / "input"
        path.write_bytes(given)
        command = ["nice", sys.executable, "-m", "tests.faults.scalar", str(path), reference, str(file)]
        self.process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.DEVNULL)
        self.found: Counter[Published] | None = None

    def result(self) -> Counter[Published]:
        """What it found, when it is done."""
        if self.found is None:
            with contextlib.suppress(PermissionError):
                os.setpriority(os.PRIO_PROCESS, self.process.pid, 0)  # waits for it
            assert self.process.wait(600) == 0, "the scalar reading failed"
            self.found = Counter(map(tuple, msgspec.msgpack.decode(self.file.read_bytes())))
        return self.found


READINGS: dict[str, ScalarReading] = {}


def reading_of(given: Input, reference: str, shared: Path) -> ScalarReading:
    """The reading of this input, begun now or before; `shared`: a folder of all processes of this run of the tests."""
    encoded = msgspec.msgpack.encode(dict(sorted(given.items())))
    digest = hashlib.blake2b(encoded + msgspec.msgpack.encode(tables_of(reference))).hexdigest()[:32]
    if digest not in READINGS:
        READINGS[digest] = ScalarReading(encoded, reference, shared / f"scalar-{digest}")
    return READINGS[digest]


def tables_of(reference: str) -> list[tuple[str, bytes]]:
    """The files of a folder of reference data, with their names."""
    return [(str(path.relative_to(reference)), path.read_bytes()) for path in sorted(Path(reference).rglob("*")) if path.is_file()]


def published(bodies: Iterable[bytes]) -> Counter[Published]:
    """Published events in the form of the scalar reading."""
    found: Counter[Published] = Counter()
    for body in bodies:
        event = orjson.loads(body)
        data = event["data"]
        who = data["trigger"] or data["anchor"]
        found[data["event"], event["subject"], event["time"], who["record_id"], orjson.dumps(data["detail"], option=orjson.OPT_SORT_KEYS), data["marketing_consent"]] += 1
    return found


def read(given: Input, reference: str) -> list[Published]:
    """Merge as a shard does, then read one record at a time."""
    from schemas.reference import Reference
    from streams.builder import shard_builder
    from streams.engine.detection import rfc3339
    from streams.settings import load
    from tests.reference.reading import Reading

    build, catalogue = shard_builder(load({"clock": "records", "reference": reference}, environ={}))
    tables = Reference.load(Path(reference))
    found: list[Published] = []
    for partition in sorted({int(place.rsplit("/", 1)[1]) for place in given}):
        shard, reading = build(partition), Reading(catalogue, tables)
        for topic in TOPICS:
            own = given.get(f"{topic}/{partition}", [])
            shard.feed(topic, range(len(own)), [key for key, _ in own], [value for _, value in own], next_offset=len(own), caught_up=True)
        while (released := shard.merger.release(5_000)) is not None:
            for position in range(released.n):
                reading.take(msgspec.json.decode(released.raw(position)[4] or b""))
        found += [(s.event, s.key, rfc3339(s.time), s.anchor, orjson.dumps(s.detail, option=orjson.OPT_SORT_KEYS), s.consent) for s in reading.found]
    return found


def main(path: str, reference: str, found: str) -> None:
    gc.set_threshold(500_000)  # nearly all of it lives until the end
    with Path(f"{found}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not Path(found).exists():
            given: dict[str, list[tuple[Any, Any]]] = msgspec.msgpack.decode(Path(path).read_bytes())
            Path(f"{found}.part").write_bytes(msgspec.msgpack.encode(read(given, reference)))
            Path(f"{found}.part").rename(found)


if __name__ == "__main__":
    main(*sys.argv[1:])
