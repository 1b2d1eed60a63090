"""The files of a backup: what they hold, their checksums, and what a damaged or half-written one is refused with. No Kafka."""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from schemas.fault import KairosFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MANIFEST, SUMS = "backup.json", "SHA256SUMS"
EDITION = 1
"""Of the files; what the rows mean is the state's own format."""
LENGTHS = struct.Struct("<II")
PIECE = 1 << 20
PRIVATE = 0o600
"""The files hold personal data."""


class BackupFault(KairosFault):
    """A folder is no backup that can be read, or none may be written there."""


class ShardFile(msgspec.Struct, frozen=True):
    """One shard of a backup."""

    file: str
    rows: int
    """Changelog records, the head row among them."""
    clock: int
    """Epoch ms."""
    offsets: dict[str, int]
    """Next offset of each raw topic."""


class Manifest(msgspec.Struct, frozen=True):
    """What a backup is of."""

    edition: int
    kairos: str
    """The version that wrote it."""
    app: str
    taken: str
    """When, RFC 3339."""
    format: int
    """Of the state."""
    partitions: int
    rules: dict[str, int]
    """Version of each installed event."""
    shards: list[ShardFile]
    control: str | None = None
    """The file of the versions of what was switched; None where there is no control topic."""

    def files(self) -> list[str]:
        """All its files but the checksums."""
        return [MANIFEST, *(shard.file for shard in self.shards), *([self.control] if self.control is not None else [])]


def begin(folder: Path) -> None:
    """An empty folder for a backup. Raises BackupFault."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupFault(f"--to {folder}: wanted a folder that is empty or not there yet, got one with files: take another one")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BackupFault(f"--to {folder}: it cannot be made: {error.strerror}") from error


def write_shard(path: Path, pairs: Iterable[tuple[bytes, bytes]]) -> int:
    """Write changelog records. Returns how many."""
    count, packer = 0, zlib.compressobj(1)
    with private(path) as file:
        for key, value in pairs:
            file.write(packer.compress(LENGTHS.pack(len(key), len(value)) + key + value))
            count += 1
        file.write(packer.flush())
    return count


def read_shard(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """The records that `write_shard` wrote. Raises BackupFault."""
    unpacker, buffer = zlib.decompressobj(), bytearray()
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                buffer += unpacker.decompress(piece)
                at = 0
                while at + LENGTHS.size <= len(buffer):
                    key, value = LENGTHS.unpack_from(buffer, at)
                    end = at + LENGTHS.size + key + value
                    if end > len(buffer):
                        break
                    middle = at + LENGTHS.size + key
                    yield bytes(buffer[at + LENGTHS.size : middle]), bytes(buffer[middle:end])
                    at = end
                del buffer[:at]
    except (OSError, zlib.error) as error:
        raise BackupFault(f"{path}: it cannot be read: {error}") from error
    if buffer or not unpacker.eof:
        raise BackupFault(f"{path}: it ends in the middle of a record")


def finish(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, and last of all the checksums: a folder without them is no backup."""
    with private(folder / MANIFEST) as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
    with private(folder / f".{SUMS}") as file:
        file.write("".join(f"{digest(folder / name)}  {name}\n" for name in manifest.files()).encode())
    (folder / f".{SUMS}").rename(folder / SUMS)


def read(folder: Path) -> Manifest:
    """The manifest, when every file is as it was written. Raises BackupFault."""
    if not folder.is_dir():
        raise BackupFault(f"--from {folder}: wanted the folder of a backup, got none")
    if not (folder / SUMS).exists():
        raise BackupFault(f"--from {folder}: it has no {SUMS}: it is no backup, or one that was not finished")
    sums = {}
    for line in (folder / SUMS).read_text("utf-8", errors="replace").splitlines():
        wanted, _, name = line.partition("  ")
        if "/" in name or name.startswith("."):
            raise BackupFault(f"{folder / SUMS}: {name!r} is no file of a backup")
        sums[name] = wanted
    for name, wanted in sums.items():
        if not (folder / name).is_file():
            raise BackupFault(f"{folder / name}: it is missing: the backup is damaged: take another one")
        if (got := digest(folder / name)) != wanted:
            raise BackupFault(f"{folder / name}: the checksum is {got[:12]}…, wanted {wanted[:12]}…: the backup is damaged: take another one")
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise BackupFault(f"{folder / MANIFEST}: it is not what a backup has: was it written by another version?") from error
    if manifest.edition != EDITION:
        raise BackupFault(f"{folder / MANIFEST}: wanted edition {EDITION}, got {manifest.edition}: restore it with version {manifest.kairos}")
    if lacking := set(manifest.files()) - sums.keys():
        raise BackupFault(f"{folder / SUMS}: {', '.join(sorted(lacking))} has no checksum: the backup is damaged: take another one")
    return manifest


def digest(path: Path) -> str:
    """The SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def private(path: Path) -> BinaryIO:
    """A new file that its owner alone may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE), "wb")
