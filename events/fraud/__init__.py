"""What may be someone else's doing."""
