"""The columnar engine: declared rules over numpy columns, in rounds of unique customers."""
