"""Editors and type checkers know the columns of raw records."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from events import words
from schemas.raw import RECORD_TYPES, fields_of
from streams.definitions import columns
from streams.definitions.column_types import columns_module
from streams.engine.expression import RecordField

ROOT = Path(__file__).parent.parent.parent


def test_the_module_is_the_declaration():
    assert Path(columns.__file__).read_text("utf-8") == columns_module(), "run `kairos schemas --columns streams/definitions/columns.py`"


@pytest.mark.parametrize("record", RECORD_TYPES, ids=lambda record: record.__name__)
def test_every_column_is_there_and_has_its_type(record):
    letter = getattr(words, record.code)
    known = {name for of in type(letter).__mro__ for name in inspect.get_annotations(of)}
    assert known == set(fields_of(record))
    for name in known:
        column = getattr(letter, name)
        assert isinstance(column, RecordField)
        assert (column.record, column.name) == (record, name)


def test_a_misspelt_column_is_an_error_of_the_type_checker(tmp_path):
    file = tmp_path / "trial.py"
    file.write_text(
        "from events.words import B, V, topups\n\nright = topups.where(B.balance_after > 5, V.outcome == 'busy')\nwrong = topups.where(B.balance_afer > 5)\nworse = V.where(V.delta > 5)\n"
    )
    done = subprocess.run([sys.executable, "-m", "mypy", str(file)], cwd=ROOT, capture_output=True, text=True)
    found = [line.partition("trial.py:")[2] for line in done.stdout.splitlines() if "trial.py:" in line and ": error:" in line]
    assert found == [
        '4: error: "BalanceChange" has no attribute "balance_afer"; maybe "balance_after"?  [attr-defined]',
        '5: error: "VoiceUsage" has no attribute "delta"  [attr-defined]',
    ], done.stdout
