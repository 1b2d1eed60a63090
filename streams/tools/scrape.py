"""What a worker reports of itself: its /metrics, read for `kairos status`."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from streams.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ANSWER_S = 5
Samples = list[tuple[str, dict[str, str], float]]
"""Name, labels and value."""


class ShardView(NamedTuple):
    """A shard by the metrics of the worker that holds it."""

    clock_s: float | None
    """Seconds since 1970; None before its first record."""
    restored_s: float | None
    """How long its last restore took; None where its state was not read yet."""


class WorkerView(NamedTuple):
    """A worker by its own metrics. Everything but `url` and `trouble` is None or empty where it does not answer."""

    url: str
    trouble: str | None
    """Why nothing is known of it."""
    version: str | None = None
    ready: bool = False
    state: str | None = None
    """In its group: `metrics.MEMBER_STATES`."""
    restoring: int = 0
    """Shards whose state is being read."""
    behind_s: float | None = None
    """How far the clock of its slowest shard with backlog is behind now; None where there is none, or only records that wait for stragglers."""
    rules_off: Mapping[str, list[int]] = {}
    """By event, the shards in which its rule is shut off."""
    latency: Mapping[float, float] = {}
    """Of events since it started: how many took at most so many seconds."""
    shards: Mapping[int, ShardView] = {}


def view(url: str, token: str | None) -> WorkerView:
    """Ask the worker at `url`. Raises SettingsError where that is no address."""
    checked_address(url, "--worker")
    request = urllib.request.Request(  # noqa: S310  # http or https, as was checked
        f"{url.rstrip('/').removesuffix('/metrics')}/metrics", headers={"Authorization": f"Bearer {token}"} if token else {}
    )
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:  # noqa: S310  # the same
            text = answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        error.close()
        wants = "it wants another token: name its file, metrics_token_file" if error.code == 401 else f"wanted its /metrics, got {error.code}"
        return WorkerView(url, wants)
    except OSError as error:
        return WorkerView(url, f"no answer: {getattr(error, 'reason', error)}")
    try:
        samples = [(sample.name, sample.labels, sample.value) for family in text_string_to_metric_families(text) for sample in family.samples]
    except ValueError:
        samples = []
    if not any(name == "kairos_build_info" for name, _, _ in samples):
        return WorkerView(url, "wanted the metrics of a Kairos worker, got others")
    return read(url, samples, time.time())


def checked_address(url: str, where: str) -> None:
    """Raises SettingsError where `url`, given as `where`, is no address of a worker."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise SettingsError(f"{where}: wanted an address such as http://127.0.0.1:9464, got {url!r}")


def read(url: str, samples: Samples, now: float) -> WorkerView:
    """The view that these samples give at `now` (seconds since 1970)."""
    state = next((labels["state"] for labels, value in of(samples, "kairos_member_state") if value), None)
    off: dict[str, list[int]] = {}
    for labels, value in of(samples, "kairos_rule_off"):
        if value:
            off.setdefault(labels["event"], []).append(int(labels["partition"]))
    waiting = {(labels["topic"], labels["partition"]): value for labels, value in of(samples, "kairos_waiting_records")}
    behind = {labels["partition"] for labels, value in of(samples, "kairos_consumer_lag_records") if value > waiting.get((labels["topic"], labels["partition"]), 0)}
    clocks = [value for labels, value in of(samples, "kairos_clock_seconds") if labels["partition"] in behind and value > 0]
    moments = {int(labels["partition"]): value for labels, value in of(samples, "kairos_clock_seconds")}
    restored = {int(labels["partition"]): value for labels, value in of(samples, "kairos_restore_seconds")}
    latency: Counter[float] = Counter()
    for labels, value in of(samples, "kairos_event_latency_seconds_bucket"):
        latency[float(labels["le"])] += int(value)
    return WorkerView(
        url,
        None,
        next(labels["version"] for labels, _ in of(samples, "kairos_build_info")),
        any(value for _, value in of(samples, "kairos_ready")),
        state,
        round(sum(value for _, value in of(samples, "kairos_restoring_shards"))),
        max(0.0, now - min(clocks)) if clocks else None,
        {event: sorted(shards) for event, shards in sorted(off.items())},
        dict(latency),
        {shard: ShardView(moments.get(shard) or None, restored.get(shard)) for shard in sorted(moments.keys() | restored.keys())},
    )


def wrong_with(one: WorkerView) -> list[str]:
    """What is wrong with a worker, a sentence each."""
    if one.trouble:
        return [f"worker {one.url}: {one.trouble}"]
    found = [f"{event} is shut off in shard{'s' if len(shards) > 1 else ''} {', '.join(map(str, shards))}: its rule raised an error" for event, shards in one.rules_off.items()]
    restoring = f": it restores {one.restoring} shard{'s' if one.restoring > 1 else ''}" if one.restoring else f": {one.url}/readyz says why"
    return [*([] if one.ready else [f"worker {one.url} is not ready{restoring}"]), *(f"worker {one.url}: {line}" for line in found)]


def of(samples: Samples, wanted: str) -> list[tuple[dict[str, str], float]]:
    """Labels and values of the samples of one name."""
    return [(labels, value) for name, labels, value in samples if name == wanted]


def quantile(share: float, views: Iterable[WorkerView]) -> float | None:
    """Within how many seconds this share of the events of all workers was committed: between two bounds by linear interpolation, as Prometheus does it.

    None where there was no event; beyond the last bound, that bound.
    """
    total: Counter[float] = Counter()
    for worker in views:
        total.update(worker.latency)
    bounds = sorted(total)
    if not bounds or not total[bounds[-1]]:
        return None
    rank, low, before = share * total[bounds[-1]], 0.0, 0.0
    for bound in bounds:
        if total[bound] >= rank and total[bound] > before:
            return low if bound == float("inf") else low + (bound - low) * (rank - before) / (total[bound] - before)
        low, before = (low if bound == float("inf") else bound), total[bound]
    return low
