"""A change that a broker has confirmed may be missing in the next answer: the check looks again, at the changed topics alone."""

from __future__ import annotations

import asyncio

import pytest

from streams.kafka import topics
from streams.kafka.topics import TopicFault, settled

MISSING = "app.state is missing on 127.0.0.1:9092: create it"
STAMP = "app.state: message.timestamp.type must be LogAppendTime: got CreateTime"
OTHER = "raw.usage is missing on 127.0.0.1:9092: create it"


class Answers:
    """A broker that answers with these faults, one after the other, and then with what is wanted."""

    def __init__(self, *faults: str) -> None:
        self.faults = list(faults)
        self.looks = 0

    async def look(self) -> int:
        self.looks += 1
        if self.faults:
            raise TopicFault(self.faults.pop(0))
        return 4


@pytest.mark.parametrize("fault", [MISSING, STAMP, f"{OTHER}\n{MISSING}"])
def test_a_topic_that_was_changed_is_looked_at_again(fault):
    answers = Answers(fault, fault)
    assert asyncio.run(settled(answers.look, ["app.state"])) == 4
    assert answers.looks == 3


@pytest.mark.parametrize("changed", [[], ["app.stat"], ["raw.billing"]])
def test_a_fault_of_a_topic_that_was_not_changed_is_raised_at_once(changed):
    answers = Answers(MISSING, MISSING)
    with pytest.raises(TopicFault, match="app.state is missing"):
        asyncio.run(settled(answers.look, changed))
    assert answers.looks == 1


def test_a_fault_that_stays_is_raised_in_the_end(monkeypatch):
    monkeypatch.setattr(topics, "SETTLE_S", 0.3)
    answers = Answers(*[STAMP] * 100)
    with pytest.raises(TopicFault, match="LogAppendTime"):
        asyncio.run(settled(answers.look, ["app.state"]))
    assert 2 <= answers.looks < 10
