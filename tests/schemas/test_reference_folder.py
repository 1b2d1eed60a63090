"""Looks at a reference folder: what may still be written is not read, and what differs between two versions is counted."""

from __future__ import annotations

import pytest

from schemas.reference import Reference
from schemas.reference.folder import RESTED_NS, Looks, differences, files_of, missing

HEAD = "subscription_id,tz,valid_from\n"
LATER = 3 * RESTED_NS


def write(folder, name="lines.csv", text=HEAD + "S1,,\n"):
    (folder / name).write_text(text, "utf-8")


def now_ns(folder):
    return max((file.written_ns for file in files_of(folder).values()), default=0)


def test_a_file_that_is_being_copied_is_not_read_before_two_looks_show_the_same(tmp_path):
    write(tmp_path)
    looks = Looks(files_of(tmp_path))
    for part in ("S1,,\nS2", "S1,,\nS2,,\nS3,,\n"):
        write(tmp_path, text=HEAD + part)
        assert not looks.changed(files_of(tmp_path), now_ns(tmp_path) + LATER)
    assert looks.changed(files_of(tmp_path), now_ns(tmp_path) + LATER)


def test_a_file_that_appears_or_goes_counts_at_the_second_look(tmp_path):
    write(tmp_path)
    looks = Looks(files_of(tmp_path))
    write(tmp_path, "tiers.csv", "tier,rank\ngold,1\n")
    assert [looks.changed(files_of(tmp_path), now_ns(tmp_path) + LATER) for _ in range(2)] == [False, True]
    looks = Looks(files_of(tmp_path))
    (tmp_path / "tiers.csv").unlink()
    assert [looks.changed(files_of(tmp_path), now_ns(tmp_path) + LATER) for _ in range(2)] == [False, True]


@pytest.mark.parametrize(("age_ns", "at_once"), [(RESTED_NS, True), (RESTED_NS - 1, False)])
def test_a_file_that_took_the_place_of_another_counts_at_once_when_it_has_rested(tmp_path, age_ns, at_once):
    write(tmp_path)
    looks = Looks(files_of(tmp_path))
    write(tmp_path, "lines.csv.new", HEAD + "S9,,\n")
    assert not looks.changed(files_of(tmp_path), now_ns(tmp_path)), "no table"
    (tmp_path / "lines.csv.new").replace(tmp_path / "lines.csv")
    moment = now_ns(tmp_path) + age_ns
    assert looks.changed(files_of(tmp_path), moment) == at_once
    assert looks.hurry(moment) != at_once
    assert looks.changed(files_of(tmp_path), moment), "the second look shows the same"


def test_files_that_were_refused_or_are_in_use_are_not_read_again(tmp_path):
    write(tmp_path)
    used = files_of(tmp_path)
    looks = Looks(used)
    assert not looks.changed(used, LATER)
    write(tmp_path, text="nothing")
    looks.refused = looks.last = files_of(tmp_path)
    assert not looks.changed(files_of(tmp_path), now_ns(tmp_path) + LATER)
    assert not looks.changed(used, LATER)
    assert looks.refused is None, "the old ones are back"


def test_only_a_table_without_any_file_is_missing(tmp_path):
    write(tmp_path)
    write(tmp_path, "notes.csv")
    before = files_of(tmp_path)
    (tmp_path / "lines.csv").rename(tmp_path / "lines.json")
    (tmp_path / "notes.csv").unlink()
    assert missing(before, files_of(tmp_path)) == []
    (tmp_path / "lines.json").unlink()
    assert missing(before, files_of(tmp_path)) == ["lines.csv"]


def test_rows_that_were_added_changed_and_removed_are_counted_by_table(tmp_path):
    days = "date,name,country\n2026-05-01,A,CN\n2026-05-01,B,DE\n"
    write(tmp_path, text=HEAD + "S1,,\nS1,Asia/Tokyo,2026-01-01\nS2,,\nS3,Asia/Tokyo,\nS4,,\n")
    write(tmp_path, "holidays.csv", days)
    before = Reference.load(tmp_path)
    write(tmp_path, text=HEAD + "S5,,\nS1,,\nS1,Asia/Tokyo,2026-02-01\nS2,Asia/Seoul,\nS3,Asia/Tokyo,\n")
    write(tmp_path, "holidays.csv", days.replace("B,DE", "C,DE"))
    assert {name: tuple(one) for name, one in differences(before, Reference.load(tmp_path))} == {"holidays": (0, 1, 0), "lines": (2, 1, 2)}
    assert list(differences(before, before)) == []


def test_coordinates_that_are_unknown_in_both_are_equal_and_tags_are_compared(tmp_path):
    head = "cell_id,city_code,lat,lon,poi_tags\n"
    write(tmp_path, "cells.csv", head + "a,310000,,,airport\nb,310000,31.5,121.5,\nc,310000,,,\n")
    before = Reference.load(tmp_path)
    write(tmp_path, "cells.csv", head + "a,310000,,,airport;scenic\nb,310000,31.6,121.5,\nc,310000,,,\n")
    assert dict(differences(before, Reference.load(tmp_path))) == {"cells": (0, 2, 0)}
