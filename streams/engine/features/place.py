"""P11 place: the stable place of a line, its home by its nights, and its trips (`docs/semantics.md` P11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.engine.expression import Expr, Reading
from streams.engine.streams import RecordSource, Source, Stream

if TYPE_CHECKING:
    from streams.engine.expression import ValueKind
    from streams.engine.streams import ValueOf


class Place:
    """The place machine over location records: `moved` happens when a new stable place is confirmed.

    Places are texts: a city, or `intl:` and a country (`intl:?` where the country is unknown). A place is confirmed by two records
    at least 30 minutes apart with no other place between them; a candidate that is not seen again within 12 hours begins anew.
    Home is what the CRM says until the nights say otherwise. Late records change nothing but the vote of their day.
    """

    def __init__(self, records: Any) -> None:
        self.stream: Stream = records.all
        self.source = PlaceSource(self)
        self.moved = Stream(self.source)
        own = self._reading
        self.here, self.home = own("here", "text", nullable=True), own("home", "text", nullable=True)
        self.was, self.to = own("was", "text"), own("to", "text")
        self.since, self.confirmed_after = own("since", "time"), own("confirmed_after", "int", unit="ms")
        self.domestic = own("domestic", "bool")
        self.trip = Trip(self)
        self.left_home = own("left_home", "bool", implies=(self.home, self.trip.id))
        self.came_home = own("came_home", "bool", implies=(self.home, self.trip.id))

    def _reading(self, name: str, kind: ValueKind, *, nullable: bool = False, unit: str | None = None, implies: tuple[Reading, ...] = ()) -> PlaceReading:
        return PlaceReading(self, name, kind, nullable=nullable, unit=unit, implies=implies)


class Trip:
    """The trip of a line: open from the confirmation of a place away from home until the line is home again."""

    def __init__(self, place: Place) -> None:
        self.id = place._reading("trip.id", "token", nullable=True)
        self.length: Expr = place._reading("trip.length", "int", nullable=True, unit="ms")
        self.cities: Expr = place._reading("trip.cities", "list")
        self.tourist: Expr = place._reading("trip.tourist", "bool")


AS_OF = ("here", "home", "trip.id", "trip.length")
"""What any record of the line may read; the others are columns of `moved` alone."""


class PlaceReading(Reading):
    """What the place machine knows of a line: at `moved` as of that move, elsewhere as of the record that reads it."""

    def __init__(self, place: Place, name: str, kind: ValueKind, *, nullable: bool, unit: str | None, implies: tuple[Reading, ...]) -> None:
        self.place, self.name, self.kind, self.nullable, self.unit, self.implies = place, name, kind, nullable, unit, implies

    def key(self) -> object:
        return ("Place", id(self.place), self.name)

    def canonical(self, value_of: ValueOf) -> str:
        return f"{self.place.source.canonical(value_of)}.{self.name}"

    def __str__(self) -> str:
        return f"place.{self.name}"


class PlaceSource(Source):
    """The confirmations of a place machine."""

    word = "place"

    def __init__(self, place: Place) -> None:
        self.place = place

    def inputs(self) -> tuple[Stream, ...]:
        return (self.place.stream,)

    def evidence(self) -> dict[str, Expr]:
        return {"place": self.place.to, "home": self.place.home, "confirmed_after": self.place.confirmed_after}

    def canonical(self, value_of: ValueOf) -> str:
        assert isinstance(self.place.stream.source, RecordSource)  # location records
        return f"place of [{self.place.stream.canonical(value_of)}]"
