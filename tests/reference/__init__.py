"""The same definitions read slowly: one record at a time, plain dicts and lists. What the columnar engine is held to."""
