"""A shop of four services: order, payment, inventory and notification, each a process of its own."""
