"""Kafka's own protocol, as far as the proxy must read it."""
