"""Logs: one JSON object a line on stderr, without payloads, keys or numbers of customers; repeated lines are counted instead."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from schemas.fault import KairosFault

if TYPE_CHECKING:
    from collections.abc import Callable

NOISY = ("faust", "aiokafka", "kafka", "mode", "asyncio", "streams", "opentelemetry", "urllib3")
"""Libraries that log records at debug: their lines are written from WARNING on. Our own loggers are `kairos.…`; what a class of ours inherits from a
library is logged under `streams.…`."""
OURS = "kairos"
QUIET_S = 30.0
"""A line that repeats is written once in this time, with the number of lines left out."""
SPEAKING = ("streams", "schemas", "aiokafka", "ssl", "socket")
"""Modules whose error messages hold no values of records."""


class Repeats:
    """Which lines were written already: the same logger, level, message before its values are filled in, and shard."""

    def __init__(self, now: Callable[[], float] = time.monotonic, quiet_s: float = QUIET_S) -> None:
        self.now, self.quiet_s = now, quiet_s
        self.seen: dict[tuple[str, int, str, Any], tuple[float, int]] = {}
        """By line, when it was last written, and how many were left out since."""
        self.lock = threading.Lock()

    def left_out(self, record: logging.LogRecord) -> int | None:
        """None: leave this line out. Otherwise how many like it were left out since the last one that was written."""
        if record.name.startswith(OURS) and record.levelno < logging.WARNING:
            return 0
        line = (record.name, record.levelno, re.sub(r"\d+", "#", str(record.msg)), getattr(record, "fields", {}).get("shard"))
        with self.lock:
            at, count = self.seen.get(line, (None, 0))
            if at is not None and self.now() - at < self.quiet_s:
                self.seen[line] = (at, count + 1)
                return None
            self.seen[line] = (self.now(), 0)
            return count

    def over(self, *, all_of_them: bool = False) -> list[tuple[str, int, str, int]]:
        """Logger, level, message and number of the lines that were left out and did not come again."""
        with self.lock:
            past = [line for line, (at, _) in self.seen.items() if all_of_them or self.now() - at >= self.quiet_s]
            return [(line[0], line[1], line[2], count) for line in past if (count := self.seen.pop(line)[1])]


class JsonLines(logging.Formatter):
    """Time, level, logger, message, the fields common to all lines, and what was given as `extra={"fields": {...}}`."""

    def __init__(self, common: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.common = {name: value for name, value in (common or {}).items() if value is not None}

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": message_of(record),
            **self.common,
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line |= about(record.exc_info[1])
        if left_out := getattr(record, "left_out", 0):
            line["left_out"] = left_out
        return orjson.dumps(line, default=str).decode()


class Handler(logging.StreamHandler[Any]):
    """Writes to stderr, and leaves out what repeats."""

    def __init__(self, formatter: logging.Formatter, repeats: Repeats) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(formatter)
        self.repeats = repeats

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, and before it the counts of repeated lines that have stopped."""
        left_out = self.repeats.left_out(record)
        if left_out is None:
            return
        record.left_out = left_out
        self._ceased()
        super().emit(record)

    def close(self) -> None:
        """At the end of the process: report what was left out."""
        self._ceased(all_of_them=True)
        super().close()

    def _ceased(self, *, all_of_them: bool = False) -> None:
        for name, level, message, count in self.repeats.over(all_of_them=all_of_them):
            line = logging.makeLogRecord({"name": name, "levelno": level, "levelname": logging.getLevelName(level), "msg": message, "left_out": count})
            super().emit(line)


def configure(level: str, **common: Any) -> None:
    """Send all logs through JsonLines to stderr, each with the `common` fields that are not None."""
    root = logging.getLogger()
    root.handlers[:] = [Handler(JsonLines(common), Repeats())]
    root.setLevel(level.upper())
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
        logging.getLogger(name).propagate = True


def log(logger: logging.Logger, level: int, message: str, *, partition: int | None = None, **named: Any) -> None:
    """Log `message` with named values, `partition` as the shard; never payloads, keys or numbers of customers."""
    logger.log(level, message, extra={"fields": named if partition is None else {"shard": partition, **named}})


def message_of(record: logging.LogRecord) -> str:
    """The message of a line. Errors among its values are written by `words`, since an error of a library may hold values of records."""
    if record.name == "asyncio":  # after its first line it prints a task with the error's message
        return str(record.msg).split("\n", 1)[0]
    arguments = record.args
    if isinstance(arguments, tuple) and any(isinstance(value, BaseException) for value in arguments):
        spoken = tuple(words(value) if isinstance(value, BaseException) else value for value in arguments)
        return str(record.msg).replace("%r", "%s") % spoken
    return record.getMessage()


def words(error: BaseException) -> str:
    """The message of an error of the system, the client or our own; of others only the kind, since they may hold values of records."""
    kind, spoken = type(error).__name__, str(error)
    if isinstance(error, OSError):
        return f"{kind}: {error.strerror}" if error.strerror else kind
    if isinstance(error, KairosFault):
        return spoken
    if not type(error).__module__.startswith(SPEAKING) or not spoken:
        return kind
    return spoken if spoken.startswith((kind, "[Error")) else f"{kind}: {spoken}"


def about(error: BaseException) -> dict[str, Any]:
    """Kind, message and place of an error, as fields of a line."""
    return {"error": type(error).__name__, "reason": words(error), "place": place_of(error)}


def place_of(error: BaseException) -> str:
    """File and line where an error was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else ""


def debugging() -> bool:
    """Whether KAIROS_DEBUG asks for tracebacks; those of definitions may hold values of records."""
    return os.environ.get("KAIROS_DEBUG", "") not in ("", "0", "false")


def unexpected(error: BaseException) -> str:
    """One sentence about an unexpected error; with KAIROS_DEBUG its traceback before it."""
    shown = "".join(traceback.format_exception(error)) if debugging() else ""
    return f"{shown}kairos: an unforeseen error at {place_of(error)}: {words(error)}; KAIROS_DEBUG=1 shows where it came from"
