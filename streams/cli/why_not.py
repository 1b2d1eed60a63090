"""`kairos why-not`: why an event did not happen to a customer."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.cli.why_not_clauses import Clause
    from streams.cli.why_not_report import KeyReport, Looked, Report, Step

WIDTH = 80
MOST_NAMED = 5
"""So many events, and records of a reason, are named."""
MARKS = {"true": "yes", "false": "NO", "unknown": "?", "not evaluated": "-"}
BEHIND = {"unknown": "; this is unknown", "not evaluated": " (not evaluated)"}
ROLES = {"of": "made of", "first": "first", "second": "then", "awaited": "unless"}
"""What a stream is to the one that is built on it."""


class Format(StrEnum):
    """How the answer is printed."""

    text = "text"
    json = "json"


def why_not(
    event: Annotated[str, typer.Argument(help="The id of the event, such as balance.low.")],
    files: Annotated[list[str], typer.Argument(help="Files of raw records, as kairos replay takes them: of all customers, since the clock is theirs.")],
    customer: Annotated[str, typer.Option(help="The customer_id.")],
    line: Annotated[str | None, typer.Option(help="This subscription_id alone, of an event of lines; else each that the customer has.")] = None,
    account: Annotated[str | None, typer.Option(help="This account_id alone, of an event of accounts.")] = None,
    at: Annotated[str | None, typer.Option(help="RFC 3339 with offset: as of this moment; records behind it are left out. Else as of the last record.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="EVENT.PARAMETER=VALUE: ask with this value; may be given again.")] = None,
    reference: Annotated[str | None, typer.Option(help="Folder of cells.csv, cities.csv, plmn.csv, offerings.csv, devices.csv, holidays.csv, lines.csv.")] = None,
    definitions: Annotated[list[str] | None, typer.Option(help="Further definitions: a folder or a package.")] = None,
    zone: Annotated[str | None, typer.Option(help="IANA zone of the operator. [KAIROS_ZONE]")] = None,
    format_: Annotated[Format, typer.Option("--format", help="text, or json for one document on stdout.")] = Format.text,
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
) -> None:
    """Say why an event did not happen to a customer: replay the records, and print each clause of its rule with what came and what was wanted.

    Example: kairos why-not balance.low --customer C100 may.jsonl.gz --reference reference

    Example: kairos why-not topup.missing_after_depletion --customer C100 may.jsonl.gz --at 2026-05-03T00:00:00+08:00
    """
    import msgspec

    from streams import settings
    from streams.builder import shard_builder
    from streams.cli.replay import moment, progress_bar
    from streams.cli.why_not_report import report
    from streams.tools.why_not import watched_replay

    until_ms = moment(at, "--at") if at is not None else None
    given = {"reference": reference, "clock": "records", "definitions": tuple(definitions or ()), "events": settings.parameter_overrides(set_ or [])}
    given |= {"zone": zone, "only": (event,), "without": ()}
    build, catalogue = shard_builder(settings.load(given, config), keep_state=False)
    by = catalogue.by_id[event].by
    for option, value in (("line", line), ("account", account)):
        if value is not None and by != option:
            raise settings.SettingsError(f"--{option}: wanted for an event of {option}s, got {event}, which is of {by}s: leave it out")
    with progress_bar(files) as progress:
        seen = watched_replay(build, files, event, customer, until_ms, progress)
    answer = report(seen, catalogue, event, customer, line if line is not None else account)
    if format_ is Format.json:
        typer.echo(msgspec.json.encode(answer).decode())
    else:
        show(answer)


def show(answer: Report) -> None:
    """Print an answer as text."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, width=WIDTH)
    for indent, text, style in lines_of(answer):
        mark, tab, rest = text.partition("\t")
        shown: Text | Table = Text(mark, style)
        if tab:
            shown = Table.grid()
            shown.add_row(Text(f"{mark:<4}", style), Text(rest, style))
        console.print(Padding(shown, (0, 0, 0, indent), expand=False) if text else "")


def lines_of(answer: Report) -> Iterator[tuple[int, str, str]]:
    """The lines of an answer: how far each is indented, its text and its style; behind a tab what its own lines are indented to."""
    did = "did happen" if answer.fired else "did not happen"
    yield 0, f"{answer.event} {did} to {answer.customer}{f', as of {answer.now}' if answer.now else ''}.", "bold"
    yield 0, answer.rule, ""
    for key in answer.keys:
        yield from key_lines(key)
    for reason, letters in answer.refused.items():
        yield 0, f"Refused, reason {reason}: {len(letters):,} of the customer's records, which no rule has evaluated", "bold"
        yield from ((2, letter, "") for letter in letters[:MOST_NAMED])
    if answer.repeats:
        yield 0, f"{answer.repeats:,} of the customer's records were repeats and dropped.", ""
    if answer.of_ended_lines:
        yield 0, f"{answer.of_ended_lines:,} of the customer's records were of lines that had been terminated.", ""


def key_lines(key: KeyReport) -> Iterator[tuple[int, str, str]]:
    """The lines about one key."""
    yield 0, "", ""
    yield 0, f"{key.key} {key.id}" if key.id is not None else f"No record of the customer names {'an' if key.key == 'account' else 'a'} {key.key}.", "bold"
    if key.ended is not None:
        yield 2, key.ended, ""
    if key.fired:
        yield 2, f"It fired {times(len(key.fired))}:", ""
        for one in key.fired[-MOST_NAMED:]:
            yield 4, f"{str(one['local_time'])[:19].replace('T', ' ')}  {one['id']}  ({one['record_id']})", ""
    yield from step_lines(key.step, 2, "trigger")


def times(number: int) -> str:
    """`once`, `3 times`."""
    return "once" if number == 1 else f"{number:,} times"


def step_lines(step: Step, indent: int, role: str) -> Iterator[tuple[int, str, str]]:
    """The lines about one stream of the rule."""
    if not step.came:
        yield indent, f"{role}: no {step.what} came", "bold"
    else:
        through = f"the rule fired at {step.passed:,}" if role == "trigger" else f"{step.passed:,} of them count"
        last = "last of these" if step.passed else "the last"
        yield indent, f"{role}: {step.what}: {step.came:,} came, {through}; {last}: {step.last} ({step.last_record})", ""
    yield from ((indent + 2, f"pending: {text}", "") for text in step.pending)
    yield from ((indent + 2, text, "") for text in step.notes)
    if step.looked_at is not None:
        yield from looked_lines(step.looked_at, indent + 2)
    for name, inner in step.steps.items():
        yield from step_lines(inner, indent + 2, ROLES.get(name, name))


def looked_lines(looked: Looked, indent: int) -> Iterator[tuple[int, str, str]]:
    """The lines about the happening that is looked at."""
    of = f", {looked.of}" if looked.of else ""
    yield indent, f"{looked.which}: {looked.time} ({looked.record_id}{of})", ""
    for clause in looked.clauses:
        yield from clause_lines(clause, indent + 2)
    yield from ((indent + 2, f"suppressed: {text}", "bold") for text in looked.suppressed)


def clause_lines(clause: Clause, indent: int) -> Iterator[tuple[int, str, str]]:
    """The lines about one clause."""
    got = BEHIND.get(clause.status, f"; it was {clause.value}" if clause.value is not None else "")
    wanted = f", wanted {clause.wanted}" if clause.wanted is not None and clause.wanted_is_read and clause.status != "unknown" else ""
    yield indent, f"{MARKS[clause.status]}\t{clause.text}{got}{wanted}", "" if clause.status in ("true", "not evaluated") else "bold"
    if clause.not_true_since is not None:
        before = f"true last at {clause.last_true} ({clause.last_true_record}), " if clause.last_true is not None else ""
        yield indent + 4, f"{before}not true since {clause.not_true_since} ({clause.not_true_since_record})", ""
    yield from ((indent + 4, f"unknown: {text}", "") for text in clause.why_unknown)
    if clause.needs is not None:
        yield indent + 4, f"needs: {clause.needs}", ""
