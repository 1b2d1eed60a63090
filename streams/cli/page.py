"""`kairos page`: the live page."""

from __future__ import annotations

from typing import Annotated

import typer


def page(
    port: Annotated[int | None, typer.Option(help="Port; 0: any free one. [KAIROS_PAGE_PORT]")] = None,
    host: Annotated[str | None, typer.Option(help="Address; beyond loopback it needs tokens or --behind-proxy. [KAIROS_PAGE_HOST]")] = None,
    brokers: Annotated[str | None, typer.Option(help="Kafka brokers, HOST:PORT,… [KAIROS_BROKERS]")] = None,
    app: Annotated[str | None, typer.Option(help="Application id. [KAIROS_APP]")] = None,
    metrics: Annotated[list[str] | None, typer.Option(help="Address of a worker's /metrics, such as http://127.0.0.1:9464; may be given again. [KAIROS_PAGE_METRICS]")] = None,
    name: Annotated[list[str] | None, typer.Option(help="A further name by which browsers may address the page; may be given again. [KAIROS_PAGE_NAMES]")] = None,
    behind_proxy: Annotated[
        bool | None, typer.Option("--behind-proxy", help="Only a proxy that signs its users in can reach the page: no token. [KAIROS_PAGE_BEHIND_PROXY]")
    ] = None,
    customers: Annotated[bool | None, typer.Option("--customers", help="Show single customers: personal data, and every look is logged. [KAIROS_PAGE_CUSTOMERS]")] = None,
    history: Annotated[list[str] | None, typer.Option(help="A file of raw records from which 'why not' is answered, as kairos why-not takes it; may be given again.")] = None,
    definitions: Annotated[list[str] | None, typer.Option(help="Further definitions: a folder or a package; may be given again.")] = None,
    config: Annotated[str | None, typer.Option(help="TOML file of settings: best the workers' own. [KAIROS_CONFIG]")] = None,
) -> None:
    """Serve a live page: shards, lag and latency, the events with their rules and how often they happen, and dead letters.

    It reads the events topics without a group. Events are switched off and on, and parameters changed, by those who sign in with a token. Tokens come from the file page_token_file or from KAIROS_PAGE_TOKEN.

    Example: kairos page --brokers 127.0.0.1:9092 --metrics http://127.0.0.1:9464

    Example: KAIROS_PAGE_TOKEN=$(openssl rand -hex 16) kairos page --host 0.0.0.0 --name kairos.example.com
    """
    from pathlib import Path

    from streams import logs, settings

    given = {
        "page_port": port,
        "page_host": host,
        "brokers": brokers,
        "app": app,
        "page_metrics": tuple(metrics or ()),
        "page_names": tuple(name or ()),
        "page_behind_proxy": behind_proxy,
        "page_customers": customers,
        "definitions": tuple(definitions or ()),
    }
    chosen = settings.load(given, config)
    for file in history or ():
        if not Path(file).is_file():
            raise settings.SettingsError(f"--history: wanted a file of raw records, got {file}: no such file")
    try:
        from streams.page import serve
    except ModuleNotFoundError as error:
        if error.name not in ("jinja2", "markupsafe", "starlette", "uvicorn"):
            raise
        raise settings.SettingsError(f"page: wanted the package {error.name}, got none: install kairos[page]") from error
    logs.configure(chosen.log_level, app=chosen.app)
    serve.run(chosen, [*(history or ())], lambda line: typer.echo(f"kairos page: {line}"))
