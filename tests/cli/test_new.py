"""`kairos new`: a file that loads, whose cases fail until they are filled in, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from schemas.raw import RECORD_TYPES
from streams.cli.new import make_family
from streams.definitions.catalogue import Catalogue
from streams.definitions.described import record_of
from streams.definitions.draft import draft_of, key_of
from tests.cli.test_replay import kairos
from tests.shards import CATALOGUE


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(*arguments, folder="mine"):
    done = kairos("new", *arguments, "--folder", folder)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode().splitlines()


def test_the_next_commands_are_printed_and_work(here):
    said = written("balance.forfeited", "--from", "B")
    assert said == [
        "mine/balance/forfeited.py: written. Fill in the docstring, the rule and both cases, then",
        "  kairos check mine",
        "  kairos catalog balance.forfeited --definitions mine",
    ]
    assert kairos(*said[1].split()[1:]).returncode == 1
    shown = kairos(*said[2].split()[1:])
    assert shown.returncode == 0
    assert "bucket_kind == 'money'" in shown.stdout.decode()


def test_every_record_type_gives_a_definition_that_loads_and_valid_records_that_cause_it(here):
    (here / "mine" / "balance").mkdir(parents=True)
    for record in RECORD_TYPES:
        name = f"from_{record.code.lower()}"
        (here / "mine" / "balance" / f"{name}.py").write_text(draft_of(f"balance.{name}", record, key_of(record, CATALOGUE)), "utf-8")
    catalogue = Catalogue.load(["mine"])
    for record in RECORD_TYPES:
        event = catalogue.by_id[f"balance.from_{record.code.lower()}"]
        assert set(event.when.source.records()) == {record}
    done = kairos("check", "mine")
    text = done.stdout.decode()
    assert done.returncode == 1
    assert "is refused" not in text
    assert text.endswith(f"{len(RECORD_TYPES)} definitions, {2 * len(RECORD_TYPES)} cases: {4 * len(RECORD_TYPES)} faults\n")
    assert text.count("fill_in: wanted 'the whole detail of the event, as `kairos check` shows it', got no such field") == len(RECORD_TYPES)
    assert text.count("'Fill in: what is only just not enough': wanted 0 events, got 1") == len(RECORD_TYPES)
    assert text.count("wanted stories of this event with titles of their own, got what `kairos new` wrote") == len(RECORD_TYPES)
    assert text.count("wanted a docstring that says what happened, got what `kairos new` wrote") == len(RECORD_TYPES)


def test_it_is_right_as_soon_as_it_is_filled_in_and_not_before(here):
    written("balance.forfeited", "--from", "balance_change")
    file = Path("mine/balance/forfeited.py")
    for old, new, faults in [
        ('"""Fill in: what happened, and why it matters.', '"""Money was taken.', 3),
        ("Fill in: what happens when it fires", "money", 3),
        ('{"fill_in": "the whole detail of the event, as `kairos check` shows it"}', '{"bucket_kind": "money"}', 2),
        ("[balance_change()], []", '[balance_change(bucket_kind="credit", bucket_initial=100)], []', 1),
        ("Fill in: what is only just not enough", "credit", 0),
    ]:
        text = file.read_text("utf-8")
        assert text.count(old) == 1
        file.write_text(text.replace(old, new), "utf-8")
        done = kairos("check", "mine")
        assert done.stdout.decode().endswith(f"{faults} faults\n" if faults else "1 definitions, 2 cases: all is well\n")
        assert done.returncode == bool(faults)


@pytest.mark.parametrize(("letter", "given", "by"), [("B", (), "line"), ("I", (), "account"), ("T", (), "customer"), ("B", ("--by", "customer"), "customer")])
def test_whom_it_is_about(here, letter, given, by):
    written("balance.trial", "--from", letter, *given)
    assert Catalogue.load(["mine"]).by_id["balance.trial"].by == by


def test_a_name_that_would_be_a_word_of_the_file_makes_no_broken_class(here):
    record = record_of("B")
    names = ["none", "true", "event", "case", "b", "two_words"]
    for name in names:
        (here / "mine" / "balance").mkdir(parents=True, exist_ok=True)
        (here / "mine" / "balance" / f"{name}.py").write_text(draft_of(f"balance.{name}", record, "line"), "utf-8")
    assert {f"balance.{name}" for name in names} <= Catalogue.load(["mine"]).by_id.keys()


def test_a_new_family_in_an_own_folder(here):
    said = written("loyalty.lapsed", "--from", "B", "--new-family")
    assert said[-1] == "Before it goes live: kairos topics --create --definitions mine makes the topic customer-events.loyalty"
    assert written("loyalty.gained", "--from", "B")[1] == "  kairos check mine"
    assert Catalogue.load(["mine"]).families == sorted({*CATALOGUE.families, "loyalty"})


def refused(*arguments):
    before = sorted(Path().rglob("*"))
    done = kairos("new", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert sorted(Path().rglob("*")) == before
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", done.stderr.decode()).split())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("Balance.low", "--from", "B"), "FAMILY.NAME: wanted two names of small letters, digits and _ that begin with a letter, got 'Balance.low': write it such as"),
        (("forfeited", "--from", "B"), "FAMILY.NAME: wanted two names"),
        (("a.b.c", "--from", "B"), "FAMILY.NAME: wanted two names"),
        (("balance.import", "--from", "B"), "got 'import', a word of Python: choose another one, such as import_seen"),
        (("balanse.trial", "--from", "B"), "wanted a family that is there, got 'balanse': did you mean balance? There are balance, bill,"),
        (("loyalty.trial", "--from", "B"), "--new-family begins it, with the topic customer-events.loyalty"),
        (("balance.trial", "--from", "B", "--new-family"), "--new-family: wanted a family that is not there yet, got 'balance': leave the option out"),
        (("balance.trial", "--from", "balance"), "--from: wanted a letter or a name of a record type, such as B or balance_change, got 'balance': did you mean balance_change?"),
        (("balance.low", "--from", "B"), "balance.low: wanted a new id, got that of "),
        (("balance.trial", "--from", "B", "--by", "house"), "--by: wanted one of line, account, customer, got 'house'"),
        (("balance.trial", "--from", "B", "--folder", "away/mine"), "--folder: wanted a folder in one that is there, got away/mine: make away first"),
    ],
)
def test_what_is_refused_and_writes_nothing(here, arguments, says):
    assert says in refused(*(arguments if "--folder" in arguments else (*arguments, "--folder", "mine")))


def test_a_file_that_is_there_stays(here):
    written("balance.trial", "--from", "B")
    Path("mine/balance/trial.py").write_text("mine", "utf-8")
    assert "balance.trial: wanted a new file, got mine/balance/trial.py, which is there: edit it, or choose another name" in refused(
        "balance.trial", "--from", "B", "--folder", "mine"
    )
    assert Path("mine/balance/trial.py").read_text("utf-8") == "mine"


def test_a_file_is_no_folder_and_events_is_the_built_in_one(here):
    Path("plain").write_text("", "utf-8")
    assert "--folder: wanted a folder, got the file plain" in refused("balance.trial", "--from", "B", "--folder", "plain")
    assert "--folder: wanted the built-in definitions (" in refused("balance.trial", "--from", "B")


def test_in_a_package_a_family_is_a_package(here):
    for folder in ("built", "own"):
        (here / folder).mkdir()
    (here / "built" / "__init__.py").write_text("", "utf-8")
    for folder in ("built", "own"):
        make_family(here / folder / "loyalty")
    assert (here / "built" / "loyalty" / "__init__.py").read_text("utf-8") == '"""Loyalty."""\n'
    assert list((here / "own" / "loyalty").iterdir()) == []
