"""The primitives of rules, one file each: what an author declares, the stage that runs it, and its kernel."""
