"""The versions of what is switched while workers run: what is refused before it is written, and what is ignored where it is read."""

from __future__ import annotations

import json

import pytest

from streams.definitions.catalogue import Catalogue, CatalogueFault
from streams.switches import AS_INSTALLED, History, SwitchFault, Values, in_force, proposed, rolled_back, version_of

INSTALLED = Catalogue.load(overrides={"balance.low": {"low": "800"}}, only=["balance.low", "balance.recovered", "voice.missed_calls"])
LOW = 800


def written(*records):
    """A history of records as they stand in the topic: texts, or fields of a version that are written under its own key."""
    history = History()
    for record in records:
        history.take([record if isinstance(record, tuple) else (f"V/{record['version']}".encode(), json.dumps(record).encode())])
    return history


def fields(version, off=(), parameters=None, **others):
    """A version as another program would write it."""
    return {"version": version, "at": 1, "by": "ann", "why": "a test", "changes": [], "off": list(off), "parameters": parameters or {}, **others}


def append(history, found, why="a test", by="ann"):
    """The history with the version that a proposal becomes."""
    version = version_of(found, history.newest + 1, at_ms=7, by=by, why=why)
    history.take([version.record()])
    return version


def test_a_change_names_what_from_what_to_what():
    history = History()
    first = append(history, proposed(INSTALLED, history, {"balance.low": {"low": "500"}}, off=["voice.missed_calls"]))
    assert json.loads(first.record()[1]) == {
        "version": 1,
        "at": 7,
        "by": "ann",
        "why": "a test",
        "changes": [{"what": "event:voice.missed_calls", "from": "on", "to": "off"}, {"what": "parameter:balance.low.low", "from": LOW, "to": 500}],
        "off": ["voice.missed_calls"],
        "parameters": {"balance.low": {"low": 500}},
    }
    assert first.record()[0] == b"V/1"
    found = in_force(INSTALLED, history)
    assert found.values == Values(1, frozenset({"voice.missed_calls"}), {"balance.low": {"low": 500}})
    assert found.catalogue.value(found.catalogue.by_id["balance.low"], "low") == 500
    assert INSTALLED.value(INSTALLED.by_id["balance.low"], "low") == LOW, "the installed definitions stay as they are"
    second = append(history, proposed(INSTALLED, history, {}, on=["voice.missed_calls"]))
    assert [(change.what, change.before, change.after) for change in second.changes] == [("event:voice.missed_calls", "off", "on")]
    assert in_force(INSTALLED, history).values == Values(2, frozenset(), {"balance.low": {"low": 500}})


def test_a_rollback_restores_the_values_as_of_a_version():
    history = History()
    append(history, proposed(INSTALLED, history, {"balance.low": {"low": 500}}, off=["voice.missed_calls"]))
    append(history, proposed(INSTALLED, history, {"balance.low": {"low": 600}, "voice.missed_calls": {"n": 7}}, on=["voice.missed_calls"]))
    back = append(history, rolled_back(INSTALLED, history, 1))
    assert [(change.what, change.before, change.after) for change in back.changes] == [
        ("event:voice.missed_calls", "on", "off"),
        ("parameter:balance.low.low", 600, 500),
        ("parameter:voice.missed_calls.n", 7, None),
    ]
    assert in_force(INSTALLED, history).values == Values(3, frozenset({"voice.missed_calls"}), {"balance.low": {"low": 500}})
    append(history, rolled_back(INSTALLED, history, 0))
    assert in_force(INSTALLED, history).values == Values(4)
    with pytest.raises(SwitchFault, match="wanted one of 'kairos settings history', 0 .as installed. to 4, got 9"):
        rolled_back(INSTALLED, history, 9)
    with pytest.raises(SwitchFault, match="wanted one with other values than those in force"):
        rolled_back(INSTALLED, history, 0)


@pytest.mark.parametrize(
    ("parameters", "off", "on", "says"),
    [
        ({"balance.lo": {"low": 5}}, (), (), "balance.lo.*no such event: did you mean balance.low"),
        ({"balance.low": {"lo": 5}}, (), (), "balance.low.lo: no such parameter: did you mean low"),
        ({"balance.low": {"low": -5}}, (), (), "balance.low.low: wanted"),
        ({"balance.low": {"low": "2h"}}, (), (), "balance.low.low: wanted .*, got '2h'"),
        ({"balance.low": {"low": LOW}}, (), (), "balance.low.low: wanted another value than the one in force, got 800"),
        ({}, ("balance.lo",), (), "balance.lo: wanted an event that is published here, got none: did you mean balance.low"),
        ({}, ("balance.drop",), (), "balance.drop: wanted an event that is published here"),
        ({}, (), ("balance.low",), "balance.low: wanted an event that is off, got one that is on already"),
        ({}, ("balance.low",), ("balance.low",), "balance.low: wanted off or on, got both"),
    ],
)
def test_what_is_wrong_or_changes_nothing_is_refused_before_it_is_written(parameters, off, on, says):
    with pytest.raises((SwitchFault, CatalogueFault), match=says):
        proposed(INSTALLED, History(), parameters, off, on)


@pytest.mark.parametrize(("why", "by"), [("", "ann"), ("  ", "ann"), ("x" * 1001, "ann"), ("right", "")])
def test_a_change_without_a_reason_or_a_name_is_refused(why, by):
    with pytest.raises(SwitchFault, match="wanted a text of 1 to 1000 characters"):
        append(History(), proposed(INSTALLED, History(), {}, off=["balance.low"]), why=why, by=by)


HOSTILE = {
    "bad JSON": (b"V/2", b"{"),
    "no UTF-8": (b"\xff", b'"\xff"'),
    "a deletion": (b"V/1", None),
    "no object": (b"V/2", b"[]"),
    "deep": (b"V/2", b"[" * 100_000),
    "another kind of key": (b"C/balance.low", json.dumps(fields(2)).encode()),
    "the key of another version": (b"V/3", json.dumps(fields(2)).encode()),
    "a version again": (b"V/1", json.dumps(fields(1)).encode()),
    "a version of none": (b"V/0", json.dumps(fields(0)).encode()),
    "a field of the future": (b"V/2", json.dumps(fields(2, scope="shard 3")).encode()),
    "a text for a number": (b"V/2", json.dumps(fields(2, parameters={"balance.low": {"low": "5"}})).encode()),
    "no reason": (b"V/2", json.dumps(fields(2, why="")).encode()),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_record_that_is_no_next_version_is_ignored_and_named(name):
    good = fields(1, ["balance.low"], {"balance.low": {"low": 500}})
    history = written(good, HOSTILE[name])
    assert len(history.ignored) == 1
    assert in_force(INSTALLED, history).values == Values(1, frozenset({"balance.low"}), {"balance.low": {"low": 500}})
    history = written(good, HOSTILE[name], fields(2))
    assert in_force(INSTALLED, history).values == Values(2), "the next version counts again"


def test_a_value_that_does_not_fit_leaves_the_last_one_that_does():
    history = written(fields(1, [], {"balance.low": {"low": 500}}), fields(2, ["no.such", "voice.missed_calls"], {"balance.low": {"low": -5}, "no.such": {"x": 1}}))
    found = in_force(INSTALLED, history)
    assert found.values == Values(2, frozenset({"voice.missed_calls"}), {"balance.low": {"low": 500}})
    assert found.catalogue.value(found.catalogue.by_id["balance.low"], "low") == 500
    assert len(found.ignored) == 3
    assert all(sentence.startswith("version 2: ") for sentence in found.ignored)
    assert {word for sentence in found.ignored for word in ("no.such", "balance.low.low") if word in sentence} == {"no.such", "balance.low.low"}
    later = proposed(INSTALLED, history, {"voice.missed_calls": {"n": 9}})
    assert later.parameters == {"balance.low": {"low": 500}, "voice.missed_calls": {"n": 9}, "no.such": {"x": 1}}, "others' events are kept, a bad value is not"
    assert later.off == ("no.such", "voice.missed_calls")


def test_a_value_that_never_fitted_is_the_installed_one():
    found = in_force(INSTALLED, written(fields(1, [], {"balance.low": {"low": -5}})))
    assert found.values == Values(1)
    assert found.catalogue.value(found.catalogue.by_id["balance.low"], "low") == LOW


def test_the_newest_version_alone_says_what_is_in_force():
    """Compaction, or a hand, may have taken versions away."""
    assert in_force(INSTALLED, written(fields(4, ["balance.low"], {"balance.low": {"low": 500}}))).values == Values(4, frozenset({"balance.low"}), {"balance.low": {"low": 500}})
    assert in_force(INSTALLED, History()).values is AS_INSTALLED
