"""The code of another version, from the git history: what two versions do with one state or one group."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
FIRST_OF_FORMAT_4, LAST_OF_FORMAT_3 = "6957b2e", "6957b2e^"
FORMAT_3_WITH_BACKFILL = "304f2b5"
"""Later ones of format 3 cannot rebuild a state: their `kairos backfill --all` fails."""


def code_of(commit: str, folder: Path) -> Path:
    """`folder` with the code of a commit. Skips the test where the history is not here."""
    found = subprocess.run(["git", "archive", commit, "streams", "schemas", "events"], cwd=PROJECT, capture_output=True, check=False)
    if found.returncode:
        pytest.skip(f"left out: two versions need the git history, which is not here: {commit} is missing (a clone with all of it: fetch-depth 0)")
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder
