"""What Prometheus scrapes, and the small server that answers /metrics, /healthz and /readyz. No label names a customer."""

from __future__ import annotations

import hmac
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from schemas.raw import RECORD_TYPES, type_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.shard import Step

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LONG = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600)
PLAIN = {"late": "late", "duplicate": "duplicates", "conflict": "conflicts", "terminated": "terminated", "stale": "stale"}


class Metrics:
    """All metrics of a worker."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        own: Any = {"registry": registry}
        self.detections = Counter("kairos_detections", "Customer events detected", ["event"], **own)
        self.records = Counter("kairos_records_in", "Raw records taken", ["topic", "record_type"], **own)
        self.rejects = Counter("kairos_rejects", "Raw records refused", ["reason"], **own)
        self.counted = {
            "late": Counter("kairos_late_records", "Records behind a later one of their customer and topic", **own),
            "duplicate": Counter("kairos_duplicate_records", "Repeats that were dropped", **own),
            "conflict": Counter("kairos_conflicting_records", "Repeats whose content differed", **own),
            "bad_msisdn": Counter("kairos_unreadable_msisdns", "Records whose msisdn is no E.164 number and was read as null", **own),
            "bill_lines_differ": Counter("kairos_differing_bill_lines", "Bills whose lines do not add up to the amount due", **own),
            "terminated": Counter("kairos_terminated_line_records", "Records of terminated lines, ignored by line rules", **own),
            "window_full": Counter("kairos_window_members_dropped", "Members dropped because a window held as many as it can", **own),
            "stale": Counter("kairos_stale_events", "Events too old to be published, sent to the missed topic", **own),
        }
        self.batch_seconds = Histogram("kairos_batch_seconds", "Merging, detecting and encoding one batch", buckets=FAST, **own)
        self.commit_seconds = Histogram("kairos_commit_seconds", "One Kafka transaction", buckets=FAST, **own)
        self.latency_seconds = Histogram("kairos_latency_seconds", "Append of a batch's newest record to commit of its events", buckets=LONG, **own)
        self.lag = Gauge("kairos_consumer_lag_records", "Records behind the end of a topic partition", ["topic", "partition"], **own)
        self.held = Gauge("kairos_held_back_records", "Offsets that may not be read before another producer ends its transaction", ["topic", "partition"], **own)
        self.ledger = Gauge("kairos_ledger_records", "Records behind the committed offset by what became of them, kept with the state", ["topic", "partition", "fate"], **own)
        self.clock = Gauge("kairos_clock_seconds", "Clock of a shard, seconds since 1970", ["partition"], **own)
        self.rows = Gauge("kairos_rows", "State rows in use", ["table", "partition"], **own)
        self.restore_seconds = Gauge("kairos_restore_seconds", "Time that the last restore of a shard took", ["partition"], **own)
        self.transaction_retries = Counter("kairos_transaction_retries", "Transactions begun anew after an error", **own)

    def step(self, step: Step) -> None:
        """Count what a committed step did."""
        for detection in step.detections:
            self.detections.labels(detection.event).inc()
        for name, number in step.counters.items():
            family, _, which = name.partition(".")
            if family == "reject":
                self.rejects.labels(which).inc(number)
            elif family == "record":
                record = RECORD_TYPES[int(which)]
                self.records.labels(record.topic, type_name(record)).inc(number)
            elif family in self.counted:
                self.counted[family].inc(number)

    def forget(self, partition: int) -> None:
        """A shard has gone: its gauges go too."""
        for gauge in (self.lag, self.held, self.ledger, self.clock, self.rows, self.restore_seconds):
            gauge.remove_by_labels({"partition": str(partition)})


class Status:
    """Whether the worker lives, and whether it is ready; each with a word why not."""

    def __init__(self) -> None:
        self.unwell: str | None = None
        self.waiting: Callable[[], str | None] = lambda: "starting"
        self.note: Callable[[], str | None] = lambda: None
        """What a worker that is ready should be looked at for."""


class Server:
    """/metrics, /healthz and /readyz over plain HTTP in a thread of its own; with a token, /metrics wants it as bearer."""

    def __init__(self, metrics: Metrics, status: Status, host: str, port: int, token: str | None = None) -> None:
        answers: dict[str, Callable[[], tuple[int, str, bytes]]] = {
            "/metrics": lambda: (200, CONTENT_TYPE_LATEST, generate_latest(metrics.registry)),
            "/healthz": lambda: verdict(status.unwell),
            "/readyz": lambda: verdict(status.unwell or status.waiting(), status.note()),
        }

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:  # http.server's name
                path = self.path.split("?", 1)[0]
                answer = answers.get(path)
                if path == "/metrics" and token is not None and not self._knows(token):
                    code, kind, body = 401, "text/plain", b"wanted the token: Authorization: Bearer ...\n"
                else:
                    code, kind, body = answer() if answer is not None else (404, "text/plain", b"there are /metrics, /healthz and /readyz\n")
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _knows(self, token: str) -> bool:
                given = self.headers.get("Authorization", "")
                return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
                """Nothing is logged."""

        self.http = ThreadingHTTPServer((host, port), Handler)
        self.http.daemon_threads = True
        self.port: int = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, name="metrics", daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self.http.shutdown()
        self.http.server_close()


def verdict(why_not: str | None, note: str | None = None) -> tuple[int, str, bytes]:
    """200 ok (and a note), or 503 and why."""
    if why_not is not None:
        return 503, "text/plain", f"{why_not}\n".encode()
    return 200, "text/plain", f"ok, but {note}\n".encode() if note else b"ok\n"
