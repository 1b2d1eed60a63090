"""The vocabulary of definitions, and finding, checking and ordering them."""
