"""`make broker`: a broker on the port that was asked for, which leaves nothing behind."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.broker.kafka import READY_S, lasting_port

ROOT = Path(__file__).parents[2]


def alone(port, tmp_path):
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "TMPDIR": str(tmp_path)}
    return subprocess.Popen([sys.executable, "-m", "tests.broker.alone", str(port)], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_broker_answers_on_its_port_until_it_is_interrupted(kafka, tmp_path):
    port = lasting_port()
    running = alone(port, tmp_path)
    try:
        assert running.stdout.readline() == f"Kafka on 127.0.0.1:{port}; Ctrl-C ends it, and what it holds is gone\n"
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        second = alone(port, tmp_path)
        assert f"127.0.0.1:{port} is in use: make broker PORT=...\n" in second.communicate(timeout=READY_S)[1]
        assert second.returncode == 1
    finally:
        running.send_signal(signal.SIGINT)
    assert running.wait(READY_S) == 0, running.stderr.read()
    assert list(tmp_path.iterdir()) == []
