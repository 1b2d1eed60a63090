"""Random faults for a time, on one application with input that keeps coming: `make faults-random SEED=7 MINUTES=30`."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

pytestmark = [pytest.mark.broker, pytest.mark.fault_full]
SEED, MINUTES = int(os.environ.get("SEED", "1")), float(os.environ.get("MINUTES", "30"))


def test_a_random_schedule(trial, own_broker):
    """Rounds of one to four faults, each round with topics of its own and the whole check at its end."""
    dice, deadline, rounds = random.Random(SEED), time.monotonic() + 60 * MINUTES, 0
    broker = own_broker()
    while time.monotonic() < deadline:
        rounds += 1
        run = trial(99, "random schedule", bootstrap=broker.bootstrap)
        run.start("--instance", "w0")
        for _ in range(dice.randint(1, 4)):
            run.wait_progress(90)
            strike(run, broker, dice)
        run.finish(180)
        print(f"seed {SEED}, round {rounds}: {run.check()}", flush=True)


def strike(run, broker, dice):
    """One fault, drawn."""
    worker, more = dice.choice(run.running)
    match dice.choice(("kill", "kill", "term", "freeze", "guest", "broker", "broker_kill")):
        case "kill":
            run.kill(worker)
            run.start(*more)
        case "term":
            run.terminate(worker)
            run.start(*more)
        case "freeze":
            worker.send_signal(signal.SIGSTOP)
            time.sleep(dice.choice((1, 8)))
            worker.send_signal(signal.SIGCONT)
        case "guest":
            run.start("--instance", f"w{len(run.cluster.workers)}")
        case "broker":
            broker.stop()
            time.sleep(dice.random() * 3)
            broker.start()
        case "broker_kill":
            broker.kill()
            broker.start()
    run.strike()
