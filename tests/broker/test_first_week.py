"""docs/first-week.md, followed on a real broker: its files are written, its commands run as they stand there, in their order, and what it shows is what comes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from typer.testing import CliRunner

from streams.cli import app
from streams.cli.demo import free_port
from tests.broker.kafka import create_topics, read_all
from tests.broker.test_outage import answer, wait_for
from tests.broker.workers import OUTPUTS, PROJECT, Cluster

pytestmark = pytest.mark.broker
PAGE = (PROJECT / "docs" / "first-week.md").read_text("utf-8")
PARTS = re.compile(r"^```(?P<kind>[a-z]+) (?P<name>\S+)\n(?P<text>.*?)^```$|^    (?P<command>[a-z][^\n]*)$", re.MULTILINE | re.DOTALL)


class Walk:
    """One walk along the page, in a folder of its own."""

    def __init__(self, cluster, folder):
        self.cluster, self.folder, self.port = cluster, folder, free_port()
        self.worker = None
        self.took = []
        (folder / "bin").mkdir()
        (folder / "bin" / "kairos").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c "from streams.cli import main; main()" "$@"\n')
        (folder / "bin" / "kairos").chmod(0o755)
        self.environment = {**os.environ, "PYTHONPATH": str(PROJECT), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}

    def placed(self, text):
        """A text of the page with the addresses of this test in it."""
        return text.replace("127.0.0.1:9092", self.cluster.bootstrap).replace('"kairos"', f'"{self.cluster.app}"').replace("9464", str(self.port))

    def follow(self):
        """All parts of the page, one after the other."""
        for part in PARTS.finditer(PAGE):
            kind, name, text = part["kind"], part["name"], part["text"]
            if part["command"]:
                self.run(self.placed(part["command"]))
            elif kind == "json":
                self.send(name, text)
            elif kind == "text":
                self.compare(name, text.splitlines())
            else:
                (self.folder / name).parent.mkdir(exist_ok=True)
                (self.folder / name).write_text(self.placed(text), "utf-8")

    def run(self, command):
        started = time.monotonic()
        if command.endswith("&"):
            out = (self.folder / "worker.log").open("wb")
            self.worker = subprocess.Popen(["/bin/sh", "-c", f"exec {command[:-1]}"], cwd=self.folder, env=self.environment, stdout=out, stderr=out)
            return
        self.told(command)
        self.took.append((round(time.monotonic() - started, 1), command))

    def told(self, command):
        """What a command says, run in the folder: `kairos` in this process, others by the shell."""
        if not command.startswith("kairos "):
            return subprocess.run(["/bin/sh", "-c", command], cwd=self.folder, check=True, capture_output=True, text=True, timeout=60).stdout
        own, sign, file = command.removeprefix("kairos ").partition(" >")
        with contextlib.chdir(self.folder):
            done = CliRunner().invoke(app, shlex.split(own))
        assert done.exit_code == 0, f"{command}\n{done.output}"
        if sign:
            with (self.folder / file.strip("> ")).open("a" if file.startswith(">") else "w") as out:
                out.write(done.stdout)
        return done.stdout

    def send(self, topic, text):
        """The operator's own messages."""

        async def produce():
            await create_topics(self.cluster.bootstrap, {topic: 1}, {})
            async with AIOKafkaProducer(bootstrap_servers=self.cluster.bootstrap) as producer:
                for line in text.splitlines():
                    await producer.send_and_wait(topic, line.encode())

        asyncio.run(produce())

    def events(self):
        """Subjects and events on the topics of consumers, but for those that the page shows in files."""
        found = asyncio.run(read_all(self.cluster.bootstrap, OUTPUTS))
        return [f"{one['subject']} {one['data']['event']}" for one in sorted((json.loads(record.value) for record in found), key=lambda one: (one["time"], one["id"]))]

    def compare(self, name, shown):
        """What the page shows of a file, of the topics, of the worker."""
        if name == "live":
            wait_for(lambda: len(self.events()) >= len(shown), 60, "the events of the page")
            assert self.events() == shown
        elif name == "readyz":
            assert shown[0] in wait_for(lambda: "refused" in (text := answer(self.port, "/readyz")[1]) and text, 60, "the refusal")
        elif name == "dead-letters":
            assert self.told("kairos dead-letters --config own.toml").splitlines()[:-1] == shown
            letters = map(json.loads, self.told("kairos dead-letters --config own.toml --json").splitlines())
            assert [letter["detail"] for letter in letters] == [f"{shown[1].strip()}, got ten (today/recharges-13.csv:4)"]
        else:
            rows = [json.loads(line) for line in (self.folder / name).read_text("utf-8").splitlines()]
            assert [row["detail"] if "detail" in row else f"{row['subject']} {row['data']['event']}" for row in rows] == shown


@pytest.fixture
def walk(kafka, tmp_path):
    cluster = Cluster(kafka, tmp_path)
    cluster.fresh_topics(create=False)
    walking = Walk(cluster, tmp_path)
    yield walking
    if walking.worker is not None and walking.worker.poll() is None:
        walking.worker.kill()
        walking.worker.wait(20)


def test_the_first_week_goes_as_the_page_says(walk):
    walk.follow()
    log = Path(walk.folder / "worker.log").read_text("utf-8")
    assert "reference tables refused" in log
    wait_for(lambda: answer(walk.port, "/readyz")[1].strip() == "ok", 60, "the good table again")
    walk.worker.terminate()
    assert walk.worker.wait(30) == 0
    print("\n".join(f"{seconds:>6} s  {command}" for seconds, command in walk.took))
