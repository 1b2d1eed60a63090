"""The group's offsets are read as they stand once no transaction on them is undecided."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError
from aiokafka.structs import OffsetAndMetadata

from streams.kafka import books
from streams.kafka.stable import StableOffsetFetch, StableOffsets, UnstableOffsets, answers_of

PLACE = TopicPartition("raw.billing", 2)
ASKED = StableOffsetFetch("mine", [("raw.billing", [2])])


@pytest.mark.parametrize(("versions", "version"), [((1, 10), 7), ((0, 7), 7), ((0, 6), 3), ((0, 2), 2)])
def test_the_newest_version_that_the_broker_knows_is_asked(versions, version):
    asked = ASKED.prepare({9: versions}).API_VERSION
    assert asked == version


def test_the_request_is_that_of_the_protocol():
    wanted = b"\x05mine" + b"\x02" + b"\x0craw.billing" + b"\x02\x00\x00\x00\x02" + b"\x00" + b"\x01" + b"\x00"
    assert ASKED.prepare({9: (1, 10)}).encode() == wanted, "group, topics, require_stable"


def test_an_answer_is_read_in_both_versions():
    partition = b"\x00\x00\x00\x02" + b"\x00\x00\x00\x00\x00\x00\x00\x28" + b"\xff\xff\xff\xff" + b"\x04t-1" + b"\x00\x58" + b"\x00"
    answer = StableOffsets.decode(b"\x00\x00\x00\x00" + b"\x02\x0craw.billing\x02" + partition + b"\x00" + b"\x00\x00" + b"\x00")
    assert answers_of(answer) == [("raw.billing", 2, 40, "t-1", 88)]
    assert answers_of(SimpleNamespace(topics=[("raw.billing", [(2, 40, "t-1", 0)])])) == [("raw.billing", 2, 40, "t-1", 0)]


class Client:
    """A client whose coordinator gives these answers, each the error code, offset and metadata of one partition."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    async def find_coordinator(self, _):
        return 1

    async def _send_request(self, request, _):
        self.asked.append(type(request))
        code, offset, metadata = self.answers.pop(0)
        return StableOffsets(0, [(PLACE.topic, [(PLACE.partition, offset, -1, metadata, code, {})], {})], 0, {})


async def test_an_undecided_transaction_is_waited_for():
    client = Client((88, -1, ""), (88, -1, ""), (0, 40, "t-2"))
    assert await books.group_offsets(client, "mine", [PLACE], stable=True) == {PLACE: OffsetAndMetadata(40, "t-2")}
    assert client.asked == [StableOffsetFetch] * 3


async def test_it_is_not_waited_for_without_end_and_its_absence_never_passes_for_a_group_without_offsets(monkeypatch):
    monkeypatch.setattr(books, "COORDINATOR_S", 0.05)
    with pytest.raises(UnstableOffsets, match="a transaction on them has not ended"):
        await books.group_offsets(Client(*[(88, -1, "")] * 100), "mine", [PLACE], stable=True)
    with pytest.raises(GroupAuthorizationFailedError):
        await books.group_offsets(Client((30, -1, "")), "mine", [PLACE], stable=True)
