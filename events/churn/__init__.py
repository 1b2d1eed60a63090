"""Signs that a customer may leave."""
