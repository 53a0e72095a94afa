"""Don't change this file: what the checks of lab 1 share. The kit's copy is used anyway."""

# ---- part C

from labs.lab1.checks.carts import (  # noqa: F401
    cart_log,
    cart_redis,
    cart_services,
    cart_snapshots,
    carts,
)
