"""What the customer pays for use."""
