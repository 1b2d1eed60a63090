"""`kairos erase`: remove a customer's state."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer


def erase(
    customer: Annotated[str, typer.Argument(help="The customer_id.")],
    brokers: Annotated[str | None, typer.Option(help="Kafka brokers, HOST:PORT,… [KAIROS_BROKERS]")] = None,
    app: Annotated[str | None, typer.Option(help="Application id; its changelog topic is APP.state. [KAIROS_APP]")] = None,
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
) -> None:
    """Remove a customer's state from the changelog and print a receipt.

    The worker that owns the customer's shard is fenced and ends; its supervisor starts it again, and it restores without the
    customer. The raw, event and dead-letter topics keep their records until their retention, which the receipt names.

    Example: kairos erase C100 --brokers 127.0.0.1:9092 --app kairos
    """
    from streams import settings
    from streams.kafka.erase import erase as remove

    chosen = settings.load({"brokers": brokers, "app": app}, config)
    receipts = asyncio.run(remove(chosen, customer))
    typer.echo(f"receipt of {datetime.now(UTC).isoformat(timespec='seconds')}: state of one customer in {chosen.changelog}")
    for receipt in receipts:
        typer.echo(f"  shard {receipt.partition}: {receipt.rows.total()} rows and {receipt.texts} texts of no one else erased")
        for part, count in sorted(receipt.rows.items()):
            typer.echo(f"    {part}: {count}")
    if not receipts:
        typer.echo("  none was found, nothing was written")
    typer.echo("not covered: tombstones are compacted away by the broker in its own time (min.compaction.lag.ms, delete.retention.ms);")
    typer.echo("raw, customer-events and dead-letter topics keep their records until their retention.ms; a later raw record makes new state")
