"""What is chosen on the page: checked here, whatever the page has let through."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pytest_labkit.domain.errors import UsageProblem


class Offer(Protocol):
    """What a lab's `simulation.py` lets one choose from: names, each with its title."""

    STRATEGIES: Mapping[str, str]
    MODES: Mapping[str, str]
    SCENARIOS: Mapping[str, Any]


class Choice(BaseModel):
    """
    The settings of a run. *rate* is messages a second, of all producers together.

    With a *scenario* of the lab's, the numbers of producers, keys and messages are that one's, and so is what
    breaks when. *skewed*: keys are drawn by the seed, some far more often than others, and not taken in turn.
    Each of *modes* has a group of *consumers* of its own, and all read the same topic.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    producers: Annotated[int, Field(ge=1, le=5)] = 3
    strategy: str = ""
    partitions: Annotated[int, Field(ge=1, le=12)] = 3
    rate: Annotated[int, Field(ge=1, le=2000)] = 20
    keys: Annotated[int, Field(ge=1, le=200)] = 8
    skewed: bool = False
    modes: tuple[str, ...] = ()
    scenario: str = ""
    consumers: Annotated[int, Field(ge=1, le=3)] = 1
    seed: Annotated[int, Field(ge=0, lt=1 << 53)] = 0


def chosen(told: Mapping[str, Any], offer: Offer) -> Choice:
    """
    The choice that *told* is.

    Raises:
        UsageProblem: It is not one that *offer* and the limits allow; says in a sentence why.
    """
    try:
        choice = Choice.model_validate(dict(told))
    except ValidationError as error:
        raise UsageProblem(_sentence(error)) from None
    if not choice.strategy:
        choice = choice.model_copy(update={"strategy": next(iter(offer.STRATEGIES))})
    _among("strategy", [choice.strategy], offer.STRATEGIES)
    _among("scenario", [choice.scenario] if choice.scenario else [], offer.SCENARIOS)
    _among("delivery mode", choice.modes, offer.MODES)
    return choice.model_copy(update={"modes": tuple(dict.fromkeys(choice.modes))})


def rate_of(told: object) -> int:
    """
    The rate that *told* is.

    Raises:
        UsageProblem: It is none.
    """
    try:
        return Choice.model_validate({"rate": told}).rate
    except ValidationError as error:
        raise UsageProblem(_sentence(error)) from None


def _among(what: str, names: Collection[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise UsageProblem(f"There is no {what} {name!r}: choose among {', '.join(known)}.")


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"]))
    limits = {"greater_than_equal": "ge", "less_than_equal": "le", "less_than": "lt"}
    if first["type"] in limits:
        bounds = {"producers": "1 to 5", "partitions": "1 to 12", "rate": "1 to 2000", "keys": "1 to 200"}
        allowed = bounds.get(name, "1 to 3" if name == "consumers" else "0 to 2^53")
        return f"{name} is {first['input']}: it has to be {allowed}."
    return f"{name} is {first['input']!r}: {first['msg'][0].lower()}{first['msg'][1:]}."
