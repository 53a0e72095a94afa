"""A2: what counts is how often the service was called, and the service counts."""

import pytest

from pytest_labkit import expect

pytestmark = pytest.mark.criterion("A2")


def test_a_broken_service_is_left_alone(answers, service, rng):
    """After so many failures in a row the service is not called any more."""
    limit = rng.randint(2, 6)
    gateway = answers.gateway.Gateway(service.server_address, limit)
    said = [gateway.pay(n) for n in range(limit + 5)]
    expect.equal([*range(limit)], service.amounts, perhaps="the service was called more often, or not at all")
    expect.equal(["no"] * limit + ["later"] * 5, said)
    expect.equal(limit, gateway.calls)


def test_a_service_that_works_is_called_each_time(answers, service, rng):
    """A payment goes through as long as the service works, and a success forgets the failures before."""
    gateway = answers.gateway.Gateway(service.server_address, 2)
    amounts = rng.sample(range(1000), 6)
    for n, amount in enumerate(amounts):
        service.works = n % 2 == 0
        expect.equal("ok" if service.works else "no", gateway.pay(amount))
    expect.equal(amounts, service.amounts)
