"""`make bench-peers PEERS=FOLDER`: the same five rules on Kairos and on other systems, in one sitting, interleaved, every output compared with the folder's oracle.

The folder has the generator, the oracle, the set-up and the other systems; it is only read. Work is done in a folder of its own (LAB), which is kept: the set-up
takes minutes. The clock is first record fed → last transaction ended; the broker has core 0, what is measured core 1.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections import Counter
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiokafka.admin import AIOKafkaAdminClient

from schemas.raw import TOPICS
from streams.emit import DEAD_LETTER, MISSED, PREFIX
from tests.broker.kafka import create_topics
from tests.speed import marks
from tests.speed.clients import committed
from tests.speed.lab import PARTITIONS, PROJECT, WrongOutput
from tests.speed.selections import FIVE_IDS, FIVE_RULES
from tests.speed.testbed import memory_bytes, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NEEDED = ("gen.py", "oracle.py", "load.py", "measure.py", "run_peer.sh", "prepare.sh", "setup.sh", "broker.properties", "java/flink/pom.xml")
FLOOR, KAIROS, FLINK = "floor-aiokafka-decode", "kairos", "flink-p1"
BUILT = {"flink": "flink", "jet": "jet", "ks": "kstreams"}
PORT = 29092
BROKERS = f"127.0.0.1:{PORT}"
READY_S, LONGEST_S = 60.0, 1500.0
HOUR_MS, SLACK_MS = 3_600_000, 600_000
LATE = "topup.missing_after_low"


class PeersFault(Exception):
    """The folder of peers, or what it needs, is not there."""


def checked(folder: Path | None) -> Path:
    """The folder of peers. Raises PeersFault."""
    wanted = "make bench-peers PEERS=FOLDER: wanted the folder with the same five rules on other systems"
    if folder is None:
        raise PeersFault(f"{wanted} ({', '.join(NEEDED)}), got none")
    if missing := [name for name in NEEDED if not (folder / name).is_file()]:
        raise PeersFault(f"{wanted}, got {folder} without {', '.join(missing)}")
    return folder.resolve()


def default_lab() -> Path:
    """Where the set-up is kept: in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kairos" / "bench-peers"


def copied(peers: Path, lab: Path) -> Path:
    """A copy of the folder to work in, with what earlier sittings have built kept; links that came as files of one line are links again."""
    work = lab / "work"
    work.mkdir(parents=True, exist_ok=True)
    for source in sorted(peers.rglob("*")):
        target = work / source.relative_to(peers)
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif not target.exists() or (not target.is_symlink() and target.is_file() and target.read_bytes() != source.read_bytes()):
            target.unlink(missing_ok=True)
            shutil.copyfile(source, target)
            target.chmod(0o755 if source.suffix == ".sh" else 0o644)
    for link in work.glob("java/*/src/main/java/peer/common"):
        if link.is_file() and (link.parent / link.read_text().strip()).is_dir():
            aim = link.read_text().strip()
            link.unlink()
            link.symlink_to(aim)
    return work


def set_up(work: Path, lab: Path, which: Sequence[str]) -> None:
    """Run the folder's set-up for the systems of `which`, once for each choice of them."""
    built = sorted({BUILT[name.split("-")[0]] for name in which if name.split("-")[0] in BUILT})
    done = lab / f".ready-{'-'.join([*built, *(['pathway'] if 'pathway' in which else [])])}"
    if done.exists():
        return
    script = (work / "setup.sh").read_text().replace("for d in kstreams flink jet;", f"for d in {' '.join(built)};")
    left_out = (*(() if "pathway" in which else ("/pathway",)), *(() if built else ("for d in ",)))
    lines = [line for line in script.splitlines(keepends=True) if not any(word in line for word in left_out)]
    (work / "setup-own.sh").write_text("".join(lines))
    say(f"setting up {', '.join(built) or 'the broker'} in {lab} (once; some minutes) …")
    made = subprocess.run(["bash", "setup-own.sh"], cwd=work, env={**os.environ, "LAB": str(lab)}, capture_output=True, text=True, check=False)
    if made.returncode:
        raise PeersFault(f"the set-up of the peers failed: {(made.stdout + made.stderr)[-2000:]}")
    done.touch()


@contextmanager
def broker(lab: Path) -> Iterator[None]:
    """The broker of the set-up, on core 0. Raises PeersFault."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", PORT)) == 0:
            raise PeersFault(f"the peers' broker listens on {BROKERS}: something else does: end it")
    home = lab / "kafka"
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(["taskset", "-c", "0", "java", "-Xmx1g", "-cp", "libs/*", "kafka.Kafka", "server.properties"], cwd=home, stdout=log, stderr=log)
    (home / "broker.pid").write_text(f"{process.pid}\n")
    try:
        deadline = time.monotonic() + READY_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", PORT)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                raise PeersFault(f"the peers' broker did not answer: {(home / 'log').read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait(30)


def peer(name: str, work: Path, lab: Path, size: int, run: int) -> dict[str, Any]:
    """One run of another system, by the folder's own scripts. Raises PeersFault, WrongOutput."""
    done = subprocess.run(["bash", "run_peer.sh", name, str(size), str(run)], cwd=work, env={**os.environ, "LAB": str(lab)}, capture_output=True, text=True, check=False)
    result = work / "results" / f"{name}-{size}-{run}.json"
    if done.returncode or not result.exists():
        raise PeersFault(f"{name} did not run: {(done.stdout + done.stderr)[-2000:]}")
    found = json.loads(result.read_text())
    if "rate" not in found:
        raise PeersFault(f"{name} did not say what it did: {(work / 'results' / f'{name}-{size}-{run}.log').read_text(errors='replace')[-2000:]}")
    check = found.get("check")
    if check is not None and not check["ok"]:
        raise WrongOutput(f"{name}: {check}")
    return {
        "rate": found["rate"],
        "rate_second": found.get("rate_2nd_half", found["rate"]),
        "cpu_us": found["cpu_us"],
        "cpu_us_second": found.get("cpu_us_2nd_half", found["cpu_us"]),
        "peak_mb": found["peak_rss_mb"],
        "events": check["messages"] if check else None,
    }


def prepared(work: Path, lab: Path, size: int) -> Path:
    """The data set of `size`, on the broker; its folder."""
    done = subprocess.run(["bash", "prepare.sh", str(size)], cwd=work, env={**os.environ, "LAB": str(lab)}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PeersFault(f"the data set could not be made: {(done.stdout + done.stderr)[-2000:]}")
    return work / done.stdout.split()[-1]


def tables(data: Path) -> Path:
    """The data set's cells and cities as reference tables."""
    folder = data / "tables"
    folder.mkdir(exist_ok=True)
    (folder / "cells.csv").write_text("cell_id,city_code\n" + "".join(f"{cell},{city}\n" for cell, city in json.loads((data / "cells.json").read_text()).items()))
    cities = json.loads((data / "cities.json").read_text())
    (folder / "cities.csv").write_text("city_code,name,country,tourist\n" + "".join(f"{city},City {city},CN,{str(visited).lower()}\n" for city, visited in cities.items()))
    return folder


async def topics(app: str) -> list[str]:
    """Topics for a run: empty outputs and an empty changelog. Returns the outputs."""
    outputs = [PREFIX + family for family in sorted({event.split(".")[0] for event in FIVE_IDS})]
    mine = [*outputs, DEAD_LETTER, MISSED]
    admin = AIOKafkaAdminClient(bootstrap_servers=BROKERS)
    await admin.start()
    try:
        if there := set(mine) & set(await admin.list_topics()):
            await admin.delete_topics(sorted(there))
        while set(mine) & (names := set(await admin.list_topics())):
            await asyncio.sleep(0.1)
    finally:
        await admin.close()
    missing = [topic for topic in TOPICS if topic not in names]
    await create_topics(BROKERS, dict.fromkeys([*missing, *mine, f"{app}.state"], PARTITIONS), {f"{app}.state": {"cleanup.policy": "compact"}})
    return outputs


def kairos(data: Path, size: int) -> dict[str, Any]:
    """One run of the ordinary `kairos worker` on core 1, compared with the oracle. Raises WrongOutput."""
    app = f"kairos-{uuid.uuid4().hex[:8]}"
    outputs = asyncio.run(topics(app))
    marked, log = data / "kairos.marks", data / "kairos.log"
    marked.unlink(missing_ok=True)
    arguments = ["--brokers", BROKERS, "--app", app, "--clock", "records", "--reference", str(tables(data)), "--metrics-port", "0", "--log-level", "warning"]
    command = ["taskset", "-c", "1", sys.executable, "-m", "tests.speed.marks", str(marked), "worker", *arguments, *FIVE_RULES.arguments()]
    with log.open("wb") as file:
        worker = subprocess.Popen(command, stdout=file, stderr=file, stdin=subprocess.DEVNULL, cwd=PROJECT)
    try:
        deadline = time.monotonic() + LONGEST_S
        while not (found := marks.read(marked)) or found[-1].records < size:
            if worker.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"kairos worker: wanted {size:,} records committed, got {found[-1].records if found else 0:,}:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)
        peak = memory_bytes(worker.pid)[1]
    finally:
        worker.terminate()
        worker.wait(30)
    run = marks.run_of(found, size)
    places = {(topic, partition): 0 for topic in outputs for partition in range(PARTITIONS)}
    events = [json.loads(value) for value in committed(BROKERS, places)]
    refused = sum(1 for _ in committed(BROKERS, {(DEAD_LETTER, partition): 0 for partition in range(PARTITIONS)}))
    equal_to_oracle(events, refused, json.loads((data / "expected.json").read_text()))
    return {
        "rate": size / run.wall_s,
        "rate_second": size / 2 / run.second_wall_s,
        "cpu_us": run.cpu_s / size * 1e6,
        "cpu_us_second": run.second_cpu_s / (size / 2) * 1e6,
        "peak_mb": round(peak / 2**20),
        "events": len(events),
    }


def equal_to_oracle(events: Sequence[dict[str, Any]], refused: int, expected: dict[str, Any]) -> None:
    """Raises WrongOutput unless the events are those of the oracle, one by one, each with an id of its own. Waits that end with the data are left out, as there."""
    bound = expected["max_event_time_ms"] - SLACK_MS - HOUR_MS
    got: Counter[tuple[str, str, int]] = Counter()
    for event in events:
        data = event["data"]
        at = data["detail"]["low_at"] if data["event"] == LATE else event["time"]
        got[data["event"], data["customer_id"], round(datetime.fromisoformat(at).timestamp() * 1000)] += 1
    got = Counter({one: times for one, times in got.items() if one[0] != LATE or one[2] <= bound})
    wanted = Counter((event, customer, at) for event, rows in expected["events"].items() for customer, at in rows)
    twice = len(events) - len({event["id"] for event in events})
    missing, more = (wanted - got).total(), (got - wanted).total()
    if missing or more or twice or refused:
        examples = [*(wanted - got), *(got - wanted)][:3]
        raise WrongOutput(f"kairos: wanted the oracle's {wanted.total():,} events, got {missing:,} missing, {more:,} others, {twice:,} twice, {refused:,} dead letters: {examples}")


def sitting(peers: Path | None, lab: Path | None, which: Sequence[str], size: int, runs: int) -> dict[str, Any]:
    """All systems in turn, `runs` times: figures by system. Raises PeersFault, WrongOutput."""
    source, lab = checked(peers), (lab or default_lab()).resolve()
    lab.mkdir(parents=True, exist_ok=True)
    work = copied(source, lab)
    set_up(work, lab, which)
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in (FLOOR, *which, KAIROS)}
    with broker(lab):
        say(f"making and loading {size:,} records (once; about a minute for each million) …")
        data = prepared(work, lab, size)
        for run in range(1, runs + 1):
            for name, own in results.items():
                say(f"run {run} of {runs}: {name} …")
                own.append(kairos(data, size) if name == KAIROS else peer(name, work, lab, size, run))
                say(f"  {own[-1]['rate']:,.0f} records/s, second half {own[-1]['rate_second']:,.0f}, {own[-1]['cpu_us']:.2f} CPU us a record")
    return {"size": size, "customers": size // 15, "runs": results}
