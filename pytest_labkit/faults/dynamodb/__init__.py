"""The HTTP proxy in front of DynamoDB, and the faults that it knows."""

from pytest_labkit.faults.dynamodb.operations import WRITES

__all__ = ["WRITES"]
