"""`kairos convert`: files in an operator's own format to raw records."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from streams.cli.output import Output
    from streams.sources.batch import Bad
    from streams.sources.kinds import Skipped


def convert(
    files: Annotated[list[str], typer.Argument(help="Files in the source's format, gzip too; - is stdin.")],
    source: Annotated[str, typer.Option(help="The mapping: a table [sources.NAME] of the settings (docs/sources.md).")],
    out: Annotated[str | None, typer.Option(help="Write the raw records here, one JSON object a line; - is stdout. Without it they are only checked.")] = None,
    rejects: Annotated[str | None, typer.Option(help="Write rows that cannot be used here: where, field, wanted, got and raw text, one JSON object a line.")] = None,
    reference: Annotated[str | None, typer.Option(help="Folder of reference tables, in which lookups find their files, too. [KAIROS_REFERENCE]")] = None,
    json: Annotated[bool, typer.Option("--json", help="The summary as one JSON document on stdout.")] = False,  # noqa: FBT002  # a switch
    config: Annotated[str | None, typer.Option(help="TOML file of settings, with the mapping. [KAIROS_CONFIG]")] = None,
) -> None:
    """Convert files of your own format to raw records, and say of each row that cannot be used why.

    A file that is cut off, has other columns, or is written again while it is read is refused as a whole; nothing is written then.

    Example: kairos convert recharges.csv.gz --source recharges --config recharges.toml --out may.jsonl --rejects bad.jsonl
    """
    from streams import settings
    from streams.cli.output import STDOUT, Output
    from streams.cli.reference import settled
    from streams.cli.replay import progress_bar
    from streams.sources.mapping import load_source
    from streams.sources.reading import Reading

    records, refused = Output("--out", out, files), Output("--rejects", rejects, files)
    records.differs_from(refused)
    if json and STDOUT in (out, rejects):
        raise settings.SettingsError("--json: wanted stdout for the summary alone, got --out or --rejects there too: name a file")
    with settled(settings.load({"reference": reference}, config)) as chosen:
        own = load_source(source, chosen.sources, settings.file_in_force(config), chosen.reference)
    tally = Tally(refused)
    reading = Reading(own, tally.take)
    started = perf_counter()
    with records, refused:
        with progress_bar(files) as progress:
            for _, batch in reading.batches(files, progress):
                records.write(batch.values)
        counts = {name: reading.counts[name] for name in ("rows", "records", "bad", "skipped")}
        tally.report(counts, reading.converter.skipped, perf_counter() - started, rejects, json=json)
        refused.keep()
        if reading.counts["rows"] and not reading.counts["records"]:
            raise settings.SettingsError(f"none of {reading.counts['rows']:,} rows became a record: {tally.first or 'no condition of `when` took one: correct the mapping'}")
        records.keep()


class Tally:
    """Counts and writes the rows that cannot be used."""

    def __init__(self, rejects: Output) -> None:
        self.rejects = rejects
        self.first: str | None = None
        self.reasons: dict[tuple[str, str], tuple[int, str]] = {}
        """By field and what was wanted of it, how many rows, and where the first is."""

    def take(self, bad: Bad) -> None:
        """Take one row."""
        self.first = self.first or f"{bad.where}: {bad.field}: wanted {bad.wanted}"
        count, first = self.reasons.get((bad.field, bad.wanted), (0, bad.where))
        self.reasons[bad.field, bad.wanted] = count + 1, first
        self.rejects.write([bad.json()])

    def report(self, counts: dict[str, int], skipped: Skipped, seconds: float, rejects: str | None, *, json: bool) -> None:
        """Print the summary."""
        import orjson
        from rich.console import Console
        from rich.table import Table

        if json:
            reasons = [{"field": field, "wanted": wanted, "count": count, "first": first} for (field, wanted), (count, first) in self.reasons.items()]
            typer.echo(orjson.dumps({**counts, "seconds": round(seconds, 3), "refused": reasons, "skipped_kinds": skipped.as_json()}).decode())
            return
        console = Console(stderr=True)
        if self.reasons:
            table = Table("field", "wanted", "rows", "first", title="refused" + (f" ({rejects})" if rejects else " (--rejects FILE writes each)"))
            for (field, wanted), (count, first) in sorted(self.reasons.items(), key=lambda item: -item[1][0]):
                table.add_row(field, wanted, f"{count:,}", first)
            console.print(table)
        rate = counts["rows"] / max(seconds, 1e-9)
        console.print(f"{counts['records']:,} records of {counts['rows']:,} rows in {seconds:.1f} s ({rate:,.0f} rows/s); {counts['bad']:,} refused, {counts['skipped']:,} skipped")
        if said := skipped.said():
            console.print(said, markup=False, highlight=False, soft_wrap=True)
