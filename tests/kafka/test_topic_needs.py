"""What is refused and what is warned of in the configuration of topics, on both sides of every bound."""

from __future__ import annotations

import pytest

from schemas.columns import DAY_MS
from schemas.raw import TOPICS
from streams.kafka.topic_needs import MINUTE_MS, Topic, examine
from streams.kafka.topics import create_command, wanted_topics
from streams.settings import load

OUTPUTS = ["customer-events.balance", "customer-events.dead-letter", "customer-events.missed"]
LOGS = [*TOPICS, *OUTPUTS]
STATE, CONTROL = "kairos.state", "kairos.control"


def found(name, *, replication=2, wall_clock=True, **config):
    given = {"cleanup.policy": "compact" if name in (STATE, CONTROL) else "delete", **{key.replace("_", "."): value for key, value in config.items()}}
    return examine({name: Topic(name, given, replication)}, STATE, CONTROL, wall_clock=wall_clock)


def test_what_kairos_creates_gives_no_fault_and_no_warning():
    wanted = wanted_topics(load(environ={}), ["balance"])
    own = {name: Topic(name, {"cleanup.policy": "delete", "max.message.bytes": "1048588", **config, "min.insync.replicas": "2"}, 3) for name, config in wanted.items()}
    assert examine(own, STATE, CONTROL, wall_clock=True) == ([], [])
    assert wanted[STATE]["message.timestamp.type"] == "LogAppendTime"


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("policy", ["compact", "compact,delete", "delete,compact"])
def test_compaction_of_records_is_refused(name, policy):
    (fault,) = found(name, cleanup_policy=policy).faults
    assert fault.startswith(f"{name}: cleanup.policy must be delete, got {policy}")


@pytest.mark.parametrize("policy", ["delete", "compact,delete"])
def test_state_must_be_compacted_and_nothing_else(policy):
    (fault,) = found(STATE, cleanup_policy=policy).faults
    assert "cleanup.policy must be compact" in fault


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize(("kept", "faults", "warnings"), [(0, 1, 0), (1000, 1, 0), (MINUTE_MS - 1, 1, 0), (MINUTE_MS, 0, 1), (DAY_MS - 1, 0, 1), (DAY_MS, 0, 0), (-1, 0, 0)])
def test_short_retention_is_refused_or_gives_a_warning(name, kept, faults, warnings):
    result = found(name, retention_ms=str(kept))
    assert (len(result.faults), len(result.warnings)) == (faults, warnings)
    assert all(str(kept) in line and "retention.ms" in line for line in (*result.faults, *result.warnings))


def test_a_bound_in_bytes_gives_a_warning():
    assert found("raw.usage", retention_bytes="1000000").warnings
    assert not found("raw.usage", retention_bytes="-1").warnings


@pytest.mark.parametrize("name", [*OUTPUTS, STATE])
def test_small_records_give_a_warning_where_we_write(name):
    assert "max.message.bytes should be at least 1048576, got 20000" in found(name, max_message_bytes="20000").warnings[0]
    assert not found(name, max_message_bytes="1048576").warnings
    assert not found("raw.usage", max_message_bytes="20000").warnings


def test_the_state_topic_must_carry_the_brokers_time_where_the_wall_clock_counts():
    assert "message.timestamp.type must be LogAppendTime" in found(STATE, message_timestamp_type="CreateTime").faults[0]
    assert found(STATE, message_timestamp_type="CreateTime", wall_clock=False).faults == []
    assert found(STATE, message_timestamp_type="CreateTime", wall_clock=False).warnings
    assert found(STATE, message_timestamp_type="LogAppendTime") == ([], [])
    assert found("raw.usage", message_timestamp_type="CreateTime") == ([], [])


def test_large_segments_of_the_state_topic_alone_give_a_warning():
    (line,) = found(STATE, segment_bytes="1073741824").warnings
    assert "kairos.state: segment.bytes should be at most 134217728, got 1073741824: the newest segment of a partition is never compacted" in line
    assert not found(STATE, segment_bytes="134217728").warnings
    assert not found("raw.usage", segment_bytes="1073741824").warnings
    wanted = wanted_topics(load(environ={}), ["balance"])[STATE]
    assert int(wanted["segment.bytes"]) >= int(wanted["max.message.bytes"]), "a batch must fit into a segment"


@pytest.mark.parametrize(
    ("copies", "least", "faults", "warnings"),
    [(1, "1", 0, 1), (1, "2", 1, 1), (2, "1", 0, 0), (2, "2", 0, 1), (2, "3", 1, 0), (3, "1", 0, 1), (3, "2", 0, 0), (3, "3", 0, 1), (3, "4", 1, 0)],
)
def test_copies(copies, least, faults, warnings):
    result = found("customer-events.balance", replication=copies, min_insync_replicas=least)
    assert (len(result.faults), len(result.warnings)) == (faults, warnings)


def test_an_unclean_election_gives_a_warning():
    assert "confirmed records are lost" in found("raw.usage", unclean_leader_election_enable="true").warnings[0]
    assert not found("raw.usage", unclean_leader_election_enable="false").warnings


def test_the_command_in_a_message_creates_what_the_settings_need(tmp_path):
    file = tmp_path / "my settings.toml"
    file.write_text('app = "mine"\n')
    chosen = load({"definitions": ("../mine", "other.package"), "brokers": "127.0.0.1:1"}, str(file), environ={})
    assert create_command(chosen, str(file)) == f"kairos topics --create --config '{file}' --brokers 127.0.0.1:1 --app mine --definitions ../mine --definitions other.package"
