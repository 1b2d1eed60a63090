"""The metrics that rules and dashboards name, and those that a worker exposes."""

from __future__ import annotations

import json
import re
import urllib.request

import yaml

from tests.deploy.conftest import DEPLOY

NAME = re.compile(r"\b(?:kairos_\w+|process_\w+)\b")


def expressions() -> list[str]:
    """Every query of the rules and dashboards."""
    rules = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text("utf-8"))
    found = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    for path in (DEPLOY / "grafana" / "dashboards").glob("*.json"):
        board = json.loads(path.read_text("utf-8"))
        found += [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    return found


def used_names() -> set[str]:
    """The metrics that they name."""
    return {name for expression in expressions() for name in NAME.findall(expression)}


def exposed_names(url: str, token: str | None = None) -> set[str]:
    """The sample names of a worker's /metrics, those declared without a sample too."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    samples = {re.split(r"[{ ]", line, maxsplit=1)[0] for line in lines if line and not line.startswith("#")}
    declared = {(parts[2], parts[3]) for line in lines if line.startswith("# TYPE ") and (parts := line.split())}
    suffixes = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    return samples | {name + suffix for name, kind in declared for suffix in suffixes.get(kind, ("",))}
