"""deploy/Dockerfile: linted, and built: by a container engine that answers, else step by step in an empty folder."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.conftest import DEPLOY, ROOT

FILE = DEPLOY / "Dockerfile"
IGNORED = DEPLOY / "Dockerfile.dockerignore"
ENGINES = (["docker", "info"], ["podman", "info"])


def steps(text: str) -> list[tuple[str, str]]:
    """Instruction and argument of each step."""
    joined = re.sub(r"\\\n\s*", " ", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    return [(word, rest.strip()) for line in joined.splitlines() if line.strip() for word, _, rest in [line.partition(" ")]]


def test_it_lints():
    done = subprocess.run([Path(sys.executable).parent / "hadolint", FILE], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_multi_stage_runs_without_root_and_has_a_health_check():
    found = steps(FILE.read_text("utf-8"))
    last = found[max(i for i, (word, _) in enumerate(found) if word == "FROM") :]
    words = dict(last)
    assert sum(word == "FROM" for word, _ in found) == 2
    assert words["USER"] == "10001"
    assert "HEALTHCHECK" in words
    assert words["STOPSIGNAL"] == "SIGTERM"
    assert json.loads(words["ENTRYPOINT"]) == ["kairos"]
    assert {"title", "description", "licenses", "version", "revision"} <= set(re.findall(r"opencontainers\.image\.(\w+)", words["LABEL"]))


def test_the_context_is_what_is_copied_and_no_more():
    copied = {name for word, rest in steps(FILE.read_text("utf-8")) if word == "COPY" and not rest.startswith("--from") for name in rest.split()[:-1]}
    allowed = {line[1:] for line in IGNORED.read_text("utf-8").splitlines() if line.startswith("!")}
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


def engine() -> str | None:
    """A container engine that answers here."""
    for command in ENGINES:
        if shutil.which(command[0]) and subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0:
            return command[0]
    return None


def test_it_builds_in_a_container_engine():
    builder = engine()
    if builder is None:
        pytest.skip("left out: the container build, for no container engine answers here; its steps are run in an empty folder instead")
    done = subprocess.run([builder, "build", "-q", "-f", FILE, "-t", "kairos:test", ROOT], capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    shown = subprocess.run([builder, "run", "--rm", "--read-only", "--tmpfs", "/tmp", "kairos:test", "catalog"], capture_output=True, text=True, timeout=60, check=False)
    assert "balance.low" in shown.stdout


@pytest.mark.timeout(600)
def test_its_steps_build_an_installation_that_runs_from_a_folder_it_cannot_write(tmp_path):
    """Every ENV, WORKDIR, COPY and RUN of the build stage, with its absolute paths moved below an empty folder."""
    root = tmp_path / "root"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **{k: v for k, v in os.environ.items() if k.startswith(("PIP_", "UV_", "SSL_", "REQUESTS_", "HTTP", "http"))}}
    arguments: dict[str, str] = {}
    folder = root

    def moved(text: str) -> str:
        for name, value in arguments.items():
            text = text.replace(f"${{{name}}}", value)
        return re.sub(r"(?<![\w.])/(opt|src)\b", f"{root}/\\1", text)

    stage, final = 0, {}
    for word, rest in steps(FILE.read_text("utf-8")):
        if word == "FROM":
            stage += 1
        elif word == "ARG":
            name, _, value = rest.partition("=")
            arguments[name] = value
        elif stage == 1 and word == "ENV":
            environment |= dict(part.split("=", 1) for part in shlex.split(moved(rest)))
        elif stage == 2 and word == "ENV":
            final |= dict(part.split("=", 1) for part in shlex.split(rest))
        elif stage == 1 and word == "WORKDIR":
            folder = Path(moved(rest))
            folder.mkdir(parents=True)
        elif stage == 1 and word == "COPY":
            *sources, target = rest.split()
            for source in sources:
                place = folder / target if not target.startswith(".") else folder / Path(source).name
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(ROOT / source, place)
        elif stage == 1 and word == "RUN":
            done = subprocess.run(["bash", "-ec", moved(rest)], capture_output=True, text=True, timeout=500, cwd=folder, env=environment, check=False)
            assert done.returncode == 0, (rest, done.stdout[-800:], done.stderr[-800:])
    installed = root / "opt" / "kairos"
    shutil.rmtree(root / "src")
    before = {path: path.stat().st_mtime_ns for path in installed.rglob("*")}
    sources = [path for path in installed.rglob("*.py") if "site-packages/streams" in str(path)]
    compiled = {path.parent.parent / (path.name.split(".")[0] + ".py") for path in installed.rglob("__pycache__/*.pyc")}
    assert sources
    assert not set(sources) - compiled, "everything is compiled in the image"
    final |= {"PATH": "/usr/bin:/bin", "NUMBA_CACHE_DIR": str(tmp_path / "kernels")}
    shown = subprocess.run(
        [installed / "bin" / "kairos", "catalog"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env=final,
        check=False,
    )
    assert "balance.low" in shown.stdout, shown.stderr
    assert {path: path.stat().st_mtime_ns for path in installed.rglob("*")} == before, "nothing is written below the installation"
    kernels = [path.relative_to(tmp_path / "kernels") for path in (tmp_path / "kernels").rglob("*.nb*")]
    assert kernels
    assert all((tmp_path / "kernels" / one).stat().st_size == next(installed.rglob(str(one))).stat().st_size for one in kernels), "compiled in the image"
