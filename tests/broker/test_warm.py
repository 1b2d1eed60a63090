"""A command that is forked where the code is loaded prints, ends and is ended as one that begins from nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.broker.warm import KAIROS, PROJECT, Warm, run

ASKED = (["--version"], ["topics", "--help"], ["worker", "--nope"], ["worker"])


@pytest.mark.parametrize("arguments", ASKED, ids=" ".join)
def test_it_prints_and_ends_as_one_from_nothing(arguments):
    own = {**os.environ, "KAIROS_BROKERS": "nowhere"}
    forked = run([*KAIROS, *arguments], timeout=60, cwd=PROJECT, env=own)
    plain = subprocess.run([*KAIROS, *arguments], capture_output=True, text=True, timeout=60, cwd=PROJECT, env=own, stdin=subprocess.DEVNULL, check=False)
    assert (forked.returncode, forked.stdout, forked.stderr) == (plain.returncode, plain.stdout, plain.stderr)
    assert ("'nowhere' (KAIROS_BROKERS)" in forked.stderr) == (arguments == ["worker"]), "its environment is the given one"


def test_it_is_a_child_of_this_process_and_ends_by_a_signal():
    address = {**os.environ, "KAIROS_BROKERS": "127.0.0.1:1"}
    with Warm([*KAIROS, "worker"], cwd=PROJECT, env=address, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        parent = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[1]
        assert int(parent) == os.getpid()
        assert process.poll() is None
        process.kill()
        assert process.wait(10) == -signal.SIGKILL


def test_what_python_reads_at_its_start_is_seen(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("print('began from nothing')")
    done = run([*KAIROS, "--version"], timeout=60, cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert done.stdout.startswith("began from nothing"), done


def test_another_command_is_started_as_it_is():
    assert run([sys.executable, "-c", "print(1)"], timeout=60, cwd=PROJECT).stdout == "1\n"
