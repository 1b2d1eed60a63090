"""Compiled kernels are kept, and none is used that holds an older form of what it was compiled from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CALLED = """
from streams.engine.kernels import kernel

LIMIT = {limit}

@kernel("int64(int64)")
def doubled(number):
    return {factor} * number
"""
CALLING = """
from streams.engine.kernels import kernel
from called import LIMIT, doubled

@kernel("int64(int64)")
def bounded(number):
    return min(LIMIT, doubled(number))
"""
OUTER = """
from streams.engine.kernels import kernel
from calling import bounded

@kernel("int64(int64)")
def outer(number):
    return bounded(number) + 1

print(outer(100))
print(sum(outer.stats.cache_hits.values()))
"""


@pytest.fixture
def run(tmp_path):
    """Runs three files, each calling a kernel of the one before; returns the result and whether the outer one came from the cache."""
    (tmp_path / "calling.py").write_text(CALLING)
    (tmp_path / "outer.py").write_text(OUTER)

    def result(factor=2, limit=1000, cache="cache"):
        (tmp_path / "called.py").write_text(CALLED.format(factor=factor, limit=limit))
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}", "NUMBA_CACHE_DIR": str(tmp_path / cache), "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_DISABLE_JIT": "0"}
        done = subprocess.run([sys.executable, "outer.py"], capture_output=True, text=True, timeout=120, cwd=tmp_path, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        value, hits = map(int, done.stdout.split())
        return value, bool(hits)

    return result


def test_a_kernel_is_compiled_once(run):
    assert run() == (201, False)
    assert run() == (201, True)


def test_a_change_in_a_called_kernel_two_files_away_is_noticed(run):
    assert run(factor=2) == (201, False)
    assert run(factor=3) == (301, False)
    assert run(factor=2) == (201, True)


def test_a_change_of_a_number_read_from_another_file_is_noticed(run):
    assert run(limit=1000) == (201, False)
    assert run(limit=150) == (151, False)


def test_what_was_compiled_at_the_installation_is_copied_to_where_it_can_be_written(tmp_path):
    """Nothing is compiled, so it is quick, and nothing is written beside the sources."""
    installed = ROOT / "streams" / "engine" / "__pycache__" / "kernels"
    before = {path: path.stat().st_mtime_ns for path in installed.rglob("*.nb*")}
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    program = "from streams.engine.idlists import admit_topic; print(sum(admit_topic.stats.cache_hits.values()), sum(admit_topic.stats.cache_misses.values()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=240, cwd=ROOT, env=environment, check=False)
    assert done.stdout.split() == ["1", "0"], done.stderr
    assert before
    assert {path: path.stat().st_mtime_ns for path in installed.rglob("*.nb*")} == before
