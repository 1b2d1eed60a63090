"""CPU by part: what a thread has used is counted where it was, and all of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.speed.sampler import PARTS, part_of

BUSY = """
import json, threading, time
from tests.speed.sampler import Sampler

def burn(file, seconds):
    space = {}
    exec(compile("def work(end, now):\\n    while now() < end:\\n        sum(range(100))\\n", file, "exec"), space)
    space["work"](time.thread_time() + seconds, time.thread_time)

sampler = Sampler()
other = threading.Thread(target=burn, args=("/x/aiokafka/consumer/fetcher.py", 0.2))
begin = time.process_time()
sampler.start()
other.start()
burn("/x/streams/engine/plan.py", 0.4)
other.join()
print(json.dumps([sampler.stop(), time.process_time() - begin]))
"""


def test_the_innermost_frame_with_a_part_names_it():
    assert part_of(["numpy/core.py", "x/streams/engine/state/store.py", "x/streams/engine/engine.py", "x/streams/shard.py"]) == "state rows"
    assert part_of(["json/encoder.py", "x/streams/engine/detection.py", "x/streams/shard.py"]) == "emission"
    assert part_of(["asyncio/events.py"]) == "event loop"
    assert part_of(["threading.py"]) == part_of([]) == "other"
    assert len({part for part, _ in PARTS}) == len(PARTS)


def test_all_threads_count_by_the_cpu_they_use():
    import json

    seconds, together = json.loads(subprocess.run([sys.executable, "-c", BUSY], capture_output=True, text=True, check=True).stdout)
    assert seconds["engine"] == pytest.approx(0.4, rel=0.25)
    assert seconds["fetch"] == pytest.approx(0.2, rel=0.25)
    assert sum(seconds.values()) == pytest.approx(together, rel=0.15)
