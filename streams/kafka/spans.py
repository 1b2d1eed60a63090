"""OpenTelemetry spans of a worker's transactions; imported only where `otel_endpoint` is set (`kairos[otel]`)."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from streams.kafka.tracing import PARENT, STATE, Tracing, contexts_of, headers_of, with_headers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.context import Context as OtelContext
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

    from streams.kafka.origins import Origin
    from streams.kafka.tracing import Context
    from streams.settings import Settings
    from streams.shard import Step

LINKS = 128
"""Traces that the span of a transaction is linked to, at most."""
SEND_S = 5.0
FLUSH_S = 2.0
"""How long the end of a worker waits for the last spans."""
PATH = "/v1/traces"
PROPAGATOR = TraceContextTextMapPropagator()


def exporter(endpoint: str) -> OTLPSpanExporter:
    """Sends spans by OTLP over HTTP; an endpoint without a path gets the usual one."""
    return OTLPSpanExporter(endpoint if urlsplit(endpoint).path.strip("/") else endpoint.rstrip("/") + PATH, timeout=SEND_S)


class Spans(Tracing):
    """A span a transaction, from the fetch of its first record to its commit; and one an event whose trigger has a trace, in that trace."""

    def __init__(self, settings: Settings, to: SpanExporter) -> None:
        named = {"service.name": settings.app, "service.version": version("kairos"), **({"service.instance.id": settings.instance} if settings.instance else {})}
        self.group = settings.app
        self.provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
        self.provider.add_span_processor(BatchSpanProcessor(to))
        self.tracer = self.provider.get_tracer("kairos")

    @contextmanager
    def transaction(self, partition: int, step: Step, origins: Sequence[Origin | None], since_ns: int | None) -> Iterator[Step]:
        """The step to commit, whose events name their own spans as `traceparent`. An error of the commit ends all spans as failed."""
        contexts = {index: (context, remote(context)) for index, context in contexts_of(origins).items()}
        whole = self.tracer.start_span(
            "kairos.transaction", kind=SpanKind.CONSUMER, start_time=since_ns, attributes=self._about(partition, step), links=links_to([c for _, c in contexts.values()])
        )
        spans = {index: self._event_span(step, index, parent, whole) for index, (_, parent) in contexts.items()}
        try:
            yield with_headers(step, {index: headers_of(parent_of(spans[index]), context) for index, (context, _) in contexts.items()})
        except BaseException as error:
            for span in (*spans.values(), whole):
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            for span in (*spans.values(), whole):
                span.end()

    def _about(self, partition: int, step: Step) -> dict[str, str | int]:
        return {
            "messaging.system": "kafka",
            "messaging.consumer.group.name": self.group,
            "kairos.shard": partition,
            "kairos.records": step.records,
            "kairos.events": len(step.events),
            "kairos.missed": len(step.missed),
            "kairos.dead_letters": len(step.dead_letters),
        }

    def _event_span(self, step: Step, index: int, parent: OtelContext, whole: Span) -> Span:
        message = step.events[index] if index < len(step.events) else step.missed[index - len(step.events)]
        attributes = {"messaging.system": "kafka", "messaging.destination.name": message.topic}
        return self.tracer.start_span("kairos.event", context=parent, kind=SpanKind.PRODUCER, attributes=attributes, links=[Link(whole.get_span_context())])

    def close(self) -> None:
        """Send what is left, for some seconds at most."""
        ending = threading.Thread(target=self.provider.shutdown, name="spans", daemon=True)
        ending.start()
        ending.join(FLUSH_S)


def remote(context: Context) -> OtelContext:
    """A trigger's context in OpenTelemetry's form."""
    carrier = {PARENT: context.parent.decode("ascii")} | ({STATE: context.state.decode("ascii")} if context.state else {})
    return PROPAGATOR.extract(carrier)


def links_to(contexts: Sequence[OtelContext]) -> list[Link]:
    """A link to each different trace, as many as a span takes."""
    found = {span.trace_id: Link(span) for context in contexts if (span := get_current_span(context).get_span_context()).is_valid}
    return list(found.values())[:LINKS]


def parent_of(span: Span) -> bytes:
    """A span as `traceparent`."""
    carrier: dict[str, str] = {}
    PROPAGATOR.inject(carrier, set_span_in_context(span))
    return carrier[PARENT].encode()
