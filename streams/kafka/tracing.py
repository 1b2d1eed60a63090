"""W3C trace context from raw records to events, and OpenTelemetry spans of the transactions when `otel_endpoint` is set.

The context of an event is that of its trigger record. It goes into the event's Kafka headers, not into its value, so that a replay gives the
same bytes: `traceparent` and `tracestate` for the next reader of the topic, `ce_traceparent` and `ce_tracestate` (the CloudEvents extension
for distributed tracing: the original trace). Timers have no trigger; their anchor's context is not kept with the state.
"""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import TYPE_CHECKING, NamedTuple

from streams.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from streams.emit import Headers, Message
    from streams.kafka.origins import Origin
    from streams.settings import Settings
    from streams.shard import Step

PARENT, STATE, EXTENSION = "traceparent", "tracestate", "ce_"
PARENT_FORM = re.compile(rb"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?", re.DOTALL)
KEY = rb"(?:[a-z0-9][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
MEMBER = re.compile(rb"(" + KEY + rb")=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")
MEMBERS = 32


class Context(NamedTuple):
    """A valid trace context, unchanged."""

    parent: bytes
    state: bytes | None


def context_of(headers: Headers) -> Context | None:
    """The trace context of a record by its headers; None where there is none or it is invalid. An invalid tracestate alone is left out."""
    parents = [value for name, value in headers if name == PARENT]
    found = PARENT_FORM.fullmatch(parents[0] or b"") if len(parents) == 1 else None
    if found is None or found["version"] == b"ff" or (found["version"] == b"00" and found["more"]):
        return None
    if not found["trace"].strip(b"0") or not found["span"].strip(b"0"):
        return None
    return Context(parents[0], state_of([value for name, value in headers if name == STATE]))


def state_of(values: Sequence[bytes | None]) -> bytes | None:
    """Several tracestate headers as one; None where they are not a list of at most 32 members with different keys."""
    if not values or any(value is None for value in values):
        return None
    members = [member for part in b",".join(value for value in values if value is not None).split(b",") if (member := part.strip(b" \t"))]
    matches = [MEMBER.fullmatch(member) for member in members]
    keys = {found[1] for found in matches if found is not None}
    return b",".join(members) if members and len(keys) == len(members) <= MEMBERS else None


def headers_of(parent: bytes, origin: Context) -> Headers:
    """The headers of an event: `parent` is the context of its publisher, `origin` that of its trigger."""
    own = ((PARENT, parent), *(((STATE, origin.state),) if origin.state else ()))
    began = ((PARENT, origin.parent), *(((STATE, origin.state),) if origin.state else ()))
    return (*own, *((EXTENSION + name, value) for name, value in began))


def contexts_of(origins: Sequence[Origin | None]) -> dict[int, Context]:
    """The trace contexts of triggers that have one, by their place in the step."""
    found = ((index, context_of(origin.headers)) for index, origin in enumerate(origins) if origin is not None and origin.headers)
    return {index: context for index, context in found if context is not None}


def with_headers(step: Step, headers: Mapping[int, Headers]) -> Step:
    """`step` with further headers of its events and missed events, by their place among `step.triggers`."""
    if not headers:
        return step

    def added(messages: list[Message], first: int) -> list[Message]:
        return [message._replace(headers=(*message.headers, *headers.get(index, ()))) for index, message in enumerate(messages, first)]

    return step._replace(events=added(step.events, 0), missed=added(step.missed, len(step.events)))


class Tracing:
    """Without spans: events carry on the trace context of their triggers."""

    def transaction(self, partition: int, step: Step, origins: Sequence[Origin | None], since_ns: int | None) -> AbstractContextManager[Step]:
        """The step to commit, and the time that its commit takes. `since_ns`: when its first record was fetched."""
        del partition, since_ns
        return nullcontext(with_headers(step, {index: headers_of(context.parent, context) for index, context in contexts_of(origins).items()}))

    def close(self) -> None:
        """Do nothing: there are no spans to send."""


def tracing(settings: Settings) -> Tracing:
    """The tracing that these settings ask for. Raises SettingsError where the packages for it are not installed."""
    if settings.otel_endpoint is None:
        return Tracing()
    try:
        from streams.kafka.spans import Spans, exporter
    except ImportError as error:
        raise SettingsError("otel_endpoint: wanted the packages of OpenTelemetry, got none: install kairos[otel], or leave otel_endpoint out") from error
    return Spans(settings, exporter(settings.otel_endpoint))


__all__ = ["Context", "Tracing", "context_of", "headers_of", "tracing"]
