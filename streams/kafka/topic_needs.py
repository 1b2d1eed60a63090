"""What is needed of each topic's configuration: what would lose records is a fault, what leaves little margin is a warning; each says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from schemas.columns import DAY_MS
from schemas.raw import TOPICS

if TYPE_CHECKING:
    from collections.abc import Mapping

MINUTE_MS = 60_000
THIN_BYTES = 1_048_576
"""A topic whose limit is below the broker's default is a warning."""
LARGE_SEGMENT = 128 * 1024 * 1024
"""A state topic with larger segments is a warning."""
SAFE_COPIES = 3


class Topic(NamedTuple):
    """A topic as it is on the broker."""

    name: str
    config: Mapping[str, str]
    replication: int

    def number(self, name: str, default: int) -> int:
        """A whole number of the configuration; what the broker did not report is no fault."""
        return int(self.config.get(name) or default)


class Findings(NamedTuple):
    """Lines of faults and of warnings."""

    faults: list[str]
    warnings: list[str]


def examine(topics: Mapping[str, Topic], changelog: str, control: str, *, wall_clock: bool) -> Findings:
    """All faults and warnings about the topics that are there."""
    found = Findings([], [])
    for topic in topics.values():
        if topic.name == changelog:
            state_policy(topic, found, wall_clock=wall_clock)
        elif topic.name == control:
            control_policy(topic, found)
        else:
            log_policy(topic, found)
        size(topic, found)
        copies(topic, found)
    single = sorted(topic.name for topic in topics.values() if topic.replication == 1)
    if single:
        found.warnings.append(f"one copy only of {len(single)} topics ({single[0]}, …): a broker that is lost takes them along: replication 3 in production")
    return found


def state_policy(topic: Topic, found: Findings, *, wall_clock: bool) -> None:
    """The state topic keeps the newest row of each key, forever, carries the broker's time, and is compacted often."""
    policy = topic.config.get("cleanup.policy", "compact")
    if policy != "compact":
        found.faults.append(f"{topic.name}: cleanup.policy must be compact, or the state is lost with time: got {policy}: alter the topic")
    stamp = topic.config.get("message.timestamp.type", "LogAppendTime")
    if stamp != "LogAppendTime":
        line = f"{topic.name}: message.timestamp.type must be LogAppendTime, by which the wall clock is checked: got {stamp}: alter the topic"
        (found.faults if wall_clock else found.warnings).append(line)
    segment = topic.number("segment.bytes", 0)
    if segment > LARGE_SEGMENT:
        found.warnings.append(
            f"{topic.name}: segment.bytes should be at most {LARGE_SEGMENT}, got {segment}: the newest segment of a partition is never compacted, and a start reads all of it: alter the topic"
        )


def control_policy(topic: Topic, found: Findings) -> None:
    """The control topic keeps every version, forever."""
    policy = topic.config.get("cleanup.policy", "compact")
    if policy != "compact":
        found.faults.append(f"{topic.name}: cleanup.policy must be compact, or what was changed is lost with time: got {policy}: alter the topic")


def log_policy(topic: Topic, found: Findings) -> None:
    """All other topics keep every record for a while."""
    policy = topic.config.get("cleanup.policy", "delete")
    raw = topic.name in TOPICS
    lost = "unread records" if raw else "what consumers have not read yet"
    if "compact" in policy:
        found.faults.append(f"{topic.name}: cleanup.policy must be delete, got {policy}: compaction deletes {lost}: alter the topic")
    elif policy != "delete":
        found.warnings.append(f"{topic.name}: cleanup.policy should be delete, got {policy or 'none'}: the topic grows forever")
    kept = topic.number("retention.ms", -1)
    if 0 <= kept < MINUTE_MS:
        found.faults.append(f"{topic.name}: retention.ms must be at least {MINUTE_MS} (a minute), better {DAY_MS} (a day), got {kept}: it deletes {lost}: alter the topic")
    elif 0 <= kept < DAY_MS:
        found.warnings.append(f"{topic.name}: retention.ms should be at least {DAY_MS} (a day), got {kept}: after an outage as long as that, {lost} are deleted")
    most = topic.number("retention.bytes", -1)
    if most >= 0:
        found.warnings.append(f"{topic.name}: retention.bytes should be -1, got {most}: it deletes {lost} as soon as a partition is larger")


def size(topic: Topic, found: Findings) -> None:
    """How large a record may be; nothing of ours is written to raw topics."""
    most = topic.number("max.message.bytes", THIN_BYTES)
    if topic.name not in TOPICS and most < THIN_BYTES:
        found.warnings.append(f"{topic.name}: max.message.bytes should be at least {THIN_BYTES}, got {most}: a larger record ends the worker, and batches are small")


def copies(topic: Topic, found: Findings) -> None:
    """How many brokers may be away before nothing can be written, or what was written is lost."""
    least = topic.number("min.insync.replicas", 1)
    if least > topic.replication:
        found.faults.append(f"{topic.name}: min.insync.replicas must be at most its {topic.replication} copies, got {least}: nothing can be written: alter the topic")
    elif least == topic.replication > 1:
        found.warnings.append(f"{topic.name}: min.insync.replicas should be less than its {topic.replication} copies, got {least}: one broker away stops all writing")
    elif least == 1 and topic.replication >= SAFE_COPIES:
        found.warnings.append(f"{topic.name}: min.insync.replicas should be 2 with {topic.replication} copies, got 1: what one broker alone has confirmed can be lost with it")
    if topic.config.get("unclean.leader.election.enable") == "true":
        found.warnings.append(f"{topic.name}: unclean.leader.election.enable should be false: a broker that is behind may take over, and confirmed records are lost")
