"""The identity of a record: packed bytes that stay with a timer until it fires."""

from __future__ import annotations

from typing import Any

import msgspec


class Identity(msgspec.Struct, frozen=True, array_like=True):
    """The names of a record and of its customer that an event carries."""

    record_type: str
    source_system: str
    record_id: str
    customer_id: str
    account_id: str | None
    subscription_id: str | None
    msisdn: str | None

    def of_line(self, subscription_id: str, account_id: str | None, msisdn: str | None) -> Identity:
        """The same record, as one of a line."""
        return Identity(self.record_type, self.source_system, self.record_id, self.customer_id, account_id, subscription_id, msisdn)


_encode = msgspec.msgpack.Encoder().encode
unpack = msgspec.msgpack.Decoder(Identity).decode
"""Unpack what `pack` returned."""


def identity(record: Any) -> Identity:
    """The identity of a raw record."""
    return Identity(
        record.__struct_config__.tag,
        record.source_system,
        record.record_id,
        record.customer_id,
        record.account_id,
        record.subscription_id,
        record.msisdn,
    )


def pack(record: Any) -> bytes:
    """The identity of a raw record, packed."""
    return _encode(identity(record))


def pack_identity(who: Identity) -> bytes:
    """An identity, packed."""
    return _encode(who)
