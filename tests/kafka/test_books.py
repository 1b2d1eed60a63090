"""State, group and topics: where a shard goes on, and what is said where they do not agree."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest

from schemas.raw import TOPICS
from streams.engine.state.store import Head, Passed
from streams.intake.progress import packed, unpacked
from streams.kafka.books import Books, BooksDiffer, Group, agree, resume
from streams.settings import load

SETTINGS = load({"app": "mine"}, environ={})
FIRST = TOPICS[0]


def books(state, group, begin=0, end=100, *, head=True):
    """Books that agree in all topics but the first, of which the numbers are given; None: there is none."""
    others = dict.fromkeys(TOPICS[1:], 5)
    offsets = {**({} if state is None else {FIRST: state}), **others}
    return Books(
        2,
        Head(1, facts={"format": 1}, offsets=offsets) if head else None,
        Group({**({} if group is None else {FIRST: group}), **others}, "t-1"),
        {FIRST: begin, **dict.fromkeys(TOPICS[1:], 0)},
        {FIRST: end, **dict.fromkeys(TOPICS[1:], 9)},
    )


def refused(known):
    with pytest.raises(BooksDiffer) as caught:
        agree(known, SETTINGS)
    return str(caught.value)


@pytest.mark.parametrize("at", [0, 1, 100])
def test_a_shard_whose_numbers_agree_continues(at):
    known = books(at, at)
    assert agree(known, SETTINGS).offsets[FIRST] == at
    assert agree(known, SETTINGS).written
    assert not resume(known, SETTINGS).remarks


def test_a_shard_continues_only_if_state_group_and_topic_agree():
    """Every combination of few numbers: it goes on exactly where state = group and begin ≤ state ≤ end."""
    for state, group, begin, end in itertools.product((0, 3, 7), (None, 0, 3, 7, 8), (0, 3, 4), (3, 6, 7, 9)):
        if begin > end:
            continue
        known = books(state, group, begin, end)
        if state == group and begin <= state <= end:
            assert agree(known, SETTINGS).offsets[FIRST] == state
            continue
        sentence = refused(known)
        for number in {state, begin, end} | ({group} - {None}):
            assert str(number) in sentence
        assert "another --app" in sentence
        assert "--resume-from-state" in sentence
        went_on = resume(known, SETTINGS)
        assert begin <= went_on.offsets[FIRST] <= end
        assert went_on.remarks, "what is lost or repeated is said"
        if begin <= state <= end:
            assert went_on.offsets[FIRST] == state


def test_the_numbers_and_the_place_are_named():
    sentence = refused(books(60, 10))
    assert sentence.startswith("raw.billing[2]: the state, the group and the topic do not agree: the state has read up to 60, the group up to 10, the topic holds 0 to 100")
    assert "the group has no offset" in refused(books(60, None))
    assert "records 60 to 79 were deleted unread" in refused(books(60, 60, begin=80))
    assert "the topic ends at 50, and was read up to 60" in refused(books(60, 60, end=50))


def test_continuing_from_the_state_says_what_is_lost():
    assert "records 60 to 79 are lost" in resume(books(60, 60, begin=80), SETTINGS).remarks[0]
    assert resume(books(60, None, end=50), SETTINGS).offsets[FIRST] == 0, "created again"
    assert resume(books(60, 60, end=50), SETTINGS).offsets[FIRST] == 50, "cut"
    assert "nothing is lost or repeated" in resume(books(60, 10), SETTINGS).remarks[0]


def test_neither_offsets_nor_state_is_a_first_start_at_the_beginning():
    known = books(None, None, begin=40, head=False)._replace(group=Group({}, ""))
    agreed = agree(known, SETTINGS)
    assert agreed.offsets == known.begins
    assert not agreed.written
    zeros = known._replace(group=Group(dict.fromkeys(TOPICS, 0), "t-1"))
    assert agree(zeros, SETTINGS).offsets == known.begins, "nothing was read yet"


def test_offsets_without_state_end_the_worker_and_no_state_topic_is_advised():
    sentence = refused(books(None, 60, head=False))
    assert "mine.state[2]: the state is lost" in sentence
    assert "raw.billing[2] 60" in sentence
    assert "create" not in sentence
    with pytest.raises(BooksDiffer):
        resume(books(None, 60, head=False), SETTINGS)


def test_state_of_an_older_version_takes_the_groups_offsets_over_once():
    old = books(None, 60)._replace(head=Head(1, facts={"format": 1}))
    agreed = agree(old, SETTINGS)
    assert agreed.offsets[FIRST] == 60
    assert not agreed.written
    assert "taken over" in agreed.remarks[0]
    assert "has no offsets" in refused(old._replace(group=Group({}, "")))
    assert "the topic ends at 100, and was read up to 101" in refused(old._replace(group=Group({FIRST: 101}, "")))
    assert "records 60 to 60 were deleted unread" in refused(old._replace(begins={FIRST: 61, **dict.fromkeys(TOPICS[1:], 0)}))


def waited(known, *borders):
    """The same where the first topic waits for stragglers, and these ranges above its offset are done."""
    passed = {FIRST: Passed(max(borders), 1, 1, packed(np.array(borders, np.int64)))}
    return known._replace(head=msgspec.structs.replace(known.head, passed=passed))


def test_what_is_done_above_the_offset_must_be_in_the_topic_too():
    known = waited(books(60, 60, end=80), 62, 70, 75, 80)
    assert agree(known, SETTINGS).passed == known.head.passed
    assert "the topic ends at 78, and was read up to 80" in refused(waited(books(60, 60, end=78), 62, 70, 75, 80))
    assert agree(books(60, 60), SETTINGS).passed == {}


def test_continuing_from_the_state_keeps_what_is_done_as_far_as_the_topic_has_it():
    cut = resume(waited(books(60, 60, end=78), 62, 70, 75, 80), SETTINGS)
    assert cut.offsets[FIRST] == 60
    assert unpacked(cut.passed[FIRST].done).tolist() == [62, 70, 75, 78]
    assert cut.passed[FIRST].read == 78
    assert "it was read up to 80" in cut.remarks[0]
    again = resume(waited(books(60, None, end=78), 62, 70, 75, 80), SETTINGS)
    assert (again.offsets[FIRST], again.passed) == (0, {})
    moved = resume(waited(books(60, 10), 62, 70), SETTINGS)
    assert unpacked(moved.passed[FIRST].done).tolist() == [62, 70]
    deleted = resume(waited(books(60, 60, begin=65), 62, 70), SETTINGS)
    assert deleted.offsets[FIRST] == 65
    assert unpacked(deleted.passed[FIRST].done).tolist() == [62, 70]
