"""The words of definitions, and finding, checking and ordering them."""
