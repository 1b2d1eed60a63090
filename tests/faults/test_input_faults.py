"""Faults of the input and of the rules: malformed, misdated, out of order, huge, crowded on one key; rules that raise or never end."""

from __future__ import annotations

import asyncio
import json
import random
import resource
import signal
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from streams.emit import MISSED
from tests.broker.kafka import read_all
from tests.broker.workers import OUTPUTS
from tests.faults.harness import MIDNIGHT_MS, Result, note
from tests.intake.test_decode import BAD
from tests.streams.records import good

pytestmark = pytest.mark.broker
full = pytest.mark.fault_full
HOUR = 3_600_000


def one_restart(run):
    """Work the input off, with a kill in the middle."""
    worker = run.start("--instance", "w1")
    run.wait_progress()
    run.kill(worker)
    run.start("--instance", "w1")
    run.finish()


def test_malformed_bytes_depth_numbers_and_types_among_good_records(trial, village):
    records, arguments = village
    dice = random.Random(3)
    mixed = []
    for record in records:
        mixed.append(record)
        if dice.random() < 0.05:
            mixed.append((record[0], None, record[2], dice.choice(BAD)[1]))
    mixed += [("raw.usage", 0, b"C1", None), ("raw.usage", 0, None, b"{}")]
    run = trial(17, "malformed bytes, depth, numbers, types (17 to 20)", records=(mixed, arguments))
    run.hits = len(mixed) - len(records)
    one_restart(run)
    run.check()


def test_out_of_order_late_and_twice(trial, village):
    records, arguments = village
    dice = random.Random(4)
    shuffled = []
    for begin in range(0, len(records), 12):
        chunk = list(records[begin : begin + 12])
        dice.shuffle(chunk)
        shuffled += chunk
        if dice.random() < 0.3:
            shuffled.append(dice.choice(shuffled[-400:]))
    run = trial(21, "out of order, late and twice", records=(shuffled, arguments))
    run.hits = 1
    one_restart(run)
    run.check()


def test_times_of_1970_of_2262_in_seconds_and_ten_years_ahead(trial, village):
    records, arguments = village
    dice = random.Random(5)
    dated = []
    wrong = [0, MIDNIGHT_MS // 1000, MIDNIGHT_MS + 3650 * 24 * HOUR, MIDNIGHT_MS + 40 * 24 * HOUR, "yesterday"]
    far = [9_223_372_036_854, "2262-04-11T23:47:16Z"]  # of two customers in a row the clock of the records believes them, and every year of every line passes
    for number, record in enumerate(records):
        dated.append(record)
        last = number >= len(records) - 500
        if dice.random() < (0.2 if last else 0.01):
            fields = {"customer_id": (record[2] or b"").decode(), "record_id": f"dated-{number}", "event_time": dice.choice([*wrong, *far] if last else wrong)}
            dated.append(("raw.billing", None, record[2], json.dumps(good("balance_change", **fields)).encode()))
    run = trial(22, "times of 1970, of 2262, in seconds, ten years ahead", records=(dated, arguments))
    run.hits = len(dated) - len(records)
    one_restart(run)
    published = asyncio.run(read_all(run.cluster.bootstrap, [*OUTPUTS, MISSED]))
    assert any(b'"time":"2261-' in record.value for record in published), "the clock of the records did not leap"
    run.check()


def test_one_customer_makes_nine_tenths_of_everything(trial, town):
    records, arguments = town
    crowd = [(topic, None, key, value) for topic, _, key, value in records[:550]]
    hot = [
        (
            "raw.billing",
            None,
            b"HOT",
            json.dumps(good("balance_change", customer_id="HOT", record_id=f"h{n}", event_time=MIDNIGHT_MS + n * 30_000, delta=-10, balance_after=50_000 - n)).encode(),
        )
        for n in range(5_000)
    ]
    run = trial(26, "hot key: one customer makes nine tenths", records=([*hot[:2000], *crowd, *hot[2000:]], arguments))
    run.hits = len(hot)
    one_restart(run)
    run.check()


RULE = '''"""{doc}"""
import time

from events.stories import charge
from events.words import B, charges
from streams.define import Case, Detail, Event
from streams.engine.expression import Expr


class Odd(Expr):
    kind = "bool"
    nullable = False

    def children(self):
        return (B.delta,)

    def evaluate(self, on):
        values = B.delta.evaluate(on)
        {body}
        return values < -999_999_999

    def __str__(self):
        return "odd"


class Poison(Event, by="line"):
    when = charges.where(Odd())

    detail = Detail(balance_after=B.balance_after)


CASES = [Case("everything is spent", [charge(2_000_000_000, 0)], [{{"balance_after": 0, "currency": "CNY"}}]), Case("a little is spent", [charge(900, 800)], [])]
'''


def definitions(folder, body):
    where = folder / "mine" / "balance"
    where.mkdir(parents=True)
    (where / "poison.py").write_text(RULE.format(doc="A rule that fails.", body=body))
    return str(folder / "mine")


def poisoned(records, every):
    """Records with a poison after every so many, and which they are."""
    mixed, poison = [], 0
    for number, record in enumerate(records):
        mixed.append(record)
        if number % every == every - 1:
            poison += 1
            fields = {
                "customer_id": (record[2] or b"C1").decode(),
                "record_id": f"poison-{number}",
                "event_time": MIDNIGHT_MS + HOUR + number,
                "delta": -777,
                "balance_after": 123_456,
            }
            mixed.append(("raw.billing", None, record[2], json.dumps(good("balance_change", **fields)).encode()))
    return mixed, poison


def check_without_the_rule(run):
    """The rule is shut off by name, once a shard and process; no record is refused, and events and state are as if it had never been there."""
    lines = [json.loads(line) for line in run.cluster.logs().splitlines() if line.startswith("{")]
    shards = [line["shard"] for line in lines if line["message"] == "a rule raises and is shut off" and line["events"] == ["balance.poison"]]
    assert 0 < len(shards) <= 2 * run.cluster.partitions
    assert all(shards.count(shard) <= 2 for shard in shards)
    run.definitions = None
    run.check()


def test_a_rule_raises_at_some_records(trial, town, tmp_path):
    records, arguments = town
    good_ones = [record for record in records[:6000] if record[3] and len(record[3]) < 2000]
    mixed, poison = poisoned(good_ones, 1000)
    run = trial(27, "a rule raises at one record in a thousand", records=(mixed, arguments), definitions=definitions(tmp_path, "if (values == -777).any(): raise ValueError('no')"))
    run.hits = poison
    one_restart(run)
    check_without_the_rule(run)


@full
def test_a_rule_raises_at_many_records(trial, towns, tmp_path):
    """At one in seven; none of the rehearsal's is among them."""
    records, arguments = towns(160, 7)
    run = trial(
        27, "a rule raises at one record in seven", records=(records[:3000], arguments), definitions=definitions(tmp_path, "if (values % 7 == 3).any(): raise ValueError('no')")
    )
    run.hits = 1
    one_restart(run)
    check_without_the_rule(run)


def test_a_rule_never_ends(trial, town, tmp_path):
    records, arguments = town
    mixed, _ = poisoned(records[:4000], 4000)
    where = definitions(tmp_path, "if (values == -777).any(): time.sleep(30)")
    run = trial(28, "a rule that blocks for 30 s", records=(mixed, arguments), definitions=where)
    run.environment["KAIROS_STALL_S"] = "3"
    worker = run.start()
    assert run.wait_dead(worker) == 70
    run.strike()
    assert "stalls, the worker ends" in run.cluster.logs()
    (tmp_path / "mine" / "balance" / "poison.py").write_text(RULE.format(doc="Mended.", body="pass"))
    run.start()
    run.finish()
    run.check()


@full
def test_no_file_can_be_written(trial):
    run = trial(15, "no file can be written (RLIMIT_FSIZE 0)")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        run.start()
        time.sleep(0.5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    run.strike()
    run.finish()
    run.check()


@full
def test_memory_runs_out(trial):
    run = trial(16, "memory limit reached, lifted after the end")
    worker = run.start()
    run.wait_progress()
    with Path(f"/proc/{worker.pid}/status").open() as status:
        size = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmSize"))
    resource.prlimit(worker.pid, resource.RLIMIT_AS, (size, size))
    code = run.wait_dead(worker)
    assert code not in (0, None)
    run.strike()
    run.start()
    run.finish()
    run.check()


@full
def test_records_of_ten_megabytes_and_keys_of_one(trial, town):
    records, arguments = town
    large = [("raw.usage", 1, b"C1", b'{"a":"' + b"x" * 10_000_000 + b'"}'), ("raw.usage", 1, b"k" * 1_000_000, b"{}")]
    run = trial(24, "10 MB records, 1 MB key", records=([*records[:5000], *large, *records[5000:10_000], *large], arguments))
    run.hits = 4
    one_restart(run)
    run.check()


@full
def test_a_bomb_of_zeros(trial, town):
    """64 KiB on the wire become 16 MiB of one record, again and again."""
    records, arguments = town
    run = trial(25, "decompression bombs", records=(records[:5000], arguments))

    async def bombs():
        producer = AIOKafkaProducer(bootstrap_servers=run.cluster.bootstrap, compression_type="gzip", max_request_size=64 * 2**20, max_batch_size=64 * 2**20)
        await producer.start()
        for _ in range(6):
            await producer.send_and_wait("raw.usage", b"0" * (60 * 2**20), key=b"C1", partition=0)
        await producer.stop()

    asyncio.run(bombs())
    run.hits = 6
    worker = run.start()
    run.finish()
    assert worker.returncode == 0
    run.check()


@full
def test_definitions_are_rolled_forward_and_back_on_live_state(trial, tmp_path):
    run = trial(32, "definitions rolled forward and back on live state")
    where = definitions(tmp_path, "pass")
    for more in ((), ("--definitions", where), ()):
        worker = run.start("--instance", "w1", *more)
        run.wait_progress()
        time.sleep(0.5)
        assert run.kill(worker, signal.SIGTERM) == 0
        run.strike()
    run.start("--instance", "w1")
    run.finish()
    run.check()


def test_the_wall_clock_steps_by_a_day():
    """Fault 23: ids and bodies are the same at any time of the wall clock."""
    from streams.shard import ShardSettings
    from tests.shards import Bench

    found = []
    for step in (0, 86_400_000, -86_400_000):
        bench = Bench()
        bench.shard.settings = ShardSettings(wall_clock=True)
        record = good("balance_change", delta=-3000, balance_after=900, event_time=MIDNIGHT_MS)
        bench.shard.feed("raw.billing", [0], [b"C1"], [json.dumps(record).encode()], next_offset=1, caught_up=True)
        taken = bench.shard.step(MIDNIGHT_MS + step, 100)
        found.append(sorted(message.value for message in (*taken.events, *taken.missed)))
    wrong = sum(other != found[0] for other in found[1:])
    note(Result(23, "wall clock a day off, both ways", hits=2, lost=0, doubled=0, wrong=wrong, recovery_s=None, seed=1))
    assert found[0]
    assert not wrong
