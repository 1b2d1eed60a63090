"""Own formats by configuration: files of an operator to raw records, as `[sources.NAME]` in the settings says (`docs/sources.md`)."""
