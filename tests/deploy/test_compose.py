"""deploy/compose.yaml: right by the schema, and every word of it that is Kairos' own exists."""

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from streams.cli import COMMANDS, app
from streams.settings import HINTS, PREFIX, load
from tests.deploy.conftest import DEPLOY

COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
OWN = {name: service for name, service in COMPOSE["services"].items() if service["image"].startswith("kairos:")}


def test_the_file_is_right_by_the_schema(schema):
    assert not list(jsonschema.Draft7Validator(schema("compose.json")).iter_errors(COMPOSE))
    assert list(jsonschema.Draft7Validator(schema("compose.json")).iter_errors({"services": {"a": {"imag": "x"}}}))


@pytest.mark.parametrize("name", OWN)
def test_each_command_and_its_options_exist(name):
    command, *words = OWN[name]["command"]
    assert command in COMMANDS
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "300", "TERM": "dumb"}).output
    assert all(word in shown for word in words if word.startswith("--"))


@pytest.mark.parametrize("name", OWN)
def test_each_environment_variable_is_a_setting_with_a_value_that_fits(name):
    environment = {key: str(value) for key, value in OWN[name]["environment"].items()}
    assert {key.removeprefix(PREFIX).lower() for key in environment} <= HINTS.keys()
    assert load(environ=environment)


def test_the_workers_are_hardened_and_have_time_to_end():
    for name in ("worker-1", "worker-2"):
        service = OWN[name]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["restart"] == "on-failure"
        assert service["stop_grace_period"] == "30s"
    assert {OWN[name]["environment"]["KAIROS_INSTANCE"] for name in ("worker-1", "worker-2")} == {"worker-1", "worker-2"}


def test_what_is_published_is_bound_to_the_loopback_address():
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_mounted_file_is_here():
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", ()):
            if volume.startswith("./"):
                assert (DEPLOY / volume.split(":")[0]).exists(), volume
    assert json.dumps(COMPOSE).count("kairos:0.1.0") == len(OWN) + 1
