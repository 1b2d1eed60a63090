"""The parts of deploy/compose.yaml as processes of this machine, without containers: `make stack`.

Broker, topics, two workers, the simulated city, Prometheus with the rules, and Grafana where it is installed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Self

import yaml

from streams.cli.demo import free_port
from tests.broker.kafka import BrokerMissing, KafkaBroker
from tests.deploy.conftest import DEPLOY, ROOT, TOOLS

KAIROS = (sys.executable, "-c", "from streams.cli import main; main()")
WORKERS = ("worker-1", "worker-2")
TOKEN = "stack"  # of this machine's loopback address alone
PATIENCE_S = 180


class Stack:
    """`with Stack(folder) as stack: ...`. `hurry`: alerts fire after a second instead of minutes, for a test."""

    def __init__(self, folder: Path, *, customers: int = 2000, hurry: bool = False) -> None:
        self.folder, self.customers, self.hurry = folder, customers, hurry
        self.broker = KafkaBroker(folder / "broker")
        self.reference = folder / "reference"
        self.ports = {name: free_port() for name in (*WORKERS, "prometheus", "grafana")}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        self.broker.start()
        (self.folder / "token").write_text(TOKEN)
        subprocess.run([*KAIROS, "topics", "--create", "--partitions", "4", "--brokers", self.broker.bootstrap], check=True, timeout=120, cwd=ROOT, capture_output=True)
        self.run("city", *KAIROS, "simulate", "--brokers", self.broker.bootstrap, "--customers", str(self.customers), "--back", "12", "--reference", str(self.reference))
        self.wait("the city's reference tables", lambda: (self.reference / "lines.csv").is_file())
        for name in WORKERS:
            self.start_worker(name)
        self._start_prometheus()
        if grafana := self.grafana():
            self._start_grafana(grafana)

    def start_worker(self, name: str) -> None:
        """Start the worker `name`, as compose.yaml does."""
        settings = {"KAIROS_BROKERS": self.broker.bootstrap, "KAIROS_REFERENCE": str(self.reference), "KAIROS_INSTANCE": name, "KAIROS_METRICS_PORT": str(self.ports[name])}
        self.run(name, *KAIROS, "worker", environment={**settings, "KAIROS_METRICS_TOKEN_FILE": str(self.folder / "token")})

    def _start_prometheus(self) -> None:
        rules = (DEPLOY / "prometheus" / "rules.yml").read_text("utf-8")
        (self.folder / "rules.yml").write_text(re.sub(r"^(\s+for: ).*$", r"\g<1>1s", rules, flags=re.MULTILINE) if self.hurry else rules)
        config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8"))
        (job,) = config["scrape_configs"]
        job["static_configs"] = [{"targets": [f"127.0.0.1:{self.ports[name]}" for name in WORKERS]}]
        job["authorization"]["credentials_file"] = str(self.folder / "token")
        if self.hurry:
            config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        binary = prometheus()
        address = f"127.0.0.1:{self.ports['prometheus']}"
        self.run("prometheus", binary, f"--config.file={self.folder / 'prometheus.yml'}", f"--storage.tsdb.path={self.folder / 'tsdb'}", f"--web.listen-address={address}")

    def _start_grafana(self, home: str) -> None:
        provisioning = self.folder / "provisioning"
        shutil.copytree(DEPLOY / "grafana" / "provisioning", provisioning)
        for file in provisioning.rglob("*.yml"):
            text = file.read_text().replace("http://prometheus:9090", self.url("prometheus"))
            file.write_text(text.replace("/var/lib/grafana/dashboards", str(DEPLOY / "grafana" / "dashboards")))
        settings = {"GF_SERVER_HTTP_ADDR": "127.0.0.1", "GF_SERVER_HTTP_PORT": str(self.ports["grafana"]), "GF_PATHS_PROVISIONING": str(provisioning)}
        anonymous = {"GF_AUTH_ANONYMOUS_ENABLED": "true", "GF_PATHS_DATA": str(self.folder / "grafana"), "GF_ANALYTICS_REPORTING_ENABLED": "false"}
        self.run("grafana", home, "server", environment={**settings, **anonymous})

    @staticmethod
    def grafana() -> str | None:
        """Grafana's program, where it is installed."""
        return shutil.which("grafana")

    def run(self, name: str, *command: str, environment: dict[str, str] | None = None) -> None:
        """Start a process whose output goes to a file of its name."""
        log = (self.folder / f"{name}.log").open("ab")
        env = {**os.environ, "KAIROS_STALL_S": "60", **(environment or {})}
        self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=ROOT, env=env)

    def url(self, name: str) -> str:
        """Where a part answers."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def ask(self, path: str, **query: str) -> Any:
        """Prometheus' answer to a request of its API."""
        with urllib.request.urlopen(f"{self.url('prometheus')}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=10) as answer:
            return json.loads(answer.read())["data"]

    def query(self, expression: str) -> dict[str, float]:
        """The value of each series, by its labels."""
        return {json.dumps(row["metric"], sort_keys=True): float(row["value"][1]) for row in self.ask("query", query=expression)["result"]}

    def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        return {alert["labels"]["alertname"] for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"}

    def ready(self, name: str) -> bool:
        """Whether a worker says that it is ready."""
        try:
            with urllib.request.urlopen(f"{self.url(name)}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def wait(self, what: str, holds: Any, seconds: float = PATIENCE_S) -> None:
        """Wait until `holds()`. Raises AssertionError with what every part said last."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if holds():
                    return
            except OSError:
                pass
            ended = {name: process.poll() for name, process in self.processes.items() if process.poll() not in (None, -signal.SIGKILL)}
            if ended or time.monotonic() >= deadline:
                said = {name: (self.folder / f"{name}.log").read_text(errors="replace")[-600:] for name in self.processes}
                raise AssertionError(f"{what}: not within {seconds:.0f} s; ended: {ended}; said: {json.dumps(said, indent=1)}")
            time.sleep(0.3)

    def kill(self, name: str) -> None:
        """kill -9."""
        self.processes[name].kill()
        self.processes[name].wait()

    def close(self) -> None:
        """End every part, the workers first."""
        for name in (*WORKERS, "city", "grafana", "prometheus"):
            process = self.processes.get(name)
            if process is not None and process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.broker.stop()


def prometheus() -> str:
    """Prometheus' program. Raises BrokerMissing where there is none."""
    unpacked = TOOLS / "root" / "usr" / "bin" / "prometheus"
    found = str(unpacked) if unpacked.is_file() else shutil.which("prometheus")
    if found is None:
        raise BrokerMissing("prometheus is not here (make test unpacks it into .tools)")
    return found


def main() -> None:
    """Run the stack until Ctrl-C."""
    with tempfile.TemporaryDirectory(prefix="kairos-stack-") as folder:
        print("starting a broker, its topics, a city, two workers and Prometheus ...", flush=True)
        with Stack(Path(folder)) as stack:
            stack.wait("both workers", lambda: all(map(stack.ready, WORKERS)))
            print(f"broker      {stack.broker.bootstrap}")
            for name in WORKERS:
                print(f"{name}    {stack.url(name)}/readyz   /metrics wants the bearer token '{TOKEN}'")
            print(f"prometheus  {stack.url('prometheus')}/alerts")
            print(f"grafana     {stack.url('grafana')}" if stack.grafana() else "grafana     left out: it is not installed here")
            stack.wait("the first events", lambda: sum(stack.query("sum(kairos_detections_total)").values()) > 0)
            print(f"logs        {folder}\nevents are on customer-events.*; Ctrl-C ends everything", flush=True)
            try:
                signal.pause()
            except KeyboardInterrupt:
                print("ending ...")


if __name__ == "__main__":
    main()
