"""Records on their way into Kafka."""


def ship(topic: str, payloads: list[bytes]) -> int:
    """Send *payloads* to *topic*, and return how many the broker has acknowledged, with acks=all."""
    raise NotImplementedError("TODO A3: ship the payloads")
