"""Offerings: plans, packs, services. No default: they are the operator's own (TMF620 shape)."""

from __future__ import annotations

from schemas.reference.table import Column, Table


class Offerings(Table):
    """`offerings.csv`: offering_id, kind, rank, is_5g, price_minor, monthly, quota_bytes, quota_seconds, duration, auto_renew, zone."""

    name, file, key = "offering", "offerings", "offering_id"
    columns = {
        "offering_id": Column("text"),
        "kind": Column("text"),
        "rank": Column("int"),
        "is_5g": Column("bool"),
        "price_minor": Column("int"),
        "monthly": Column("bool"),
        "quota_bytes": Column("int"),
        "quota_seconds": Column("int"),
        "duration": Column("text"),
        "auto_renew": Column("bool"),
        "zone": Column("text"),
    }
