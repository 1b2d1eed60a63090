"""`kairos why-not` in a process of its own, for the page: it replays files, so it takes memory and time that the page does not have.

Question and answer are JSON over pipes: a customer does not appear in the list of processes.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from schemas.fault import KairosFault
from streams.settings import Settings

LONGEST_S = 120.0
"""A replay that takes longer is stopped."""
MOST_LINES = 2_000


class Question(msgspec.Struct, frozen=True):
    """Why did `event` not happen to `customer`, by these files? `at`: as of this local time of the operator's zone; None: of the last record."""

    settings: Settings
    files: list[str]
    event: str
    customer: str
    at: str | None


class Answer(msgspec.Struct, frozen=True):
    """Lines, each with its indent, text and style (as `kairos why-not` prints them); or why there is none."""

    lines: list[tuple[int, str, str]] | None = None
    fault: str | None = None


async def answer(question: Question, longest_s: float = LONGEST_S) -> Answer:
    """Ask a process of our own."""
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "streams.page.why_not_aside", stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL)
    try:
        async with asyncio.timeout(longest_s):
            said, _ = await child.communicate(msgspec.json.encode(question))
        return msgspec.json.decode(said, type=Answer)
    except TimeoutError:
        return Answer(fault=f"The replay took longer than {longest_s:.0f} s and was stopped: give the page fewer or shorter files with --history, or run 'kairos why-not'.")
    except msgspec.DecodeError:
        return Answer(fault="The replay ended without an answer: run 'kairos why-not' on the same files, which says more.")
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


def answered(question: Question) -> Answer:
    """The answer, in the process of its own."""
    settings = msgspec.structs.replace(question.settings, clock="records", only=(question.event,), without=())
    until_ms = round(1000 * datetime.fromisoformat(question.at).replace(tzinfo=ZoneInfo(settings.zone)).timestamp()) if question.at else None

    from streams.builder import shard_builder
    from streams.cli.why_not import lines_of
    from streams.cli.why_not_report import report
    from streams.tools.why_not import UnknownCustomer, watched_replay

    try:
        build, catalogue = shard_builder(settings, keep_state=False)
        seen = watched_replay(build, question.files, question.event, question.customer, until_ms)
        return Answer([*lines_of(report(seen, catalogue, question.event, question.customer))][:MOST_LINES])
    except UnknownCustomer:  # its sentence names other customers
        return Answer(fault="The files that the page was given have no record of this customer, or none up to that moment.")
    except KairosFault as fault:
        return Answer(fault=str(fault))


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(answered(msgspec.json.decode(sys.stdin.buffer.read(), type=Question))))
