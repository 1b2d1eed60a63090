"""Benchmarks: `make bench`. Never run as tests."""
