"""The primitives, one file each: what a rule may say (a declaration) and how it runs over columns (its `…Runtime`)."""
