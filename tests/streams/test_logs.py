"""Log lines are JSON, say who writes, hold no record's values, and do not repeat."""

from __future__ import annotations

import io
import json
import logging
import random
from collections import Counter

import pytest
from aiokafka.errors import GroupCoordinatorNotAvailableError

from streams.kafka.topics import TopicFault
from streams.logs import QUIET_S, Handler, JsonLines, Repeats, about, log, unexpected, words


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def heard():
    """A clock, a way to a logger of any name, and what was written so far."""
    clock, out = Clock(), io.StringIO()
    handler = Handler(JsonLines({"app": "kairos", "instance": None}), Repeats(clock))
    handler.setStream(out)
    named = {}

    def logger(name):
        one = named.setdefault(name, logging.Logger(name))  # noqa: LOG001  # not the process' own, whose handlers are pytest's
        one.handlers[:] = [handler]
        return one

    return clock, logger, lambda: [json.loads(line) for line in out.getvalue().splitlines()], handler


def test_a_repeated_line_is_written_once_in_thirty_seconds_with_the_number_left_out(heard):
    clock, logger, lines, _ = heard
    client = logger("aiokafka")
    for node in range(65):
        client.error("Unable connect to node with id %s: %s", node, "refused")
    assert [line["message"] for line in lines()] == ["Unable connect to node with id 0: refused"]
    clock.now = QUIET_S - 0.001
    client.error("Unable connect to node with id %s: %s", 7, "refused")
    assert len(lines()) == 1
    clock.now = QUIET_S
    client.error("Unable connect to node with id %s: %s", 8, "refused")
    assert len(lines()) == 2
    assert lines()[1]["left_out"] == 65
    assert "left_out" not in lines()[0]


def test_lines_with_their_values_already_in_them_count_as_one(heard):
    _, logger, lines, _ = heard
    for node in range(9):
        logger("kafka").warning(f"node {node} is away for {node * 1.5} s")  # as libraries do
    assert len(lines()) == 1


def test_other_loggers_levels_and_shards_are_not_left_out(heard):
    _, logger, lines, _ = heard
    for shard in (0, 1, 0, 1):
        log(logger("kairos.shard"), logging.WARNING, "transaction failed", partition=shard, error="X")
    logger("aiokafka").error("away")
    logger("aiokafka").warning("away")
    logger("faust").error("away")
    assert [(line["logger"], line["level"], line.get("shard")) for line in lines()] == [
        ("kairos.shard", "warning", 0),
        ("kairos.shard", "warning", 1),
        ("aiokafka", "error", None),
        ("aiokafka", "warning", None),
        ("faust", "error", None),
    ]


def test_the_worker_s_own_news_are_never_left_out(heard):
    _, logger, lines, _ = heard
    for _ in range(3):
        log(logger("kairos.shard"), logging.INFO, "shard restored", partition=1)
    assert len(lines()) == 3


def test_written_and_left_out_together_are_all_that_was_logged(heard):
    clock, logger, lines, handler = heard
    chance, logged = random.Random(5), Counter()
    for _ in range(3000):
        clock.now += chance.choice((0.01, 1, 29.9, 31))
        message = chance.choice(("a %s", "b %s", "c %s"))
        logger("aiokafka").error(message, 1)
        logged[message[0]] += 1
    handler.close()
    counted = Counter()
    for line in lines():
        counted[line["message"][0]] += line.get("left_out", 0) + (not line["message"].endswith("%s"))
    assert counted == logged


def test_every_line_says_who_writes_and_where_an_error_was_raised(heard):
    _, logger, lines, _ = heard
    try:
        raise TopicFault("raw.usage is missing")
    except TopicFault:
        logger("faust").exception("crashed")
    (line,) = lines()
    assert line["app"] == "kairos"
    assert "instance" not in line
    assert (line["error"], line["reason"]) == ("TopicFault", "raw.usage is missing")
    assert line["place"].startswith("test_logs.py:")


def test_errors_that_may_hold_a_record_are_named_by_kind_alone(heard):
    _, logger, lines, _ = heard
    secret = "+8613912345678"
    logger("faust").error("Crashed reason=%r in %s", ValueError(secret), "take.raw.usage")
    logger("asyncio").error(f"Task exception was never retrieved\nfuture: <Task exception=KeyError('{secret}')>")  # as asyncio does
    try:
        raise KeyError(secret)
    except KeyError as error:
        logger("mode").exception("Error: %r", error)
        assert secret not in unexpected(error)
        assert "KeyError" in unexpected(error)
    assert secret not in json.dumps(lines())
    assert [line["message"] for line in lines()] == ["Crashed reason=ValueError in take.raw.usage", "Task exception was never retrieved", "Error: KeyError"]


def test_messages_of_the_client_and_of_the_system_are_shown():
    assert words(GroupCoordinatorNotAvailableError()) == "[Error 15] GroupCoordinatorNotAvailableError"
    assert words(ConnectionRefusedError(111, "Connection refused")) == "ConnectionRefusedError: Connection refused"
    assert words(TopicFault("raw.usage is missing")) == "raw.usage is missing"
    assert about(ValueError("x")) == {"error": "ValueError", "reason": "ValueError", "place": ""}


def test_a_traceback_is_shown_only_on_request(monkeypatch):
    try:
        raise TopicFault("raw.usage is missing")
    except TopicFault as error:
        assert "Traceback" not in unexpected(error)
        assert "\n" not in unexpected(error)
        monkeypatch.setenv("KAIROS_DEBUG", "1")
        assert "Traceback" in unexpected(error)
