"""deploy/systemd: the unit verifies, is hardened, and treats exit codes as the worker means them."""

from __future__ import annotations

import re

from streams.cli import COMMANDS, USAGE
from streams.settings import HINTS
from tests.deploy.conftest import DEPLOY

UNIT = DEPLOY / "systemd" / "kairos@.service"


def test_the_unit_verifies(tool, run, tmp_path):
    unit = tmp_path / "kairos@.service"
    unit.write_text(UNIT.read_text("utf-8").replace("/opt/kairos/bin/kairos", "/bin/true").replace("User=kairos", "User=daemon").replace("Group=kairos", "Group=daemon"))
    code, said = run(tool("systemd-analyze"), "verify", "--man=no", unit, SYSTEMD_UNIT_PATH=f"{tmp_path}:")
    complaints = [line for line in said.splitlines() if "kairos@" in line]
    assert (code, complaints) == (0, []), said


def test_a_mistake_in_the_unit_is_found(tool, run, tmp_path):
    """What the test above would see."""
    unit = tmp_path / "kairos@.service"
    unit.write_text(UNIT.read_text("utf-8").replace("/opt/kairos/bin/kairos", "/bin/true").replace("TimeoutStopSec=30", "TimeoutStopSec=soon"))
    _, said = run(tool("systemd-analyze"), "verify", "--man=no", unit, SYSTEMD_UNIT_PATH=f"{tmp_path}:")
    assert re.search(r"kairos@.service:\d+: .*soon", said)


def test_the_exposure_is_low(tool, run, tmp_path):
    unit = tmp_path / "kairos@.service"
    unit.write_text(UNIT.read_text("utf-8"))
    code, said = run(tool("systemd-analyze"), "security", "--offline=yes", "--threshold=20", "--no-pager", unit)
    assert code == 0, said[-400:]


def test_commands_settings_and_exit_codes_are_kairos_own():
    text = UNIT.read_text("utf-8")
    assert set(re.findall(r"bin/kairos (\S+)", text)) <= set(COMMANDS)
    assert {name.lower() for name in re.findall(r"^Environment=KAIROS_(\w+)=", text, re.MULTILINE)} - {"config"} <= HINTS.keys()
    assert f"RestartPreventExitStatus={USAGE}\n" in text
    assert "Restart=on-failure\n" in text
