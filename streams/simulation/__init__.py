"""A simulated city of customers: raw logs of all four topics, for the demo, tests and benchmarks."""
