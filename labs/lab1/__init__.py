"""Lab 1: Event-Driven Architecture."""
