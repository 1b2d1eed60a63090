"""Settings: precedence, types, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from streams.settings import HINTS, TABLES, Settings, SettingsError, changed, example, load, origins, parameter_overrides, shown, table

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
        ("brokrs = 'a:1'", {}, "brokrs: no such setting (k.toml); did you mean brokers?"),
        ("xyzzy = 1", {}, "xyzzy: no such setting (k.toml); there are brokers, security"),
        ("batch_records = 'x'", {}, "batch_records: wanted a whole number from 1 to 1_000_000, got 'x' (k.toml)"),
        ("batch_records = '5'", {}, "batch_records: wanted a whole number from 1 to 1_000_000, got '5' (k.toml)"),
        ("clock = 'moon'", {}, "clock: wanted one of wall, records, got 'moon'"),
        ("app = 5", {}, "app: wanted 1 to 200 letters, digits, dots, dashes or underscores, got 5"),
        ("app = ''", {}, "app: wanted 1 to 200 letters, digits, dots, dashes or underscores, got ''"),
        ("country = 'Germany'", {}, "country: wanted a country by ISO 3166-1 alpha-2, such as CN, DE or GB, got 'Germany'"),
        ("", {"KAIROS_COUNTRY": "UK"}, "country: wanted a country by ISO 3166-1 alpha-2, such as CN, DE or GB, got 'UK' (KAIROS_COUNTRY)"),
        ("brokers = 'localhost'", {}, "brokers: wanted HOST:PORT, several separated by commas, got 'localhost'"),
        ("allow_plaintext = 1", {}, "allow_plaintext: wanted true or false, got 1"),
        ("definitions = 'mine'", {}, "definitions: wanted a list of texts, got 'mine'"),
        ("[", {}, "config: wanted TOML"),
        ("", {"KAIROS_BATCH_RECORDS": "x"}, "batch_records: wanted a whole number from 1 to 1_000_000, got 'x' (KAIROS_BATCH_RECORDS)"),
        ("wait.usage = 'soon'", {}, "wait.usage: wanted a length of time up to 24h, such as 10s or 5min (or a number of ms); 0: none, got 'soon' (k.toml)"),
        ("", {"KAIROS_WAIT_USAGE": "25h"}, "wait.usage: wanted a length of time up to 24h, such as 10s or 5min (or a number of ms); 0: none, got '25h' (KAIROS_WAIT_USAGE)"),
        ("wait.usag = 5", {}, "wait.usag: no such setting (k.toml); did you mean wait.usage?"),
        ("wait = 5", {}, "wait: no such setting (k.toml)"),
        ("", {"KAIROS_METRICS_PORT": "99999"}, "metrics_port: wanted a whole number from 0 to 65_535, got '99999' (KAIROS_METRICS_PORT)"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path, monkeypatch, text, environ, says):
    monkeypatch.chdir(tmp_path)
    Path("k.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(None, "k.toml", environ)
    assert says in str(caught.value)


def bounded():
    for name, hint in HINTS.items():
        meta = hint.__metadata__[0]
        if meta.ge is not None or meta.le is not None:
            yield name, meta.ge, meta.le


@pytest.mark.parametrize(("name", "least", "most"), list(bounded()))
def test_both_sides_of_every_bound(name, least, most):
    for value, fits in ((least, True), (least - 1, False), (most, True), (most + 1, False)):
        if fits:
            assert getattr(load({name: value}, environ={}), name) == value
            assert getattr(load(environ={f"KAIROS_{name.upper()}": str(value)}), name) == value
        else:
            with pytest.raises(SettingsError):
                load({name: value}, environ={})
            with pytest.raises(SettingsError):
                load(environ={f"KAIROS_{name.upper()}": str(value)})


def test_every_number_has_bounds():
    assert {name for name, hint in HINTS.items() if get_args(hint)[0] is int} == {name for name, *_ in bounded()}


def test_all_mistakes_of_a_file_are_listed_at_once(tmp_path):
    (tmp_path / "k.toml").write_text("batch_records = 0\nqueue_records = -1\nclok = 'wall'\n")
    with pytest.raises(SettingsError) as caught:
        load(None, str(tmp_path / "k.toml"), {})
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["batch_records", "clok", "queue_records"]


def test_overrides_are_split_at_the_last_dot():
    assert parameter_overrides(["balance.low.low=500", "balance.low.rearm=900"]) == {"balance.low": {"low": "500", "rearm": "900"}}


def test_how_long_topics_wait_is_a_length_of_time_from_any_place(tmp_path):
    (tmp_path / "k.toml").write_text('wait.usage = "10s"\nwait.billing = "1h"\n[events."balance.low"]\nlow = 500\n')
    given = {"events": parameter_overrides(["wait.billing=90s", "balance.low.rearm=700"])}
    chosen = load(given, str(tmp_path / "k.toml"), {"KAIROS_WAIT_NETWORK": "5min"})
    assert chosen.waits == {"raw.usage": 10_000, "raw.billing": 90_000, "raw.network": 300_000}
    assert chosen.events == {"balance.low": {"low": 500, "rearm": "700"}}
    assert changed(chosen).keys() == {"wait.usage", "wait.billing", "wait.network", "events"}
    assert origins(str(tmp_path / "k.toml"), {})["wait_usage"] == str(tmp_path / "k.toml")
    assert load(environ={}).waits == {}


def test_the_page_of_settings_is_the_declaration():
    assert table() in (ROOT / "docs" / "settings.md").read_text("utf-8")


def test_the_example_file_uncommented_gives_the_defaults(tmp_path):
    lines = example().splitlines()
    assignments = [line.removeprefix("# ") for line in lines if line.startswith("# ") and line.split()[1] in map(shown, HINTS) and line.split()[2] == "="]
    assert len(assignments) == len(HINTS) - len(TABLES)
    optional = {name for name, value in ((name, getattr(Settings(), name)) for name in HINTS) if value is None}
    (tmp_path / "k.toml").write_text("\n".join(line for line in assignments if line.split()[0] not in optional))
    assert load(None, str(tmp_path / "k.toml"), {}) == Settings()
    (tmp_path / "all.toml").write_text("\n".join(assignments))
    assert load(None, str(tmp_path / "all.toml"), {}).ca_file == "/etc/kairos/ca_file"


def test_each_value_s_origin_is_known(tmp_path):
    (tmp_path / "k.toml").write_text("operator = 'op9'\nzone = 'Europe/Berlin'")
    assert origins(str(tmp_path / "k.toml"), {"KAIROS_ZONE": "Asia/Tokyo"}) == {"operator": str(tmp_path / "k.toml"), "zone": "KAIROS_ZONE"}


def test_a_day_that_no_calendar_has_is_refused_with_its_name():
    assert load({"history_from": "2026-02-28"}).history_day == 20_512
    assert load({}).history_day is None
    with pytest.raises(SettingsError, match=r"history_from: wanted a date YYYY-MM-DD, got '2026-02-30': day"):
        _ = load({"history_from": "2026-02-30"}).history_day
    with pytest.raises(SettingsError, match=r"history_from: wanted a date YYYY-MM-DD, got '28.2.2026' \(command line\)"):
        load({"history_from": "28.2.2026"})
