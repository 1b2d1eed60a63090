"""`kairos schemas --python`: classes for consumers that type checkers, linters and real events agree with."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from datetime import datetime

import msgspec
import pytest

from streams.definitions.catalogue import Catalogue
from streams.definitions.consumer_classes import class_names, consumer_module, python_type
from streams.definitions.contracts import detail_schema
from tests.cli.test_replay import kairos
from tests.events.case_world import TOPIC, UNTIL, all_cases, lay_out
from tests.shards import CATALOGUE

USER = """from customer_events import BalanceLow, CustomerEvent, decode


def left(value: bytes) -> int | None:
    event = decode(value)
    match event.data.detail:
        case BalanceLow(balance_after=minor):
            return minor
    return None


def mine(event: CustomerEvent[BalanceLow]) -> str:
    return event.data.detail.currency
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The file that the command writes."""
    path = tmp_path_factory.mktemp("consumer") / "customer_events.py"
    done = kairos("schemas", "--python", path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode() == f"{len(CATALOGUE)} classes written to {path}\n"
    return path


@pytest.fixture(scope="module")
def module(written):
    spec = importlib.util.spec_from_file_location("customer_events", written)
    found = importlib.util.module_from_spec(spec)
    sys.modules["customer_events"] = found
    try:
        spec.loader.exec_module(found)
        yield found
    finally:
        del sys.modules["customer_events"]


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """The events of all cases of the catalogue, a line each."""
    folder = tmp_path_factory.mktemp("cases")
    lay_out(all_cases(), folder)
    files = [folder / f"{topic}.jsonl" for topic in dict.fromkeys(TOPIC.values())]
    done = kairos("replay", *files, "--reference", folder / "reference", "--until", UNTIL, "--out", folder / "e.jsonl")
    assert done.returncode == 0, done.stderr
    return (folder / "e.jsonl").read_bytes().splitlines()


def test_real_events_are_read_and_written_back_as_they_were(module, events):
    kinds = set()
    for line in events:
        event = json.loads(line)
        read = module.decode(line)
        assert type(read.data.detail) is module.DETAILS[event["data"]["event"]]
        back = json.loads(msgspec.json.encode(read.data.detail))
        assert {name: plain(value) for name, value in back.items()} == {name: plain(value) for name, value in event["data"]["detail"].items()}
        kinds.add(event["data"]["event"])
    assert len(kinds) > 100


def plain(value):
    """A time without what may be written in two ways."""
    return datetime.fromisoformat(value) if isinstance(value, str) and value.endswith("Z") and value[10:11] == "T" else value


def test_a_value_that_breaks_the_contract_is_refused(module, events):
    line = next(line for line in events if b'"event":"balance.low"' in line)
    event = json.loads(line)
    event["data"]["detail"]["balance_after"] = "3"
    with pytest.raises(msgspec.ValidationError, match=r"Expected `int`, got `str` - at `\$\.data\.detail\.balance_after`"):
        module.decode(json.dumps(event).encode())
    del event["data"]["detail"]["balance_after"]
    with pytest.raises(msgspec.ValidationError, match="missing required field `balance_after`"):
        module.decode(json.dumps(event).encode())


def test_what_is_added_later_is_ignored_and_an_unknown_event_is_named(module, events):
    event = json.loads(events[0])
    event["data"]["detail"]["more"] = 1
    assert module.decode(json.dumps(event).encode()).id == event["id"]
    event["type"] = "customer.mine.new.v1"
    with pytest.raises(LookupError, match=r"got customer\.mine\.new\.v1: kairos schemas --python writes this file again"):
        module.decode(json.dumps(event).encode())


def test_units_are_in_the_docstrings(written):
    text = written.read_text("utf-8")
    assert '    balance_after: int\n    """Minor units of `currency`."""\n' in text
    assert '    gap_s: int\n    """Seconds."""\n' in text
    assert '    used_pct: Decimal\n    """Percent."""\n' in text
    assert "        low: below this the balance is low (minor units of the currency)\n" in text
    assert '    from_: str = msgspec.field(name="from")\n' in text


def test_type_checker_and_linter_find_nothing(written):
    (written.parent / "user.py").write_text(USER, "utf-8")
    for tool in (
        ["mypy", "--strict", "--config-file=", "--cache-dir", written.parent / "cache", "customer_events.py", "user.py"],
        ["ruff", "check", "--isolated", "--no-cache", "customer_events.py"],
        ["ruff", "check", "--isolated", "--no-cache", "--select", "ALL", "--ignore", "D203,D213,E501,RUF001,RUF002,COM812,CPY001,UP046,TRY003,EM102", "customer_events.py"],
        ["ruff", "format", "--isolated", "--no-cache", "--check", "customer_events.py"],
    ):
        done = subprocess.run([sys.executable, "-m", *map(str, tool)], cwd=written.parent, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{tool[:2]}: {done.stdout}{done.stderr}"


def test_every_field_of_every_contract_has_a_type():
    for event in CATALOGUE:
        for schema in detail_schema(event).values():
            assert python_type(schema).endswith(" | None") == isinstance(schema["type"], list)


def test_names_of_classes_are_different():
    class Named:
        def __init__(self, name):
            self.id = name

    assert class_names([Named("customer.event"), Named("a.b_c"), Named("a_b.c")]) == {"customer.event": "CustomerEventDetail", "a.b_c": "ABC", "a_b.c": "ABCDetail"}


def test_one_event_alone_is_a_module_too():
    text = consumer_module(Catalogue.load(only=["balance.depleted"]))
    assert "AnyDetail = BalanceDepleted\n" in text
    compile(text, "customer_events.py", "exec")


def test_a_folder_is_no_file(tmp_path):
    done = kairos("schemas", "--python", tmp_path)
    assert done.returncode == 2
    assert b"--python: wanted a file, got the folder" in done.stderr
