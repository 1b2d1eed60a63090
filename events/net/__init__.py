"""What the customer notices of the network."""
