"""The settings of an installation, declared once: names, types, bounds, defaults and descriptions come from here.

Precedence: command line, then environment (`KAIROS_BROKERS`), then the TOML file (`--config`, `KAIROS_CONFIG`), then the default.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from schemas.columns import day_of
from schemas.fault import KairosFault
from schemas.iso import COUNTRIES
from schemas.raw import TOPICS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PREFIX = "KAIROS_"
Clock = Literal["wall", "records"]
Compression = Literal["none", "snappy", "lz4", "zstd"]
Security = Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]
Mechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]
Decode = Literal["compiled", "msgspec"]
LogLevel = Literal["debug", "info", "warning", "error"]
YEAR_MS = 366 * 86_400_000
WAITS = {topic: f"wait_{topic.removeprefix('raw.')}" for topic in TOPICS}
"""By raw topic, the field that says how long it waits: `wait.usage` in files and messages, `KAIROS_WAIT_USAGE` in the environment."""


class SettingsError(KairosFault):
    """A setting cannot be used: what, wanted, got, where."""


def about(says: str, unit: str = "", *, ge: int | None = None, le: int | None = None, pattern: str | None = None, wanted: str | None = None) -> Meta:
    """What a setting is for, its unit and its bounds; `wanted`: a description of its pattern."""
    bounds: dict[str, Any] = {"ge": ge, "le": le, "pattern": pattern}
    return Meta(description=says, extra={"unit": unit, "wanted": wanted}, **bounds)


def wait(topic: str) -> Meta:
    """A topic's wait."""
    says = f"{topic}: how long records wait for stragglers: until one of their partition is so much newer, or nothing has come for so long"
    return about(says, "ms", ge=0, le=86_400_000, wanted="a length of time up to 24h, such as 10s or 5min (or a number of ms); 0: none")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings; each is also an environment variable, `KAIROS_` and the name in capitals."""

    brokers: Annotated[
        str, about("Kafka brokers, HOST:PORT separated by commas", pattern=r"^[^\s,]+:[0-9]+(,[^\s,]+:[0-9]+)*\Z", wanted="HOST:PORT, several separated by commas")
    ] = "127.0.0.1:9092"
    security: Annotated[Security, about("protocol to the brokers")] = "plaintext"
    allow_plaintext: Annotated[bool, about("allow plaintext to brokers beyond this machine")] = False
    ca_file: Annotated[str | None, about("PEM file of the authorities that sign the brokers' certificates; the system's own when not given")] = None
    cert_file: Annotated[str | None, about("PEM file of the worker's own certificate, for mutual TLS")] = None
    key_file: Annotated[str | None, about("PEM file of the certificate's key, when it is not in cert_file")] = None
    sasl_mechanism: Annotated[Mechanism, about("how the worker authenticates itself")] = "SCRAM-SHA-512"
    sasl_user: Annotated[str | None, about("name of the worker at the brokers")] = None
    sasl_password_file: Annotated[str | None, about("file whose first line is the password; there is no option for the password itself")] = None
    app: Annotated[
        str,
        about(
            "application id: consumer group, transactional ids, changelog topic",
            pattern=r"^[A-Za-z0-9._-]{1,200}\Z",
            wanted="1 to 200 letters, digits, dots, dashes or underscores",
        ),
    ] = "kairos"
    clock: Annotated[Clock, about("wall: live; records: history, time passes with the records alone")] = "wall"
    reference: Annotated[str | None, about("folder of reference tables (cells.csv, cities.csv, plmn.csv, …)")] = None
    reference_topic: Annotated[
        Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,249}\Z")] | None,
        about(
            "compacted topic of reference tables; its tables take the place of those in the folder; none when not given",
            wanted="1 to 249 letters, digits, dots, dashes or underscores",
        ),
    ] = None
    reference_check: Annotated[
        int, about("how often a worker looks whether the files of the reference folder, or the reference topic, have changed; 0: never", "s", ge=0, le=86_400)
    ] = 30
    definitions: Annotated[tuple[str, ...], about("further definitions: packages, or folders of family/event.py files")] = ()
    only: Annotated[tuple[str, ...], about("publish these events alone; the events they depend on are evaluated too")] = ()
    without: Annotated[tuple[str, ...], about("publish all events but these")] = ()
    operator: Annotated[
        str, about("name of the operator in the events' `source`", pattern=r"^[A-Za-z0-9._-]{1,64}\Z", wanted="1 to 64 letters, digits, dots, dashes or underscores")
    ] = "op1"
    zone: Annotated[str, about("the operator's zone, for lines without one of their own")] = "Asia/Shanghai"
    country: Annotated[
        str, about("the operator's country, alpha-2", pattern=rf"^({'|'.join(sorted(COUNTRIES))})\Z", wanted="a country by ISO 3166-1 alpha-2, such as CN, DE or GB")
    ] = "CN"
    history_from: Annotated[
        Annotated[str, Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z")] | None,
        about(
            "the first day of which all records are there: of customers who came earlier (lines.csv) nobody knows what was their first; none: what is seen first is the first",
            wanted="a date YYYY-MM-DD",
        ),
    ] = None
    timer_delay_ms: Annotated[int, about("timers fire this long after their due time on the shard's clock", "ms", ge=0, le=3_600_000)] = 5_000
    late_limit_ms: Annotated[int, about("records that are later than this are refused", "ms", ge=3_600_000, le=YEAR_MS)] = 48 * 3_600_000
    look_ms: Annotated[
        int, about("clock=wall: how long a look at the end of a topic stays valid; clock=records needs one that is newer than the released records", "ms", ge=0, le=60_000)
    ] = 250
    clock_jump_ms: Annotated[
        int, about("a record further ahead of the shard's clock moves it only when another customer's next record is ahead as well", "ms", ge=60_000, le=100 * YEAR_MS)
    ] = 31 * 86_400_000
    future_ms: Annotated[int, about("clock=wall: records further ahead of both this machine's clock and the broker's are refused", "ms", ge=0, le=YEAR_MS)] = 300_000
    max_record_bytes: Annotated[int, about("larger records are refused unread", "byte", ge=1_024, le=1_073_741_824)] = 1_048_576
    decode: Annotated[
        Decode,
        about(
            "how records are read: compiled reads the plain ones in one pass and leaves the others to msgspec, msgspec reads all; both accept and refuse the same. "
            "Where numba does not compile (NUMBA_DISABLE_JIT=1) msgspec reads all"
        ),
    ] = "compiled"
    batch_records: Annotated[int, about("records of a shard in one transaction, at most", "records", ge=1, le=1_000_000)] = 20_000
    batch_wait_ms: Annotated[int, about("how long a shard gathers records after a small batch, at least", "ms", ge=0, le=10_000)] = 10
    small_steps_percent: Annotated[
        int, about("of one core, what evaluating small batches may take in a process: shards gather records for longer where it takes more", "%", ge=1, le=100)
    ] = 40
    queue_records: Annotated[int, about("records of a topic partition in memory, before its fetching is paused", "records", ge=100, le=100_000_000)] = 60_000
    wait_usage: Annotated[int, wait("raw.usage")] = 0
    wait_billing: Annotated[int, wait("raw.billing")] = 0
    wait_service: Annotated[int, wait("raw.service")] = 0
    wait_network: Annotated[int, wait("raw.network")] = 0
    wait_bytes: Annotated[
        int, about("keys and values of a topic partition that may wait; beyond them the earliest are evaluated before their wait is over", "byte", ge=65_536, le=1_073_741_824)
    ] = 64_000_000
    fetch_bytes: Annotated[int, about("bytes of a partition fetched at once", "byte", ge=65_536, le=1_073_741_824)] = 4_194_304
    compression: Annotated[Compression, about("compression of what the worker writes; lz4 costs nine times the CPU in this client")] = "snappy"
    transaction_timeout_ms: Annotated[
        int, about("a transaction, or a reply of the broker to one, that takes longer has failed; at most the brokers' transaction.max.timeout.ms", "ms", ge=1_000, le=900_000)
    ] = 30_000
    resume_from_state: Annotated[
        bool, about("where state, group offsets and topics do not agree, continue from the state's offsets and log what that loses or repeats; for one start, by hand")
    ] = False
    session_timeout_s: Annotated[int, about("a worker that is silent for this long loses its partitions", "s", ge=2, le=1_800)] = 10
    contact_s: Annotated[int, about("/readyz says 503 when no broker, or not the group's coordinator, has answered for longer", "s", ge=1, le=3_600)] = 5
    stall_s: Annotated[int, about("a worker that commits nothing for this long although there is work ends itself", "s", ge=2, le=86_400)] = 120
    instance: Annotated[str | None, about("static member id of this worker: a quick restart keeps its partitions")] = None
    metrics_host: Annotated[str, about("address of /metrics, /healthz, /readyz")] = "127.0.0.1"
    metrics_port: Annotated[int, about("port of /metrics, /healthz, /readyz; 0: any free one", ge=0, le=65_535)] = 9464
    metrics_token_file: Annotated[str | None, about("file whose first line is the bearer token of /metrics; needed beyond the loopback address")] = None
    otel_endpoint: Annotated[
        Annotated[str, Meta(pattern=r"^https?://[^\s@?#]+\Z")] | None,
        about(
            "where spans of the transactions are sent by OTLP over HTTP, such as http://127.0.0.1:4318; needs kairos[otel]; none when not given",
            wanted="an http or https address without a password",
        ),
    ] = None
    page_host: Annotated[str, about("address of `kairos page`; beyond the loopback address it needs page_token_file, KAIROS_PAGE_TOKEN or page_behind_proxy")] = "127.0.0.1"
    page_port: Annotated[int, about("port of `kairos page`; 0: any free one", ge=0, le=65_535)] = 8090
    page_names: Annotated[tuple[str, ...], about("further names by which browsers may address the page, such as kairos.example.com; others are refused")] = ()
    page_token_file: Annotated[
        str | None, about("file of the tokens that open the page: a line each, a name, a blank and the token of at least 16 characters; KAIROS_PAGE_TOKEN holds one without a file")
    ] = None
    page_behind_proxy: Annotated[
        bool, about("only a proxy that knows its users can reach the page: no token is needed, and X-Forwarded-For, -Proto and -User are believed; the proxy must set all three")
    ] = False
    page_customers: Annotated[bool, about("the page shows single customers: personal data, and every look is logged")] = False
    page_metrics: Annotated[tuple[str, ...], about("addresses of workers' /metrics that the page asks, such as http://127.0.0.1:9464")] = ()
    log_level: Annotated[LogLevel, about("the lowest level that is logged")] = "info"
    events: Annotated[dict[str, dict[str, Any]], about('parameters of events: [events."balance.low"] low = 500')] = {}
    expect: Annotated[dict[str, str], about('usual rates of events, before those of their definitions: [expect] "balance.low" = "2-5 per 1,000 customers a day"')] = {}
    valve: Annotated[
        str | dict[str, str],
        about("what is published of an event in a day at most, the overflow goes to customer-events.missed: a multiple of what it promises, or in a table [valve] by event"),
    ] = "off"
    sources: Annotated[dict[str, dict[str, Any]], about('formats of own files: [sources.recharges] format = "csv", docs/sources.md')] = {}

    @property
    def changelog(self) -> str:
        """The compacted topic that holds the state."""
        return f"{self.app}.state"

    @property
    def history_day(self) -> int | None:
        """`history_from` as days since 1970. Raises SettingsError for a day that no calendar has."""
        if self.history_from is None:
            return None
        try:
            return day_of(self.history_from)
        except ValueError as error:
            raise SettingsError(f"history_from: {error}") from error

    @property
    def control(self) -> str:
        """The compacted topic that holds what was switched while workers run."""
        return f"{self.app}.control"

    @property
    def waits(self) -> dict[str, int]:
        """By raw topic that waits for stragglers, how long, ms."""
        return {topic: ms for topic, name in WAITS.items() if (ms := getattr(self, name))}


TABLES = ("events", "expect", "sources")
"""Settings that are tables: they are written in a file alone."""
HINTS = {name: hint for name, hint in get_type_hints(Settings, include_extras=True).items() if name in Settings.__struct_fields__}
"""Each setting's annotated type, in the order of declaration."""


def load(cli: Mapping[str, Any] | None = None, config: str | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. Raises SettingsError. Options given as None on the command line were not given."""
    environ = os.environ if environ is None else environ
    config = config or environ.get(f"{PREFIX}CONFIG")
    values: dict[str, Any] = {}
    if config:
        values |= checked(read_file(Path(config)), config)
    values |= {name: from_text(name, environ[key], key) for name in HINTS if name not in TABLES and (key := PREFIX + name.upper()) in environ}
    given = {name: value for name, value in (cli or {}).items() if value is not None and value != ()}
    if waits := given.get("events", {}).get("wait"):  # no event has this name: ids have a dot
        given |= {"wait": waits, "events": {event: own for event, own in given["events"].items() if event != "wait"}}
    events = {**values.get("events", {}), **{event: {**values.get("events", {}).get(event, {}), **own} for event, own in given.pop("events", {}).items()}}
    return Settings(**{**values, **checked(given, "command line"), "events": events})


def file_in_force(config: str | None = None) -> str | None:
    """The settings file of this process: `--config`, else KAIROS_CONFIG."""
    return config or os.environ.get(f"{PREFIX}CONFIG")


def read_file(path: Path) -> dict[str, Any]:
    """The TOML file. Raises SettingsError."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"config: wanted a readable TOML file, got {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"config: wanted TOML, got something else in {path}: {error}") from error


def checked(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Values with known names, right types and within their bounds. Raises SettingsError, which lists all faults."""
    values = flat(values)
    faults = [no_such(name, where) for name in values if name not in HINTS]
    result = {}
    for name in values.keys() & HINTS.keys():
        try:
            result[name] = fitting(name, values[name], where)
        except SettingsError as fault:
            faults.append(str(fault))
    if faults:
        raise SettingsError("\n".join(sorted(faults)))
    return result


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values with the table `wait` as fields of their own."""
    waits = values.get("wait")
    if not isinstance(waits, dict):
        return dict(values)
    return {name: value for name, value in values.items() if name != "wait"} | {
        f"wait_{name}" if f"wait_{name}" in WAITS.values() else f"wait.{name}": value for name, value in waits.items()
    }


def shown(name: str) -> str:
    """The name of a setting as people write it."""
    return name.replace("_", ".", 1) if name in WAITS.values() else name


def no_such(name: str, where: str) -> str:
    """The fault for a name that is no setting's."""
    names = [shown(own) for own in HINTS]
    near = difflib.get_close_matches(name, names, 1)
    return f"{name}: no such setting ({where}); " + (f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}")


def fitting(name: str, value: Any, where: str, *, text: bool = False) -> Any:
    """`value` as the setting's type; `text`: it came as a text. Raises SettingsError."""
    read = value
    if name in WAITS.values() and isinstance(value, str):
        from streams.definitions.units import number_of

        read = number_of(value, "ms")
    try:
        return msgspec.convert(read, HINTS[name], strict=not text)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{shown(name)}: wanted {wanted(name)}, got {value!r} ({where})") from error


def wanted(name: str) -> str:
    """What a setting may be, as a phrase."""
    hint, meta = get_args(HINTS[name])
    if meta.extra["wanted"]:
        return str(meta.extra["wanted"])
    if get_origin(hint) is Literal:
        return f"one of {', '.join(get_args(hint))}"
    if hint is int:
        low, high = (f"{bound:_}" if bound is not None else "" for bound in (meta.ge, meta.le))
        return f"a whole number from {low} to {high}" if low and high else "a whole number"
    if get_origin(hint) is tuple:
        return "a list of texts"
    return {
        "events": "tables of parameters",
        "sources": "tables of mappings",
        "expect": "a table of texts",
        "valve": "off, a multiple such as 10x, or a table of them",
    }.get(name, "true or false" if hint is bool else "a text")


def from_text(name: str, text: str, where: str) -> Any:
    """A setting from an environment variable. Raises SettingsError."""
    if get_origin(get_args(HINTS[name])[0]) is tuple:
        return tuple(part.strip() for part in text.split(os.pathsep if name == "definitions" else ",") if part.strip())
    return fitting(name, text, where, text=True)


def parameter_overrides(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """`balance.low.low=500` as {"balance.low": {"low": "500"}}: the last dot parts event and parameter. Raises SettingsError."""
    result: dict[str, dict[str, Any]] = {}
    for text in texts:
        path, sign, value = text.partition("=")
        event, dot, name = path.rpartition(".")
        if not (sign and dot and event):
            raise SettingsError(f"--set: wanted EVENT.PARAMETER=VALUE such as balance.low.low=500 or balance.rapid_drop.window=2h, got {text!r}")
        result.setdefault(event, {})[name] = value
    return result


def table() -> str:
    """All settings as a Markdown table."""
    defaults = msgspec.structs.asdict(Settings())
    rows = [
        f"| `{shown(name)}` | `{PREFIX}{name.upper()}` | `{'' if name in TABLES else defaults[name]}` | {meta.extra['unit']} | {wanted(name)} | {meta.description} |"
        for name, hint in HINTS.items()
        for meta in hint.__metadata__
    ]
    return "\n".join(["| setting | environment | default | unit | wanted | for |", "| --- | --- | --- | --- | --- | --- |", *rows])


def example() -> str:
    """A settings file with every setting at its default, commented out, with what it is for and what it may be."""
    defaults = msgspec.structs.asdict(Settings())
    lines = ["# Kairos: every setting, at its default. Written by `kairos settings --example`.", "# Command line and environment (KAIROS_NAME) go before this file.", ""]
    for name, hint in HINTS.items():
        meta = hint.__metadata__[0]
        if name in TABLES:
            continue
        lines += [f"# {meta.description}{f' ({unit})' if (unit := meta.extra['unit']) else ''}; wanted: {wanted(name)}", f"# {shown(name)} = {toml(defaults[name], name)}", ""]
    lines += [
        "# Parameters of events; `kairos catalog EVENT` lists them.",
        '# [events."balance.low"]',
        "# low = 500",
        "",
        "# How often events usually happen, and what a day may bring at most; `kairos replay --rates` measures it.",
        "# [expect]",
        '# "balance.low" = "2-5 per 1,000 customers a day"',
        "# [valve]",
        '# others = "10x"',
        '# "balance.low" = "100 per 1,000 customers a day"',
        "",
        "# Formats of own files; `kairos map --sample FILE` proposes one.",
        "# [sources.recharges]",
        '# format = "csv"',
        "",
    ]
    return "\n".join(lines)


EXAMPLES = {"history_from": "2026-01-01", "reference_topic": "operator.reference"}
"""Of settings without a default what an example shows."""


def toml(value: Any, name: str) -> str:
    """A default as TOML; a setting without one shows an example."""
    if value is None:
        given = f"/etc/kairos/{name}" if name.endswith("_file") else "http://127.0.0.1:4318" if name.endswith("_endpoint") else "..."
        return f'"{EXAMPLES.get(name, given)}"'
    return msgspec.json.encode(value).decode()


def changed(chosen: Settings) -> dict[str, Any]:
    """The settings that differ from their defaults. None is a secret: those are in files, which are named."""
    defaults = Settings()
    return {shown(name): value for name in HINTS if (value := getattr(chosen, name)) != getattr(defaults, name)}


def origins(config: str | None = None, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """By setting, where its value comes from: an environment variable or the settings file; defaults are left out."""
    environ = os.environ if environ is None else environ
    config = config or environ.get(f"{PREFIX}CONFIG")
    found = dict.fromkeys(flat(read_file(Path(config))), config) if config else {}
    return found | {name: key for name in HINTS if (key := PREFIX + name.upper()) in environ}
