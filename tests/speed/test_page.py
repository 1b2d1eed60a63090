"""The page is written from figures alone: tables, curves with named axes, README's table."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import pytest

from tests.speed import flat, page
from tests.speed.bench import COLUMNS
from tests.speed.curves import CURVES
from tests.speed.drawing import Line, drawn, ticks

SVG = "{http://www.w3.org/2000/svg}"
ABOUT = {"machine": "2 cores (x86_64), Python 3.11.7, 2026-11-27", "load": 0.1, "seconds": 61, "size": "300,000 records"}


def figures_of(name, rows=3):
    curve = CURVES[name]
    keys = {column.key for column in curve.columns} | ({curve.plot.x, *(key for key, _ in curve.plot.lines)} if curve.plot else set())
    return {**ABOUT, "rows": [{key: f"row {row}" if key == "name" else 1000 * (row + 1) + number for number, key in enumerate(sorted(keys))} for row in range(rows)]}


@pytest.fixture
def every():
    bench = [{column.key: "floor" if column.key == "name" else 10.0 + number for number, column in enumerate(COLUMNS)}, {"name": "replay", "rate": 1234.5}]
    return {"bench": {**ABOUT, "rows": bench}, **{name: figures_of(name) for name in CURVES}, "soak": soak()}


def soak():
    """A start without a restart, then two periods with one."""
    rows = [{column.key: 1000.5 * (number + 1) for column in flat.PERIODS} | {"how": "SIGTERM"} for number in range(3)]
    rows[0] = {key: value for key, value in rows[0].items() if key not in ("us_row", "ready_s", "restored")}
    return {**ABOUT, "rows": rows, "verdicts": [{"title": "memory", "early": 1.0, "late": 2.0, "grown": "+70.0%", "bound": "5%", "verdict": "**grows**"}]}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "docs").mkdir()
    for name in ("README.md", "docs/scaling.md"):
        (tmp_path / name).write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
    return tmp_path


def test_every_figure_machine_and_date_is_on_the_page(every, root):
    page.write(every, root)
    text = (root / "docs" / "performance.md").read_text("utf-8")
    for name, curve in CURVES.items():
        section = text.split(f"## {curve.title}\n")[1].split("\n## ")[0]
        assert "2 cores (x86_64), Python 3.11.7, 2026-11-27" in section
        assert all(column.title in section for column in curve.columns)
        for row in every[name]["rows"]:
            assert all(page.text_of(row[column.key], column.form) in section for column in curve.columns)
    assert "| replay | – |" in text


def test_a_page_of_some_figures_has_those_alone(every, root):
    files = page.write({"hot": every["hot"]}, root)
    assert [file.relative_to(root).as_posix() for file in files] == ["docs/performance.md", "docs/performance/hot.svg"]
    assert re.findall(r"^## (.*)$", (root / "docs" / "performance.md").read_text("utf-8"), re.MULTILINE) == [CURVES["hot"].title]


def test_a_busy_machine_is_told(every, root):
    every["hot"]["load"] = 6.5
    page.write(every, root)
    sections = (root / "docs" / "performance.md").read_text("utf-8").split("\n## ")
    assert [section.splitlines()[0] for section in sections if "the machine was busy (load 6.5" in section] == [CURVES["hot"].title]


def test_what_went_on_beside_a_run_is_told(every, root):
    every["hot"] |= {"load": 0.1, "beside": "other work on both cores"}
    page.write(every, root)
    assert "; the machine was busy (other work on both cores): " in (root / "docs" / "performance.md").read_text("utf-8")


def test_the_soak_has_its_periods_bounds_and_a_picture_of_all_restarts(every, root):
    assert root / "docs" / "performance" / "soak.svg" in page.write(every, root)
    section = (root / "docs" / "performance.md").read_text("utf-8").split("## Soak\n")[1]
    assert "| 1,000 | 1,000 | SIGTERM | – | – | – |" in section
    assert "| memory | 1 | 2 | +70.0% | 5% | **grows** |" in section
    assert "2 cores (x86_64), Python 3.11.7, 2026-11-27" in section
    svg = ET.fromstring((root / "docs" / "performance" / "soak.svg").read_text("utf-8"))  # our own
    lines = list(svg.iter(f"{SVG}polyline"))
    assert len(lines) == len(page.SOAK_LINES)
    assert all(len(line.get("points").split()) == 2 for line in lines)


def test_the_readme_keeps_all_but_its_table(every, root):
    page.write(every, root)
    text = (root / "README.md").read_text("utf-8")
    assert text.startswith(f"before\n{page.BEGIN}\n`make bench`, 300,000 records, 2 cores")
    assert text.endswith(f"|\n{page.END}\nafter\n")
    assert "old" not in text
    page.write(every, root)
    assert (root / "README.md").read_text("utf-8") == text


def test_the_plan_for_many_customers_has_what_two_workers_and_growing_come_to(every, root):
    page.write({"growth": every["growth"]}, root)
    text = (root / "docs" / "scaling.md").read_text("utf-8")
    assert text.startswith(f"before\n{page.BEGIN}\n### {CURVES['growth'].title}\n")
    assert text.endswith(f"\n{page.END}\nafter\n")
    page.write(every, root)
    text = (root / "docs" / "scaling.md").read_text("utf-8")
    assert re.findall(r"^### (.*)$", text, re.MULTILINE) == [CURVES["workers"].title, CURVES["growth"].title]
    assert all(page.text_of(row["rate"], ",.0f") in text for row in every["workers"]["rows"])
    assert text.count(ABOUT["machine"]) == 2


def test_charts_name_their_axes_and_place_their_points(every, root):
    page.write(every, root)
    for name, curve in CURVES.items():
        if curve.plot is None:
            continue
        svg = ET.fromstring((root / "docs" / "performance" / f"{name}.svg").read_text("utf-8"))  # our own
        texts = [text.text for text in svg.iter(f"{SVG}text")]
        assert {curve.title, curve.plot.x_title, curve.plot.y_title, *(title for _, title in curve.plot.lines)} <= set(texts)
        assert len(list(svg.iter(f"{SVG}polyline"))) == len(curve.plot.lines)
        assert "prefers-color-scheme: dark" in svg.find(f"{SVG}style").text


def test_higher_values_are_higher_up():
    svg = ET.fromstring(drawn("t", [Line("one", [(0, 0.0), (1, 50.0), (4, 100.0)])], "x, m", "y, s", {0: "0", 1: "1", 4: "4"}))  # our own
    points = [tuple(map(float, point.split(","))) for point in next(svg.iter(f"{SVG}polyline")).get("points").split()]
    (x0, y0), (x1, y1), (x4, y4) = points
    assert y0 - y1 == pytest.approx(y1 - y4, abs=0.2)
    assert y1 < y0
    assert x4 - x0 == pytest.approx(4 * (x1 - x0), abs=0.5)


@pytest.mark.parametrize("most", [0.0, 0.07, 1.0, 9.99, 10.0, 73_000.0, 999_999.0])
def test_ticks_are_few_and_reach_over_the_highest_value(most):
    marks = ticks(most)
    assert 2 <= len(marks) <= 10
    assert marks[0] == 0
    assert marks[-1] >= most


def test_a_peer_is_compared_turn_by_turn():
    def run(rate, cpu):
        return {"rate": rate, "rate_second": 2 * rate, "cpu_us": cpu, "cpu_us_second": cpu, "peak_mb": 1, "events": 5}

    rows = page.peer_rows({"flink-p1": [run(100, 8.0), run(50, 16.0), run(100, 8.0)], "kairos": [run(150, 4.0), run(80, 8.0), run(120, 5.0)]})
    assert [row["name"] for row in rows] == [page.NAMES["kairos"], page.NAMES["flink-p1"]]
    assert (rows[1]["of_flink"], rows[1]["of_flink_cpu"], rows[1]["rate"]) == (1.5, 2.0, 100)
    assert "of_flink" not in rows[0]


def test_the_committed_page_is_of_the_committed_figures():
    every = json.loads(page.FIGURES.read_text("utf-8"))
    assert (page.ROOT / "docs" / "performance.md").read_text("utf-8") == page.page(every)
    text = (page.ROOT / "docs" / "scaling.md").read_text("utf-8")
    assert text == page.scaling(every, text)
