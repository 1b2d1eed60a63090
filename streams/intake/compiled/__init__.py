"""The compiled reader: bytes of raw records to int64 columns in one pass. What it does not read itself it leaves to msgspec."""
