"""Timelines from the public test suites of seven engines, as Kairos' rules and records: `docs/conformance.md` names those on which Kairos goes another way."""
