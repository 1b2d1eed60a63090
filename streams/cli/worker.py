"""`kairos worker`: detect events in the raw topics of a Kafka broker."""

from __future__ import annotations

from typing import Annotated

import typer


def worker(
    brokers: Annotated[str | None, typer.Option(help="Kafka brokers, HOST:PORT,… [KAIROS_BROKERS]")] = None,
    app: Annotated[str | None, typer.Option(help="Application id: group, transactional ids, changelog. [KAIROS_APP]")] = None,
    clock: Annotated[str | None, typer.Option(help="wall: live; records: history. [KAIROS_CLOCK]")] = None,
    reference: Annotated[str | None, typer.Option(help="Folder of reference tables. [KAIROS_REFERENCE]")] = None,
    definitions: Annotated[list[str] | None, typer.Option(help="Further definitions: a folder or a package; may be given again.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Publish this event alone; may be given again. [KAIROS_ONLY]")] = None,
    without: Annotated[list[str] | None, typer.Option(help="Publish all events but this; may be given again. [KAIROS_WITHOUT]")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="EVENT.PARAMETER=VALUE; may be given again.")] = None,
    instance: Annotated[str | None, typer.Option(help="Static member id: a quick restart keeps its partitions. [KAIROS_INSTANCE]")] = None,
    metrics_port: Annotated[int | None, typer.Option(help="Port of /metrics, /healthz, /readyz; 0: any. [KAIROS_METRICS_PORT]")] = None,
    resume_from_state: Annotated[
        bool | None, typer.Option("--resume-from-state", help="Where state, group offsets and topics do not agree, go on from the state's offsets. [KAIROS_RESUME_FROM_STATE]")
    ] = None,
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error. [KAIROS_LOG_LEVEL]")] = None,
    check: Annotated[bool, typer.Option(help="Check the topics before starting; --no-check for brokers without admin requests.")] = True,  # noqa: FBT002  # a switch
) -> None:
    """Detect customer events: read the raw topics, write events, dead letters and state in one transaction a batch.

    SIGTERM finishes the batch in hand and exits 0.

    Example: kairos worker --brokers 127.0.0.1:9092 --app kairos --reference ./reference
    """
    from streams import logs, settings
    from streams.kafka import start

    given = {
        "brokers": brokers,
        "app": app,
        "clock": clock,
        "reference": reference,
        "definitions": tuple(definitions or ()),
        "only": tuple(only or ()),
        "without": tuple(without or ()),
        "instance": instance,
        "metrics_port": metrics_port,
        "log_level": log_level,
        "resume_from_state": resume_from_state,
        "events": settings.parameter_overrides(set_ or []),
    }
    chosen = settings.load(given, config)
    logs.configure(chosen.log_level, app=chosen.app, instance=chosen.instance)
    start.run(chosen, check=check, config=config)
