"""Which answers show that the brokers work, and what is said when they are missing."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from streams.kafka.contact import FETCHED_S, Contact
from streams.kafka.ending import AWAY_S, LONGEST_S, PATIENCE_S, Ending

FETCH, METADATA, JOIN, HEARTBEAT, SYNC, VERSIONS = 1, 3, 11, 12, 14, 18
OK, NOT_AVAILABLE, REBALANCING, UNKNOWN_MEMBER = 0, 15, 27, 25


def aged(seconds, group=None):
    contact = Contact()
    contact.broker -= seconds
    contact.group -= seconds if group is None else group
    return contact


def answer(code=OK):
    return SimpleNamespace(error_code=code)


@pytest.mark.parametrize(("silent", "away"), [(4.5, False), (5.5, True)])
def test_silence_longer_than_the_setting_is_an_outage(silent, away):
    assert (aged(silent).away(5) is not None) == away
    assert (aged(0, silent).away(5) is not None) == away


@pytest.mark.parametrize(
    ("key", "code", "broker", "group"),
    [
        (FETCH, None, True, False),
        (METADATA, None, False, False),
        (VERSIONS, OK, False, False),
        (HEARTBEAT, OK, True, True),
        (HEARTBEAT, REBALANCING, True, True),
        (HEARTBEAT, UNKNOWN_MEMBER, True, True),
        (HEARTBEAT, NOT_AVAILABLE, False, False),
        (JOIN, NOT_AVAILABLE, False, False),
        (SYNC, OK, True, True),
    ],
)
def test_only_work_that_was_done_counts_as_an_answer(key, code, broker, group):
    contact = aged(9)
    contact.answered(key, answer(code))
    assert (contact.silent_s() < 1, contact.group_silent_s() < 1) == (broker, group)


def test_an_absent_coordinator_and_absent_brokers_are_reported_differently():
    assert "coordinator has not answered for 9 s" in aged(0, 9).away(5)
    assert "no Kafka broker has answered for 3 s" in aged(FETCHED_S + 2, 9).away(5)


def test_a_long_rebalance_is_no_outage_but_is_reported():
    contact = aged(9)
    contact.asked(JOIN)
    contact.joining -= 7
    assert "assigning partitions for 7 s" in contact.away(5)
    contact.answered(JOIN, answer())
    assert "assigning partitions" in contact.away(5), "until it is known who has what"
    contact.answered(SYNC, answer())
    assert contact.away(5) is None


@pytest.mark.parametrize(
    ("since", "silent", "message"),
    [
        (PATIENCE_S - 0.1, 60, None),
        (PATIENCE_S + 0.1, AWAY_S - 0.1, None),
        (PATIENCE_S + 0.1, AWAY_S + 0.1, "without its broker"),
        (LONGEST_S - 0.1, 0, None),
        (LONGEST_S + 0.1, 0, "without having finished"),
    ],
)
def test_how_long_an_orderly_end_is_waited_for(since, silent, message):
    contact = Contact()
    ending, now = Ending(contact), time.monotonic()
    ending.asked_at, contact.broker = now - since, now - silent
    why = ending.overdue(now)
    assert (why is None) if message is None else message in why[0]


def test_the_worst_case_is_below_the_ten_seconds_promised():
    assert PATIENCE_S + 1 < 10
    assert AWAY_S <= PATIENCE_S, "a broker that went away with the signal is known to be away in time"
