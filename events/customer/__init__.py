"""What is known of the customer."""
