"""Lab 4's four services as they run: orders through all of them, faults on links, services that die."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
import urllib3

from pytest_labkit import systems
from pytest_labkit.host import settings
from pytest_labkit.services import wait
from pytest_labkit.services.base import Endpoint
from pytest_labkit.systems import Health, System
from tests.system.conftest import make_course

NAMES = ["order", "payment", "inventory", "notification"]
HTTP = urllib3.PoolManager(retries=False, timeout=10)


@pytest.fixture
def store(endpoints: dict[str, Endpoint]) -> Iterator[redis.Redis]:
    """Redis, asked past the services and their links."""
    with redis.Redis.from_url(endpoints["redis"].address, decode_responses=True) as client:
        yield client


def order(shop: System) -> tuple[int, dict[str, Any]]:
    """Order something; the status and the body of the reply."""
    asked = {"order_id": uuid.uuid4().hex, "item_id": "book", "quantity": 1, "amount": 1250}
    reply = HTTP.request("POST", shop.urls["order"] + "/orders", json=asked)
    return reply.status, {**reply.json(), **asked}


def eventually(look: Callable[[], bool], *, within_s: float = 10) -> None:
    """Wait until *look* says true; an error if that takes longer than *within_s*."""

    def seen() -> None:
        assert look()

    wait.until(seen, deadline_s=within_s, service="shop", awaited="what the test looks for")


def health(shop: System, name: str) -> Health:
    """How the program *name* is."""
    return next(one for one in shop.health() if one.name == name)


def charges(store: redis.Redis, order_id: str) -> list[int]:
    """What was charged for an order, a number for each charge."""
    all_charges = map(json.loads, store.hvals("shop:charges"))
    return [charge["amount"] for charge in all_charges if charge["order_id"] == order_id]


def test_an_order_goes_through_all_four(shop: System, store: redis.Redis) -> None:
    """All are healthy; an order is charged once, its goods set aside, its customer told, and it is closed."""
    assert [(name, True) for name in NAMES] == [(one.name, one.works) for one in shop.health()]
    status, said = order(shop)
    assert (201, "charged") == (status, said["status"])
    assert [1250] == charges(store, said["order_id"])
    assert {"item_id": "book", "quantity": 1} == json.loads(store.hget("shop:reservations", said["order_id"]))
    eventually(lambda: store.hget("shop:notified", said["order_id"]) == "charged")
    eventually(lambda: not store.sismember("shop:open", said["order_id"]))


@pytest.mark.exhaustive
def test_metrics_count_what_was_answered(shop: System) -> None:
    """In Prometheus' own format, by service, route and status."""
    order(shop)
    with urllib.request.urlopen(shop.urls["payment"] + "/metrics") as reply:
        shown = reply.read().decode()
    assert 'shop_requests_total{route="/charges",service="payment",status="200"} 1.0' in shown


@pytest.mark.exhaustive
def test_what_is_no_order_is_refused(shop: System) -> None:
    """400, and a sentence."""
    reply = HTTP.request("POST", shop.urls["order"] + "/orders", json={"order_id": 5})
    assert (400, b"an order has order_id, item_id, quantity and amount") == (reply.status, reply.data)


@pytest.mark.exhaustive
def test_a_killed_payment_is_seen_within_a_second(shop: System, store: redis.Redis) -> None:
    """Orders go on, marked as degraded; started again, what was ordered meanwhile is charged, once."""
    payment = shop.member("payment")
    payment.kill()
    began = time.monotonic()
    seen = health(shop, "payment")
    assert time.monotonic() - began < 1
    assert not seen.answers
    assert ("payment",) == health(shop, "order").unreachable
    status, said = order(shop)
    assert (202, "pending", True) == (status, said["status"], said["degraded"])
    assert [] == charges(store, said["order_id"])
    payment.start()
    eventually(lambda: all(one.works for one in shop.health()))
    eventually(lambda: charges(store, said["order_id"]) == [1250])
    eventually(lambda: store.hget("shop:notified", said["order_id"]) == "charged")


@pytest.mark.exhaustive
def test_a_paused_payment_does_not_answer(shop: System) -> None:
    """It is seen within a second, and well again when it goes on."""
    payment = shop.member("payment")
    payment.pause()
    began = time.monotonic()
    assert not health(shop, "payment").answers
    assert time.monotonic() - began < 1.2
    payment.resume()
    eventually(lambda: health(shop, "payment").works)


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", ["refuse", "reset_peer", "blackhole"])
def test_a_link_that_is_cut_is_seen_by_who_uses_it(shop: System, kind: str) -> None:
    """The order service cannot reach payment, payment itself is well, and all is well afterwards."""
    with getattr(shop.link("order", "payment"), kind)():
        assert ("payment",) == health(shop, "order").unreachable
        assert health(shop, "payment").works
        assert 202 == order(shop)[0]
    eventually(lambda: health(shop, "order").works)
    assert 201 == order(shop)[0]


@pytest.mark.exhaustive
def test_latency_on_a_link_is_felt(shop: System) -> None:
    """0.15 s each way are 0.3 s for a charge, which is no failure yet."""
    order(shop)
    with shop.link("order", "payment").latency(0.15):
        began = time.monotonic()
        assert 201 == order(shop)[0]
        assert 0.3 <= time.monotonic() - began
    assert 0 == len(shop._active)


@pytest.mark.exhaustive
def test_a_narrow_link_is_felt(shop: System) -> None:
    """A request of some 250 bytes over 500 bytes/s takes half a second or more: payment is too slow."""
    with shop.link("order", "payment").bandwidth(500, direction="upstream"):
        assert 202 == order(shop)[0]


@pytest.mark.exhaustive
def test_a_partition_from_kafka_loses_no_notification(shop: System, store: redis.Redis) -> None:
    """Ordered while notification cannot reach Kafka, told afterwards."""
    with shop.link("notification", "kafka").refuse():
        _, said = order(shop)
        assert ("kafka",) == health(shop, "notification").unreachable
        assert store.hget("shop:notified", said["order_id"]) is None
    eventually(lambda: store.hget("shop:notified", said["order_id"]) == "charged", within_s=20)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", NAMES)
def test_sigterm_ends_a_program_cleanly(shop: System, name: str) -> None:
    """It says so in its log, within the seconds that it is given."""
    number = 1 + NAMES.index(name)
    process = psutil.Process(shop.running.processes[number]["pid"])
    os.kill(process.pid, signal.SIGTERM)
    shop.running._children[number].wait(5)
    assert 0 == shop.running._children[number].returncode
    assert shop.running.log_tail(40)[-1].endswith(f"{name} has stopped")


@pytest.mark.exhaustive
def test_the_shop_does_without_a_monitoring_that_cannot_be_loaded(
    endpoints: dict[str, Endpoint], tmp_path: Path
) -> None:
    """Who works on part B is not stopped by a half-written part C."""
    lab = make_course(tmp_path)
    (lab.folder / "monitoring.py").write_text("import nothing_such\n")
    chosen = replace(settings.resolve(tmp_path), backend="local")
    shop = systems.start(lab, systems.read(lab), endpoints.values(), chosen)
    try:
        assert 201 == order(shop)[0]
        said = shop.log_tail("order", 50)
    finally:
        shop.stop()
    assert any("monitoring.py raised ModuleNotFoundError" in line for line in said)
