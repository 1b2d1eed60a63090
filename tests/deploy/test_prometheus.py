"""Rules: valid, unit-tested on both sides, each with an entry in the runbook."""

from __future__ import annotations

import re

import yaml

from tests.deploy.conftest import DEPLOY, ROOT

FOLDER = DEPLOY / "prometheus"
RULES = [rule for group in yaml.safe_load((FOLDER / "rules.yml").read_text("utf-8"))["groups"] for rule in group["rules"]]
TESTS = sorted(FOLDER.glob("*_test.yml"))
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}


def test_the_rules_are_valid(tool, run):
    code, said = run(tool("promtool"), "check", "rules", "--lint=all", FOLDER / "rules.yml")
    assert code == 0, said


def test_every_rule_s_unit_test_passes(tool, run):
    code, said = run(tool("promtool"), "test", "rules", *TESTS)
    assert code == 0, said


def test_every_test_file_gives_the_order_of_all_groups():
    """Without it promtool draws an order in each run, and a test fails in one run of six."""
    groups = [group["name"] for group in yaml.safe_load((FOLDER / "rules.yml").read_text("utf-8"))["groups"]]
    for path in TESTS:
        assert yaml.safe_load(path.read_text("utf-8")).get("group_eval_order") == groups, path


def test_the_configuration_of_prometheus_is_valid(tool, run, tmp_path):
    config = (
        (FOLDER / "prometheus.yml").read_text("utf-8").replace("rules.yml", str(FOLDER / "rules.yml")).replace("/etc/prometheus/secrets/metrics-token", str(tmp_path / "token"))
    )
    (tmp_path / "token").write_text("x")
    (tmp_path / "prometheus.yml").write_text(config)
    code, said = run(tool("promtool"), "check", "config", tmp_path / "prometheus.yml")
    assert code == 0, said


def test_each_alert_has_a_test_that_fires_it_and_one_that_does_not():
    fires, silent = set(), set()
    for case in [case for file in TESTS for case in yaml.safe_load(file.read_text("utf-8"))["tests"]]:
        for check in case["alert_rule_test"]:
            (fires if check["exp_alerts"] else silent).add(check["alertname"])
    assert fires == silent == ALERTS.keys()


def test_each_alert_has_an_entry_in_the_runbook_and_a_severity():
    runbook = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    entries = re.split(r"^## ", runbook, flags=re.MULTILINE)[1:]
    by_name = {entry.split("\n", 1)[0]: entry for entry in entries}
    assert by_name.keys() == ALERTS.keys()
    for name, rule in ALERTS.items():
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert by_name[name].split("\n", 2)[1].startswith(f"*{rule['labels']['severity']}.*"), name
        assert "Look" in by_name[name], name
        assert "Do:" in by_name[name] or "Look and do:" in by_name[name], name
