"""The metrics that Prometheus scrapes, and the small server for /metrics, /healthz and /readyz. No label names a customer."""

from __future__ import annotations

import hmac
import logging
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from schemas.raw import RECORD_TYPES, type_name
from streams.emit import PREFIX
from streams.logs import about, log
from streams.settings import SettingsError
from streams.valve import COUNTER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from streams.definitions.rates import Rate
    from streams.emit import Message
    from streams.shard import Step

logger = logging.getLogger("kairos.metrics")
FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LONG = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600)
MEMBER_STATES = ("joining", "rebalancing", "stable")
"""Of a worker in its consumer group: no partitions were assigned to it yet, they are being assigned again, it has its share (perhaps none)."""


def is_state(state: Callable[[], str], name: str) -> float:
    """1 where `state()` is `name`."""
    return float(state() == name)


class Metrics:
    """All metrics of a worker."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        own: Any = {"registry": registry}
        self.detections = Counter("kairos_detections", "Customer events detected", ["event"], **own)
        self.records = Counter("kairos_records_in", "Raw records accepted", ["topic", "record_type"], **own)
        self.rejects = Counter("kairos_rejects", "Raw records refused", ["reason"], **own)
        self.late = Counter("kairos_late_records", "Records behind a later one of their customer and topic", ["topic", "record_type"], **own)
        self.counted = {
            "duplicate": Counter("kairos_duplicate_records", "Repeats that were dropped", **own),
            "conflict": Counter("kairos_conflicting_records", "Repeats whose content differed", **own),
            "bad_msisdn": Counter("kairos_unreadable_msisdns", "Records whose msisdn is no E.164 number and was read as null", **own),
            "bill_lines_differ": Counter("kairos_differing_bill_lines", "Bills whose lines do not add up to the amount due", **own),
            "terminated": Counter("kairos_terminated_line_records", "Records of terminated lines, ignored by line rules", **own),
            "window_full": Counter("kairos_window_members_dropped", "Members dropped because a window held as many as it can", **own),
            "ids_forgotten": Counter("kairos_forgotten_ids", "Record ids let go within the late limit because a customer had as many in a topic as it can", **own),
            "stale": Counter("kairos_stale_events", "Events too old to be published, sent to the missed topic", **own),
        }
        self.valved = Counter("kairos_events_valved", "Events beyond the allowance of their day, sent to the missed topic", ["event"], **own)
        self.expected = Gauge("kairos_expected_rate", "Events a customer and day that an event promises", ["event", "bound"], **own)
        self.batch_seconds = Histogram("kairos_batch_seconds", "Merging, detecting and encoding one batch", buckets=FAST, **own)
        self.commit_seconds = Histogram("kairos_commit_seconds", "One Kafka transaction", buckets=FAST, **own)
        self.latency_seconds = Histogram("kairos_latency_seconds", "Append of a batch's newest record to commit of its events", buckets=LONG, **own)
        self.event_latency = Histogram(
            "kairos_event_latency_seconds", "Append of an event's trigger record to commit of the event; timers have none", ["family"], buckets=LONG, **own
        )
        self.lag = Gauge(
            "kairos_consumer_lag_records", "Offsets of a topic partition that are not committed yet: its last stable offset less the group's", ["topic", "partition"], **own
        )
        self.waiting = Gauge(
            "kairos_waiting_records",
            "Offsets above the committed one that are no backlog: their records wait for stragglers, or for other topics that do, or are done",
            ["topic", "partition"],
            **own,
        )
        self.early = Counter("kairos_early_records", "Records that left before their wait was over, because more than wait_bytes were waiting", ["topic"], **own)
        self.held = Gauge("kairos_held_back_records", "Offsets that may not be read before another producer ends its transaction", ["topic", "partition"], **own)
        self.ledger = Gauge("kairos_ledger_records", "Records that are done by their fate, kept with the state", ["topic", "partition", "fate"], **own)
        self.clock = Gauge("kairos_clock_seconds", "Clock of a shard, seconds since 1970", ["partition"], **own)
        self.rows = Gauge("kairos_rows", "State rows in use", ["table", "partition"], **own)
        self.restore_seconds = Gauge("kairos_restore_seconds", "Time that the last restore of a shard took", ["partition"], **own)
        self.contact = Gauge("kairos_broker_contact_age_seconds", "Time since a broker last answered", **own)
        self.group_contact = Gauge("kairos_group_contact_age_seconds", "Time since the group's coordinator last answered", **own)
        self.ready = Gauge("kairos_ready", "1 where /readyz says ok", **own)
        self.member = Gauge("kairos_member_state", "1 for the state of the worker in its consumer group", ["state"], **own)
        self.unowned = Gauge("kairos_unowned_lag_records", "Records of partitions that no member of the group holds, not committed yet", ["topic"], **own)
        self.restoring = Gauge("kairos_restoring_shards", "Shards whose state is being read", **own)
        Info("kairos_build", "The installed version", **own).info({"version": version("kairos")})
        ProcessCollector(registry=registry)
        self.rule_off = Gauge("kairos_rule_off", "1 for an event whose rule raised an error and is shut off in a shard", ["event", "partition"], **own)
        self.rule_failures = Counter("kairos_rule_failures", "Times that a rule raised an error and was shut off", ["event"], **own)
        self.reference_version = Gauge("kairos_reference_version", "Versions of the reference tables since the start of the worker, the one in use the last: 1 at the start", **own)
        self.reference_loaded = Gauge("kairos_reference_loaded_seconds", "When the reference tables in use were applied, seconds since 1970", **own)
        self.reference_rows = Gauge("kairos_reference_rows", "Rows of the reference tables in use", ["table"], **own)
        self.reference_refused = Gauge(
            "kairos_reference_refused", "1 where the files of the reference tables have changed and are refused: the tables before them stay in use", **own
        )
        self.switched_off = Counter("kairos_events_switched_off", "Customer events that were detected and not published, since their event is off", ["event"], **own)
        self.settings_version = Gauge("kairos_settings_version", "Version of the changed settings that a shard evaluates by; 0: none was ever changed", ["partition"], **own)
        self.settings_ignored = Gauge("kairos_settings_ignored", "Records and values of the control topic that cannot be used: what was in force before them stays", **own)
        self.transaction_retries = Counter("kairos_transaction_retries", "Transactions repeated after an error", **own)

    def watch(self, broker_silent_s: Callable[[], float], group_silent_s: Callable[[], float]) -> None:
        """Set the function that returns the age of the last contact; it is called at every scrape."""
        self.contact.set_function(broker_silent_s)
        self.group_contact.set_function(group_silent_s)

    def member_is(self, state: Callable[[], str]) -> None:
        """Set the function that returns the worker's state in the group, one of MEMBER_STATES; it is called at every scrape."""
        for name in MEMBER_STATES:
            self.member.labels(name).set_function(partial(is_state, state, name))

    def promise(self, rates: Mapping[str, Rate], valves: Iterable[str]) -> None:
        """Show what events promise; those that promise a rate, or have a valve, are counted from zero on, so that silence is seen too."""
        for event, rate in rates.items():
            self.expected.labels(event, "low").set(float(rate.low))
            self.expected.labels(event, "high").set(float(rate.high))
            self.detections.labels(event)
        for event in valves:
            self.valved.labels(event)

    def committed(self, events: Sequence[Message], appended_ms: Iterable[int | None], now_ms: float) -> None:
        """Note how long ago the triggers of `events`, which are committed now, were appended (epoch ms); None: no trigger."""
        of_topic: dict[str, Histogram] = {}
        for event, appended in zip(events, appended_ms, strict=False):
            if appended is None:
                continue
            histogram = of_topic.get(event.topic)
            if histogram is None:
                histogram = of_topic[event.topic] = self.event_latency.labels(event.topic.removeprefix(PREFIX))
            histogram.observe(max(0.0, (now_ms - appended) / 1000))

    def step(self, step: Step) -> None:
        """Count what a committed step did."""
        for detection in step.detections:
            self.detections.labels(detection.event).inc()
        for name, number in step.counters.items():
            family, _, which = name.partition(".")
            if family == "reject":
                self.rejects.labels(which).inc(number)
            elif family in ("record", "late") and which:
                record = RECORD_TYPES[int(which)]
                (self.records if family == "record" else self.late).labels(record.topic, type_name(record)).inc(number)
            elif family == COUNTER:
                self.valved.labels(which).inc(number)
            elif family == "early":
                self.early.labels(which).inc(number)
            elif family == "switched_off":
                self.switched_off.labels(which).inc(number)
            elif family in self.counted:
                self.counted[family].inc(number)

    def forget(self, partition: int) -> None:
        """Remove the gauges of a shard that left this worker."""
        for gauge in (self.lag, self.waiting, self.held, self.ledger, self.clock, self.rows, self.restore_seconds, self.rule_off, self.settings_version):
            gauge.remove_by_labels({"partition": str(partition)})


class Status:
    """Whether the worker lives, and whether it is ready; each with the reason if not."""

    def __init__(self) -> None:
        self.unwell: str | None = None
        self.waiting: Callable[[], str | None] = lambda: "starting"
        self.note: Callable[[], str | None] = lambda: None
        """What needs attention although the worker is ready."""

    def not_ready(self) -> str | None:
        """Why the worker is not ready, if so."""
        return self.unwell or self.waiting()


class Listener(ThreadingHTTPServer):
    """An HTTP server that logs no traceback when a client closes the connection."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """One line; a scraper that did not wait is the usual cause."""
        error = sys.exception()
        log(logger, logging.WARNING, "a request could not be answered", **(about(error) if error is not None else {}))


class Server:
    """/metrics, /healthz and /readyz over plain HTTP in a thread of its own; with a token set, /metrics requires it as bearer."""

    def __init__(self, metrics: Metrics, status: Status, host: str, port: int, token: str | None = None) -> None:
        answers: dict[str, Callable[[], tuple[int, str, bytes]]] = {
            "/metrics": lambda: (200, CONTENT_TYPE_LATEST, generate_latest(metrics.registry)),
            "/healthz": lambda: health_answer(status.unwell),
            "/readyz": lambda: health_answer(status.not_ready(), status.note()),
        }
        metrics.ready.set_function(lambda: float(status.not_ready() is None))

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
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

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Log nothing."""

        try:
            self.http = Listener((host, port), Handler)
        except (OSError, OverflowError) as error:
            what = error.strerror if isinstance(error, OSError) else "no such port"
            raise SettingsError(f"metrics_port: wanted a free port from 0 to 65535 (0: any) on {host}, got {port}: {what}; name another with --metrics-port") from error
        self.port: int = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, name="metrics", daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self.http.shutdown()
        self.http.server_close()


def health_answer(why_not: str | None, note: str | None = None) -> tuple[int, str, bytes]:
    """200 ok (and a note), or 503 and why."""
    if why_not is not None:
        return 503, "text/plain", f"{why_not}\n".encode()
    return 200, "text/plain", f"ok, but {note}\n".encode() if note else b"ok\n"
