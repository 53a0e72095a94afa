"""What an answer did wrong, in one sentence that names the line of it."""

from __future__ import annotations

from pytest_labkit.answers.process import ProcessAnswers
from pytest_labkit.answers.rpc.errors import AnswerDied
from pytest_labkit.domain.model import Frame


def sentence(who: str, error: BaseException) -> str:
    """What *error* says of *who*, such as `Producer 2`."""
    frames: list[Frame] = getattr(error, "labkit_frames", [])
    where = f", at {frames[-1]}" if frames else ""
    said = " ".join(str(error).split())[:200].rstrip(".")
    if isinstance(error, NotImplementedError):
        return f"{who}: not written yet{where}: {said}."
    if isinstance(error, AnswerDied):
        return f"{who}: {said}."
    return f"{who} raised {type(error).__name__}{where}: {said}."


def hung(who: str, process: ProcessAnswers, limit_s: float) -> str:
    """End *process*, whose call has run past *limit_s*; what is to be said of it, with the line it was at."""
    stacks = [frame for stack in process.stacks() for frame in stack]
    where = f" at {stacks[0]}" if stacks else ""
    return f"{who} hung for {limit_s:g} s{where}: its process was killed."


def is_unwritten(error: BaseException) -> bool:
    """Whether the code is still a stub, or not there: to try again is of no use."""
    return isinstance(error, NotImplementedError | ImportError)


def is_of_the_broker(error: BaseException) -> bool:
    """Whether Kafka's client has raised it: the broker may be away, and come back."""
    return type(error).__name__ == "KafkaException"
