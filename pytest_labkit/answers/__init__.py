"""The one door to the student's code; what is behind it, a test cannot tell."""

from pytest_labkit.answers.rpc.errors import AnswerDied, AnswerMissing, AnswerRaised, NotAValue, Tampered

__all__ = ["AnswerDied", "AnswerMissing", "AnswerRaised", "NotAValue", "Tampered"]
