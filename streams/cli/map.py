"""`kairos map`: a mapping proposed for a file that nobody has described."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer


def map(  # noqa: A001  # the command's name
    sample: Annotated[str, typer.Option(help="A file as your system writes it: CSV, JSON lines, fixed width or Avro, gzip too.")],
    record: Annotated[str | None, typer.Option(help="The record type that its rows are; 'kairos records' lists them. Guessed when not given.")] = None,
    name: Annotated[str | None, typer.Option(help="The name of the source; the file's when not given.")] = None,
    config: Annotated[str | None, typer.Option(help="TOML file of settings, for the operator's zone. [KAIROS_CONFIG]")] = None,
) -> None:
    """Propose a mapping for a file, as TOML on stdout; what could not be guessed is marked `#?`, and listed on stderr.

    Example: kairos map --sample recharges.csv > recharges.toml
    """
    from streams import settings
    from streams.sources.mapping import NAMES
    from streams.sources.propose import propose
    from streams.sources.sample import sample_of

    if record is not None and record not in NAMES:
        raise settings.SettingsError(f"--record: wanted one of {', '.join(NAMES)}, got {record!r}")
    chosen = settings.load(None, config)
    own = name or re.sub(r"[^A-Za-z0-9_-]+", "-", Path(sample).name.partition(".")[0]).strip("-") or "mine"
    proposal = propose(sample_of(sample), own, chosen.zone, record)
    typer.echo(proposal.text, nl=False)
    for line in proposal.open:
        print(f"not guessed: {line}", file=sys.stderr)
