"""A backup is read only as it was written: whole, and bit by bit."""

from __future__ import annotations

import stat
import subprocess
import zlib

import pytest

from streams.kafka.backup_files import EDITION, MANIFEST, SUMS, BackupFault, Manifest, ShardFile, begin, finish, read, read_shard, write_shard

PAIRS = [(b"clock\x1e", b"{}"), (b"line\x1eC1\x1fS1", bytes(range(256)) * 9000), (b"text\x1e7", b""), (b"", b"x")]


def made(folder, pairs=PAIRS, edition=EDITION):
    begin(folder)
    rows = write_shard(folder / "shard-00000.state", pairs)
    finish(folder, Manifest(edition, "0.1.0", "kairos", "2026-11-27T10:00:00+00:00", 4, 1, {"balance.low": 1}, [ShardFile("shard-00000.state", rows, 5, {"raw.usage": 3})]))
    return folder


def test_what_was_written_is_read_and_only_the_owner_may(tmp_path):
    folder = made(tmp_path / "b")
    manifest = read(folder)
    assert (manifest.app, manifest.rules, manifest.shards[0].rows, manifest.shards[0].offsets) == ("kairos", {"balance.low": 1}, 4, {"raw.usage": 3})
    assert list(read_shard(folder / manifest.shards[0].file)) == PAIRS
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert subprocess.run(["sha256sum", "-c", SUMS], cwd=folder, capture_output=True, check=False).returncode == 0, "the usual tool can check it"


def test_many_records_across_pieces_come_back_in_their_order(tmp_path):
    pairs = [(f"k{n}".encode(), zlib.crc32(str(n).encode()).to_bytes(4, "little") * (n % 90)) for n in range(30_000)]
    assert list(read_shard(made(tmp_path / "b", pairs) / "shard-00000.state")) == pairs


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGE = {
    "the checksums are missing": (lambda folder: (folder / SUMS).unlink(), "it is no backup, or one that was not finished"),
    "a shard is missing": (lambda folder: (folder / "shard-00000.state").unlink(), "shard-00000.state: it is missing: the backup is damaged"),
    "a bit of a shard differs": (lambda folder: flip(folder / "shard-00000.state"), "the checksum is"),
    "a bit of the manifest differs": (lambda folder: flip(folder / MANIFEST), "the checksum is"),
    "a shard has no checksum": (lambda folder: (folder / SUMS).write_text((folder / SUMS).read_text().splitlines()[0] + "\n"), "shard-00000.state has no checksum"),
    "a name leads elsewhere": (lambda folder: (folder / SUMS).write_text(f"{'0' * 64}  ../secret\n"), "'../secret' is no file of a backup"),
    "the folder is a file": (lambda folder: folder.rename(folder.with_name("moved")), "wanted the folder of a backup, got none"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_or_half_written_backup_is_refused(what, tmp_path):
    damage, says = DAMAGE[what]
    folder = made(tmp_path / "b")
    damage(folder)
    with pytest.raises(BackupFault, match=says):
        read(folder)


def test_a_shard_that_ends_in_the_middle_is_refused_by_itself_too(tmp_path):
    path = made(tmp_path / "b") / "shard-00000.state"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BackupFault, match=r"in the middle of a record|cannot be read"):
        list(read_shard(path))


def test_another_edition_names_the_version_that_reads_it(tmp_path):
    with pytest.raises(BackupFault, match=f"wanted edition {EDITION}, got {EDITION + 1}: restore it with version 0.1.0"):
        read(made(tmp_path / "b", edition=EDITION + 1))


def test_a_folder_with_files_is_not_written_over(tmp_path):
    (tmp_path / "other").write_text("x")
    with pytest.raises(BackupFault, match="wanted a folder that is empty or not there yet"):
        begin(tmp_path)
