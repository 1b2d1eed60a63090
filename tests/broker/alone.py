"""`make broker`: the broker of the tests on a known port, to follow the pages with; ended, it leaves nothing."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import tempfile
from pathlib import Path

from tests.broker.kafka import BrokerMissing, KafkaBroker


def main(port: int) -> None:
    """Run it until SIGINT or SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts what runs in the background with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise SystemExit(f"127.0.0.1:{port} is in use: make broker PORT=...") from None
    with tempfile.TemporaryDirectory(prefix="kairos-broker-") as folder, contextlib.suppress(KeyboardInterrupt):
        broker = KafkaBroker(Path(folder), port=port, brief=False)
        try:
            broker.start()
            print(f"Kafka on 127.0.0.1:{port}; Ctrl-C ends it, and what it holds is gone", flush=True)
            signal.pause()
        except BrokerMissing as missing:
            raise SystemExit(str(missing)) from None
        finally:
            broker.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]))
