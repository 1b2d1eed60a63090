"""The checkers that deploy/tools.sh unpacked; a test whose checker is not here is skipped, and the last line of the run names it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
TOOLS = ROOT / ".tools"


@pytest.fixture(scope="session")
def tool():
    """The path of a checker: `tool("promtool")`."""

    def find(name: str) -> str:
        for place in (TOOLS / "bin" / name, TOOLS / "root" / "usr" / "bin" / name):
            if place.is_file():
                return str(place)
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"left out: {name} is not here (make test unpacks it into .tools)")
        return found

    return find


@pytest.fixture(scope="session")
def schema():
    """A schema that deploy/tools.sh fetched, as it is written."""

    def find(name: str):
        path = TOOLS / "schemas" / name
        if not path.is_file():
            pytest.skip(f"left out: the schema {name} is not here (make test fetches it into .tools)")
        return yaml.safe_load(path.read_text("utf-8"))

    return find


@pytest.fixture(scope="session")
def run():
    """Run a checker: its exit code, and all that it printed."""

    def command(*words, **environment) -> tuple[int, str]:
        libraries = TOOLS / "root" / "usr" / "lib" / "x86_64-linux-gnu" / "systemd"
        env = {**os.environ, "LD_LIBRARY_PATH": str(libraries), **environment} if libraries.is_dir() else {**os.environ, **environment}
        done = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=240, cwd=ROOT, env=env, check=False)
        return done.returncode, done.stdout + done.stderr

    return command
