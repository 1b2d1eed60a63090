"""`kairos settings`: every setting, from the one place where they are declared."""

from __future__ import annotations

from typing import Annotated

import typer


def settings(
    example: Annotated[bool, typer.Option("--example", help="A settings file with every setting, commented out.")] = False,  # noqa: FBT002  # a switch
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
) -> None:
    """Show the settings that are in force here and where each comes from, or an annotated settings file.

    Example: kairos settings --example > kairos.toml
    """
    from streams import settings as declared

    if example:
        typer.echo(declared.example(), nl=False)
        return
    chosen = declared.load(None, config)
    origins = declared.origins(config)
    for name in declared.HINTS:
        typer.echo(f"{declared.shown(name)} = {getattr(chosen, name)!r}  ({origins.get(name, 'default')})")
