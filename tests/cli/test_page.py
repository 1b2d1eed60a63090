"""`kairos page` as a process: its start, its refusals and its end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest
from typer.testing import CliRunner

from streams.cli import app
from streams.cli.demo import free_port
from streams.settings import SettingsError

COMMAND = [sys.executable, "-c", "from streams.cli import main; main()", "page", "--brokers", f"127.0.0.1:{free_port()}"]
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("KAIROS_PAGE")}


def refused(monkeypatch, *arguments, **environ):
    for name in os.environ.keys() - CLEAN.keys():
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as fault:
        CliRunner().invoke(app, ["page", *arguments], catch_exceptions=False)
    return str(fault.value)


def test_it_is_refused_at_the_start_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("streams.logs.configure", lambda *_, **__: None)  # the tests' own logs stay
    assert "page_host: wanted a loopback address such as 127.0.0.1, got 0.0.0.0" in refused(monkeypatch, "--host", "0.0.0.0")
    assert "KAIROS_PAGE_TOKEN: wanted a token of at least 16 characters, got 4" in refused(monkeypatch, "--host", "0.0.0.0", KAIROS_PAGE_TOKEN="abcd")
    assert "--history: wanted a file of raw records, got " in refused(monkeypatch, "--history", str(tmp_path / "none"))


def test_it_says_its_address_answers_and_ends_at_a_signal():
    environ = {**CLEAN, "KAIROS_PAGE_TOKEN": "5a0c17d94e3b8f26"}
    with subprocess.Popen([*COMMAND, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as running:
        said = running.stdout.readline()
        address = re.fullmatch(r"kairos page: (http://127\.0\.0\.1:\d+)/\n", said)[1]
        with urllib.request.urlopen(f"{address}/events", timeout=20) as answer:
            assert answer.url == f"{address}/sign-in"
            assert b"<h1>Sign in</h1>" in answer.read()
        running.send_signal(signal.SIGTERM)
        _, errors = running.communicate(timeout=30)
    assert running.returncode == 0
    assert "5a0c17d94e3b8f26" not in said + errors
    assert "Traceback" not in errors
