"""Hosts and ports, as Go's net.SplitHostPort splits them."""

from __future__ import annotations

import ipaddress


def strip_port(address: str) -> str:
    """The host of *address*."""
    host, _ = _split(address)
    return address if host is None else host


def strip_domain(address: str) -> str:
    """*address* with the first part of the host's name alone; an IP address as it is."""
    found, port = _split(address)
    host = address if found is None else found
    try:
        ipaddress.ip_address(host)
    except ValueError:
        name = host.split(".")[0]
        return f"{name}:{port}" if port else name
    return address


def _split(address: str) -> tuple[str | None, str]:
    host, colon, port = address.rpartition(":")
    if not colon:
        return None, ""
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], port
    return (None, "") if any(sign in host for sign in ":[]") else (host, port)
