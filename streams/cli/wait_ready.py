"""`kairos wait-ready`: wait until a worker on this machine is ready."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from typing import Annotated

import typer

LOOK_S = 0.5


def wait_ready(
    seconds: Annotated[float, typer.Option(help="Give up after so long.", min=0)] = 60,
    port: Annotated[int | None, typer.Option(help="Port of the worker's /readyz. [KAIROS_METRICS_PORT]", min=1, max=65_535)] = None,
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
) -> None:
    """Wait until the worker on this machine answers that it is ready; exit code 1 and the last reason when it does not in time.

    Example: kairos wait-ready --seconds 600 --port 9464
    """
    from streams import settings

    where = f"http://127.0.0.1:{port or settings.load(None, config).metrics_port}/readyz"
    deadline = time.monotonic() + seconds
    while True:
        code, reason = asked(where)
        if code == 200:
            typer.echo(reason)
            return
        if time.monotonic() >= deadline:
            typer.echo(f"{where}: not ready within {seconds:g} s: {reason}", err=True)
            raise typer.Exit(1)
        time.sleep(LOOK_S)


def asked(where: str) -> tuple[int, str]:
    """Status and text of an answer; 0 where nothing answers."""
    try:
        with urllib.request.urlopen(where, timeout=5) as answer:  # noqa: S310  # http on this machine
            return answer.status, answer.read().decode().strip()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode().strip()
    except OSError as error:
        return 0, str(getattr(error, "reason", error))
