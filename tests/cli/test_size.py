"""`kairos size`: sums that can be done by hand, a page that is its output, and numbers that nobody can mean."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from streams.tools.size import FIGURES, NAMES, Asked, Figure, SizeFault, figures, number, short, size
from tests.cli.test_replay import kairos

ROOT = Path(__file__).parents[2]
PLAN = ("size", "--customers", "100M", "--records-per-day", "20")
ROUND = {
    "cpu_us_a_record": 20,
    "memory_bytes_a_customer": 2**10,
    "state_bytes_a_record": 1000,
    "state_bytes_a_customer": 2000,
    "state_rows_a_customer": 10,
    "restore_rows_a_second": 100_000,
    "restore_rows_a_second_in_process": 1_000_000,
    "raw_bytes_a_record": 500,
    "event_bytes": 800,
    "events_a_record": 0.1,
}
BY_HAND = {
    # 8,640,000 customers with 10 records are 86.4 M a day = 1,000 a second, 2,000 at the peak of 2
    "records_a_day": 86_400_000,
    "records_a_second": 1_000,
    "records_a_second_peak": 2_000,
    "cores": 0.08,  # 2,000 of 20 µs are 0.04 of a core, of which half may be used
    "memory_gib": 8.239746,  # 8,640,000 KiB
    "workers_by_cpu": 1,
    "workers_by_memory": 9,  # 2 GiB each, half of it used
    "workers_by_restore": 9,  # 86.4 M rows / 100,000 a second = 864 s, in 100 s
    "workers": 9,
    "partitions": 18,
    "replicas": 18 * 10 * 2,
    "transactions_a_second": 900,  # 18 shards, one in 20 ms
    "restore_s": 96,
    "restore_in_process_s": 9.6,
    "raw_gb_a_day": 43.2,
    "events_gb_a_day": 6.912,
    "state_gb_a_day": 86.4,
    "state_gb": 17.28,
    "read_mbit": 8,
    "write_mbit": 2_000 * 1_080 * 8 / 1e6,
    "replication_mbit": 2_000 * 1_580 * 8 / 1e6,
    "stored_gb": (43.2 * 2 + 6.912 * 3 + 34.56) * 2,
    "cost_cores": 9 * 0.5 * 730,
    "cost_memory": 18 * 0.25 * 730,
    "cost_stored": (43.2 * 2 + 6.912 * 3 + 34.56) * 2 * 0.125,
}
ASKED = Asked(8_640_000, 10, 3, 2, 0.5, 2, 2, 100, 2, 20, 2, 3, 0.5, 0.25, 0.125)


def measured():
    own = figures()
    return {name: Figure(value, own[name].measured, own[name].date, "") for name, value in ROUND.items()}


def test_each_line_is_what_one_computes_by_hand():
    found = {line.name: line.value for line in size(ASKED, measured())}
    assert found.pop("cost") == pytest.approx(sum(BY_HAND[name] for name in ("cost_cores", "cost_memory", "cost_stored")))
    assert found == pytest.approx(BY_HAND)


def test_few_customers_need_one_worker_and_no_more_transactions_than_records():
    found = {line.name: line.value for line in size(Asked(10, 1, 3), measured())}
    assert found["workers"] == 1
    assert found["transactions_a_second"] == found["records_a_second_peak"]
    assert "cost" not in found


@pytest.mark.parametrize(("field", "binds"), [("records_per_day", "CPU"), ("worker_gib", "memory"), ("restore_s", "restore")])
def test_what_binds_is_named(field, binds):
    changed = {"records_per_day": 50_000.0, "worker_gib": 0.5, "restore_s": 5.0}
    (line,) = [line for line in size(ASKED._replace(**{field: changed[field]}), measured()) if line.name == "workers"]
    assert line.how == f"the most of the three: {binds}"


def test_the_page_s_table_is_the_command_s_output():
    page = (ROOT / "docs" / "scaling.md").read_text("utf-8")
    (table,) = re.findall(r"<!-- size -->\n(.*?)<!-- /size -->", page, re.DOTALL)
    assert table == kairos(*PLAN, "--markdown").stdout.decode(), "write the output of `kairos size --customers 100M --records-per-day 20 --markdown` into docs/scaling.md"
    for figure in figures().values():
        if figure.value >= 1000:
            assert f"{figure.value:,.0f}" in page or short(figure.value / 1000) in page, figure


def test_json_has_every_line_and_figure_and_people_see_both(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    shown = json.loads(kairos(*PLAN, "--core-hour", "0.04", "--json").stdout)
    assert shown["needed"]["records_a_day"]["value"] == 2e9
    assert shown["needed"]["cost_cores"]["value"] == pytest.approx(shown["needed"]["workers"]["value"] * 0.04 * 730)
    assert set(shown["figures"]) == set(NAMES)
    assert shown["asked"]["customers"] == 1e8
    printed = kairos(*PLAN).stdout.decode()
    for name in NAMES:
        assert name in printed
    assert all(line.label in printed for line in size(Asked(1e8, 20, 25), figures()))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--customers", "0", "--records-per-day", "20"), "--customers: wanted a number from 1 to 1e+10, such as 500k or 100M, got '0'"),
        (("--customers", "-5", "--records-per-day", "20"), "--customers: wanted a number"),
        (("--customers", "many", "--records-per-day", "20"), "--customers: wanted a number"),
        (("--customers", "11G", "--records-per-day", "20"), "--customers: wanted a number"),
        (("--customers", "1e9", "--records-per-day", "20"), "--customers: wanted a number"),
        (("--customers", "5M", "--records-per-day", "0"), "--records-per-day: wanted a number from 0.001 to 1e+06"),
        ((*PLAN[1:], "--peak", "0"), "--peak"),
        ((*PLAN[1:], "--utilisation", "1.5"), "--utilisation"),
        ((*PLAN[1:], "--core-hour", "-1"), "--core-hour"),
        ((*PLAN[1:], "--json", "--markdown"), "--markdown: wanted one form, got --json too"),
        ((*PLAN[1:], "--figures", "nowhere.toml"), "--figures: wanted a readable TOML file"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments, says):
    done = kairos("size", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert says in re.sub(r"\x1b\[[0-9;]*m", "", done.stderr.decode())


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("value = 30.8", "value = 0", "[cpu_us_a_record] value: wanted a number above 0, got 0"),
        ("value = 30.8", "value = nan", "[cpu_us_a_record] value: wanted a number above 0, got nan"),
        ("value = 30.8", 'value = "30"', "[cpu_us_a_record] value: wanted a number above 0, got '30'"),
        ("value = 30.8", "value = true", "[cpu_us_a_record] value: wanted a number above 0, got True"),
        ("[event_bytes]", "[event]", "[event_bytes]: wanted this table, got none"),
        ('measured = "end to end"\nwhat = "CPU', 'measured = "guessed"\nwhat = "CPU', "[cpu_us_a_record] measured: wanted 'end to end' or 'in process', got 'guessed'"),
        ("date = 2026-11-25", 'date = "lately"', "[restore_rows_a_second] date: wanted a day such as 2026-11-27, got 'lately'"),
    ],
)
def test_a_figure_that_cannot_be_used_is_named(tmp_path, old, new, says):
    text = FIGURES.read_text("utf-8")
    assert text.count(old) == 1
    (tmp_path / "mine.toml").write_text(text.replace(old, new))
    with pytest.raises(SizeFault) as caught:
        figures(tmp_path / "mine.toml")
    assert says in str(caught.value)


def test_numbers_are_read_with_their_suffix():
    assert [number(text, "-", 0, 1e12) for text in ("20", "1.5k", "100M", "2G", "0.5")] == [20, 1_500, 1e8, 2e9, 0.5]
    assert [short(value) for value in (0.0123456, 99.96, 1_234_567)] == ["0.0123", "100", "1,230,000"]
