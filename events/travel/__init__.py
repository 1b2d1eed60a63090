"""Where the customer is."""
