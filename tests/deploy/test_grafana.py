"""The dashboards: lint, and only queries that Prometheus can parse."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from tests.deploy.conftest import DEPLOY

BOARDS = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))}


def panels(board):
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries(board):
    return [target["expr"] for panel in panels(board) for target in panel["targets"]]


def test_there_is_one_for_operators_and_one_for_marketing():
    assert BOARDS.keys() == {"operators", "marketing"}
    assert len({board["uid"] for board in BOARDS.values()}) == 2


@pytest.mark.parametrize("name", BOARDS)
def test_each_panel_has_title_description_unit_and_data_source(name):
    board = BOARDS[name]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in panels(board):
        assert panel["title"], panel["id"]
        assert panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
        assert all(target["datasource"] == panel["datasource"] and target["legendFormat"] for target in panel["targets"]), panel["title"]


@pytest.mark.parametrize("name", BOARDS)
def test_no_panels_overlap_and_none_leaves_the_grid(name):
    taken = set()
    for panel in BOARDS[name]["panels"]:
        grid = panel["gridPos"]
        cells = {(x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])}
        assert grid["x"] + grid["w"] <= 24, panel["title"]
        assert not taken & cells, panel["title"]
        taken |= cells


@pytest.mark.parametrize("name", BOARDS)
def test_each_query_parses_and_asks_for_the_chosen_job(name, tool, run, tmp_path):
    board = BOARDS[name]
    variables = {variable["name"] for variable in board["templating"]["list"]}
    rules = []
    for query in queries(board):
        assert set(re.findall(r"\$(\w+)", query)) - {"1"} <= variables, query
        assert "ALERTS" in query or '=~"$job"' in query, query
        rules.append({"record": f"panel:{len(rules)}", "expr": re.sub(r"\$(job|event)", ".*", query)})
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    code, said = run(tool("promtool"), "check", "rules", file)
    assert code == 0, said


def test_the_data_source_and_the_folder_are_provisioned():
    (source,) = yaml.safe_load((DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml").read_text("utf-8"))["datasources"]
    (provider,) = yaml.safe_load((DEPLOY / "grafana" / "provisioning" / "dashboards" / "kairos.yml").read_text("utf-8"))["providers"]
    compose = (DEPLOY / "compose.yaml").read_text("utf-8")
    assert source["type"] == "prometheus"
    assert f":{provider['options']['path']}:" in compose
