"""Real input as raw records, and what an independent count finds in it."""
