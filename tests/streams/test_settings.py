"""Settings: precedence, types, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.settings import SettingsError, load, parameter_overrides, table

ROOT = Path(__file__).resolve().parent.parent.parent


def test_command_line_then_environment_then_file_then_default(tmp_path):
    file = tmp_path / "k.toml"
    file.write_text('brokers = "file:1"\napp = "file"\nclock = "records"\nbatch_wait_ms = 5\n[events."balance.low"]\nlow = 500\nrearm = 600\n')
    chosen = load({"app": "cli", "brokers": None, "events": {"balance.low": {"low": 400}}}, str(file), {"KAIROS_BROKERS": "env:1", "KAIROS_APP": "env"})
    assert (chosen.app, chosen.brokers, chosen.clock, chosen.batch_wait_ms, chosen.operator) == ("cli", "env:1", "records", 5, "op1")
    assert chosen.events == {"balance.low": {"low": 400, "rearm": 600}}
    assert load(environ={"KAIROS_CONFIG": str(file)}).app == "file"


@pytest.mark.parametrize(
    ("text", "environ", "says"),
    [
        ("brokrs = 1", {}, "brokrs: no such setting"),
        ("batch_records = 'x'", {}, "batch_records: wanted a whole number, got 'x'"),
        ("clock = 'moon'", {}, "clock: wanted one of wall, records, got 'moon'"),
        ("app = 5", {}, "app: wanted a text, got 5"),
        ("[", {}, "config: wanted TOML"),
        ("", {"KAIROS_BATCH_RECORDS": "x"}, "batch_records: wanted a whole number, got 'x' (KAIROS_BATCH_RECORDS)"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path, text, environ, says):
    file = tmp_path / "k.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(None, str(file), environ)
    assert says in str(caught.value)


def test_overrides_are_parted_at_the_last_dot():
    assert parameter_overrides(["balance.low.low=500", "balance.low.rearm=900"]) == {"balance.low": {"low": 500, "rearm": 900}}


def test_the_page_of_settings_is_the_declaration():
    assert table() in (ROOT / "docs" / "settings.md").read_text("utf-8")
