"""The settings of an installation, declared once: names, types, defaults and words come from here.

Precedence: command line, then environment (`KAIROS_BROKERS`), then the TOML file (`--config`, `KAIROS_CONFIG`), then the default.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PREFIX = "KAIROS_"
Clock = Literal["wall", "records"]
Compression = Literal["none", "snappy", "lz4", "zstd"]
Security = Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]
Mechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]
LogLevel = Literal["debug", "info", "warning", "error"]


class SettingsError(Exception):
    """A setting cannot be used: what, wanted, got, where."""


def setting(default: Any, says: str, unit: str = "") -> Any:
    """A setting with its default, what it is for, and its unit."""
    return field(default=default, metadata={"says": says, "unit": unit})


@dataclass(frozen=True)
class Settings:
    """All settings; each is also an environment variable, `KAIROS_` and the name in capitals."""

    brokers: str = setting("127.0.0.1:9092", "Kafka brokers, HOST:PORT separated by commas")
    security: Security = setting("plaintext", "how brokers are spoken to")
    allow_plaintext: bool = setting(False, "speak plaintext to brokers beyond this machine too")
    ca_file: str | None = setting(None, "PEM file of the authorities that sign the brokers' certificates; the system's own when not given")
    cert_file: str | None = setting(None, "PEM file of the worker's own certificate, for mutual TLS")
    key_file: str | None = setting(None, "PEM file of the certificate's key, when it is not in cert_file")
    sasl_mechanism: Mechanism = setting("SCRAM-SHA-512", "how the worker proves who it is")
    sasl_user: str | None = setting(None, "name of the worker at the brokers")
    sasl_password_file: str | None = setting(None, "file whose first line is the password; there is no option for the password itself")
    app: str = setting("kairos", "application id: consumer group, transactional ids, changelog topic")
    clock: Clock = setting("wall", "wall: live; records: history, time passes with the records alone")
    reference: str | None = setting(None, "folder of reference tables (cells.csv, cities.csv, plmn.csv, …)")
    definitions: tuple[str, ...] = setting((), "further definitions: packages, or folders of family/event.py files")
    operator: str = setting("op1", "name of the operator in the events' `source`")
    zone: str = setting("Asia/Shanghai", "the operator's zone, for lines without one of their own")
    country: str = setting("CN", "the operator's country, alpha-2")
    timer_delay_ms: int = setting(5_000, "timers fire this long after their due time on the shard's clock", "ms")
    late_limit_ms: int = setting(48 * 3_600_000, "records further behind are refused", "ms")
    clock_jump_ms: int = setting(31 * 86_400_000, "a record further ahead of the shard's clock moves it only when another customer's next record is ahead as well", "ms")
    future_ms: int = setting(300_000, "clock=wall: records further ahead of the wall clock are refused", "ms")
    max_record_bytes: int = setting(1_048_576, "larger records are refused unread", "byte")
    batch_records: int = setting(20_000, "records of a shard in one transaction, at most", "records")
    batch_wait_ms: int = setting(10, "how long a small batch may wait to fill", "ms")
    queue_records: int = setting(60_000, "records of a topic partition in memory, before its fetching is paused", "records")
    fetch_bytes: int = setting(4_194_304, "bytes of a partition fetched at once", "byte")
    compression: Compression = setting("snappy", "of what the worker writes; lz4 costs nine times the CPU in this client")
    session_timeout_s: int = setting(10, "a silent worker loses its partitions after this", "s")
    stall_s: int = setting(120, "a worker whose commits stand still this long, although there is something to do, ends itself", "s")
    instance: str | None = setting(None, "static member id of this worker: a quick restart keeps its partitions")
    metrics_host: str = setting("127.0.0.1", "address of /metrics, /healthz, /readyz")
    metrics_port: int = setting(9464, "port of /metrics, /healthz, /readyz; 0: any free one")
    metrics_token_file: str | None = setting(None, "file whose first line is the bearer token of /metrics; needed beyond the loopback address")
    log_level: LogLevel = setting("info", "what is logged")
    events: dict[str, dict[str, Any]] = field(default_factory=dict, metadata={"says": 'parameters of events: [events."balance.low"] low = 500', "unit": ""})

    @property
    def changelog(self) -> str:
        """The compacted topic that holds the state."""
        return f"{self.app}.state"


NAMES = {item.name: item for item in fields(Settings)}


def load(cli: Mapping[str, Any] | None = None, config: str | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. Raises SettingsError. Options given as None on the command line were not given."""
    environ = os.environ if environ is None else environ
    config = config or environ.get(f"{PREFIX}CONFIG")
    values: dict[str, Any] = {}
    if config:
        values |= checked(read_file(Path(config)), config)
    values |= {name: from_text(name, environ[key], key) for name in NAMES if name != "events" and (key := PREFIX + name.upper()) in environ}
    given = {name: value for name, value in (cli or {}).items() if value is not None and value != ()}
    events = {**values.get("events", {}), **{event: {**values.get("events", {}).get(event, {}), **own} for event, own in given.pop("events", {}).items()}}
    return replace(Settings(), **{**values, **checked(given, "command line"), "events": events})


def read_file(path: Path) -> dict[str, Any]:
    """The TOML file. Raises SettingsError."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"config: wanted a readable TOML file, got {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"config: wanted TOML, got something else in {path}: {error}") from error


def checked(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Values with known names and right types. Raises SettingsError."""
    hints = get_type_hints(Settings)
    result = {}
    for name, value in values.items():
        if name not in NAMES:
            raise SettingsError(f"{name}: no such setting ({where}); there are {', '.join(NAMES)}")
        result[name] = fitting(name, hints[name], tuple(value) if isinstance(value, list) else value, where)
    return result


def fitting(name: str, hint: Any, value: Any, where: str) -> Any:
    """`value` if it fits the setting's type. Raises SettingsError."""
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise SettingsError(f"{name}: wanted one of {', '.join(get_args(hint))}, got {value!r} ({where})")
        return value
    wanted: dict[Any, Any] = {int: int, bool: bool, str: str, str | None: (str, type(None))}
    types = wanted.get(hint, dict if name == "events" else tuple)
    if not isinstance(value, types) or isinstance(value, bool) != (hint is bool):
        words = {"events": "tables of numbers", "definitions": "a list of texts"}.get(name, {int: "a whole number", bool: "true or false"}.get(hint, "a text"))
        raise SettingsError(f"{name}: wanted {words}, got {value!r} ({where})")
    return value


def from_text(name: str, text: str, where: str) -> Any:
    """A setting from an environment variable. Raises SettingsError."""
    hint = get_type_hints(Settings)[name]
    if hint is int:
        try:
            return int(text)
        except ValueError as error:
            raise SettingsError(f"{name}: wanted a whole number, got {text!r} ({where})") from error
    if hint is bool:
        if text not in ("true", "false"):
            raise SettingsError(f"{name}: wanted true or false, got {text!r} ({where})")
        return text == "true"
    if name == "definitions":
        return tuple(part for part in text.split(os.pathsep) if part)
    return fitting(name, hint, text, where)


def parameter_overrides(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """`balance.low.low=500` as {"balance.low": {"low": 500}}: the last dot parts event and parameter. Raises SettingsError."""
    result: dict[str, dict[str, Any]] = {}
    for text in texts:
        path, sign, value = text.partition("=")
        event, dot, name = path.rpartition(".")
        if not (sign and dot and event):
            raise SettingsError(f"--set: wanted EVENT.PARAMETER=NUMBER such as balance.low.low=500, got {text!r}")
        try:
            result.setdefault(event, {})[name] = int(value)
        except ValueError as error:
            raise SettingsError(f"--set: wanted a whole number for {path}, got {value!r}") from error
    return result


def table() -> str:
    """All settings as a Markdown table."""
    rows = [
        f"| `{item.name}` | `{PREFIX}{item.name.upper()}` | `{'' if item.name == 'events' else item.default}` | {item.metadata['unit']} | {item.metadata['says']} |"
        for item in fields(Settings)
    ]
    return "\n".join(["| setting | environment | default | unit | for |", "| --- | --- | --- | --- | --- |", *rows])
