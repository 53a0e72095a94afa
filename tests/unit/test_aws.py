"""What a template does of AWS's for those that it forks."""

from __future__ import annotations

import socket
import threading
from typing import NoReturn

import boto3
import pytest
from urllib3.util import connection

from pytest_labkit.services import aws


def test_nothing_leaves_a_process_that_warms_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call is answered in the process itself, and neither a thread nor a patch is left."""

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("it connects")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    connect, threads = connection.create_connection, threading.enumerate()
    aws.warm("dynamodb")
    assert (connect, threads) == (connection.create_connection, threading.enumerate())


def test_the_call_is_carried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made as a student's is, down to what is sent: nothing of that is left to be the first."""
    heard: list[socket.socket] = []
    make = socket.socketpair

    def overheard() -> tuple[socket.socket, socket.socket]:
        ours, theirs = make()
        heard.append(theirs.dup())
        return ours, theirs

    monkeypatch.setattr(socket, "socketpair", overheard)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    aws.warm("dynamodb")
    [listener] = heard
    with listener:
        said = listener.recv(65_536)
    assert said.startswith(b"POST / HTTP/1.1\r\n")
    assert b"X-Amz-Target: DynamoDB_20120810.PutItem\r\n" in said
