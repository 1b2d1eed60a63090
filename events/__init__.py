"""The event definitions: `events/balance/low.py` is the event `balance.low`."""
