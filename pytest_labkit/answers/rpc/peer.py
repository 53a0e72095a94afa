"""
Calls in both directions over one channel, side by side: each thread has a conversation of its own.

A thread that calls waits for the reply, and answers meanwhile what it is called back for: so a callback
runs on the thread that it would run on if there were one process, and what a thread keeps for itself
(`threading.local`, an SQLite connection) is there at its next call. A thread that calls without having
been called is given a thread on the other side for as long as it lives. The main threads of both sides
share conversation 0.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from queue import SimpleQueue
from typing import Any

from pytest_labkit.answers.rpc.channel import Channel
from pytest_labkit.answers.rpc.errors import NotAValue
from pytest_labkit.answers.rpc.frames import BadFrame, Frame

MOST_THREADS = 2_000
_MAIN = 0


class Gone(Exception):
    """The other side ended before it replied."""


class _Conversation:
    """Where one thread finds what comes for it."""

    def __init__(self, name: int, forget: Callable[[int], None] | None = None) -> None:
        self.name = name
        self.inbox: SimpleQueue[Frame | None] = SimpleQueue()
        self._forget = forget

    def __del__(self) -> None:
        if self._forget is not None:  # the thread that it belonged to has ended
            self._forget(self.name)


class Peer:
    """
    One side of the conversations over *channel*.

    Args:
        channel: The connection; `listen` reads from it.
        run: Carries out a call from the other side: its frame -> the value of the reply.
        serialize: What is sent in the place of a value when `run` raises.
        contained: What `run` may raise without ending the thread here: everything else goes on.
        step: 1 on one side, -1 on the other, so that both can name conversations.
    """

    def __init__(
        self,
        channel: Channel,
        run: Callable[[Frame], Any],
        serialize: Callable[[BaseException], Frame],
        *,
        contained: type[BaseException],
        step: int,
    ) -> None:
        self._channel, self._run, self._serialize = channel, run, serialize
        self._contained = contained
        self._step = step
        self._names = count(step, step)
        self._numbers = count(1)
        self._own = threading.local()
        self._inboxes: dict[int, SimpleQueue[Frame | None]] = {}
        self._awaited: dict[int, int] = {}  # the number of a call -> the conversation that waits for it
        self._abandoned: dict[int, int] = {}  # the same of calls that an exception has put an end to here
        self._lock = threading.Lock()
        self._closed = False
        self._ended: deque[int] = deque()  # conversations that the other side has not been told are closed
        self._main = self._add(_Conversation(_MAIN))

    def call(self, **request: Any) -> Frame:
        """
        Send *request* and wait for its reply, as this thread, answering calls back meanwhile.

        Raises:
            Gone: The other side ended first.
            BadFrame: It replied to another call.
            NotAValue: The request is too large.
        """
        conversation, number = self._conversation(), next(self._numbers)
        with self._lock:
            if self._closed:
                raise Gone
            self._awaited[number] = conversation.name
        try:
            self._send(conversation.name, call=number, **request)
            return self._reply(conversation, number)
        except BaseException:
            self._abandoned[number] = conversation.name
            raise

    def answer_on_this_thread(self) -> None:
        """Answer what the other side's main thread calls, until the other side is gone."""
        self._answer(self._main)

    def listen(self) -> None:
        """
        Pass on what comes until the other side is gone.

        Raises:
            BadFrame: Something came that nobody asked for.
        """
        while (frame := self._channel.receive()) is not None:
            for name in frame.get("closed", ()):
                self._end(name)
            if "reply" in frame:
                self._take_reply(frame)
            else:
                self._take_call(frame)

    def close(self) -> None:
        """Nothing comes any more: whoever waits is told."""
        with self._lock:
            self._closed = True
            inboxes = list(self._inboxes.values())
        for inbox in inboxes:
            inbox.put(None)

    def _conversation(self) -> _Conversation:
        """The conversation of this thread, a new one at its first call."""
        if threading.current_thread() is threading.main_thread():
            return self._main
        conversation: _Conversation | None = getattr(self._own, "conversation", None)
        if conversation is None:
            conversation = self._own.conversation = self._add(_Conversation(next(self._names), self._forget))
        return conversation

    def _add(self, conversation: _Conversation) -> _Conversation:
        with self._lock:
            self._inboxes[conversation.name] = conversation.inbox
            if self._closed:
                conversation.inbox.put(None)
        return conversation

    def _forget(self, name: int) -> None:
        # Called by the garbage collector, anywhere: no lock may be taken here.
        self._inboxes.pop(name, None)
        self._ended.append(name)

    def _end(self, name: int) -> None:
        """A thread over there has ended: so does the one here that answered it."""
        inbox = self._inboxes.get(name) if name * self._step < 0 else None
        if inbox is not None:
            inbox.put(None)

    def _reply(self, conversation: _Conversation, number: int) -> Frame:
        while (frame := conversation.inbox.get()) is not None:
            if "call" in frame:
                self._serve(conversation, frame)
            elif frame["reply"] == number:
                return frame
            elif frame["reply"] not in self._abandoned:
                raise BadFrame(f"a reply out of turn (number {frame['reply']})")
        conversation.inbox.put(None)  # for the calls that this one is nested in
        raise Gone

    def _answer(self, conversation: _Conversation) -> None:
        while (frame := conversation.inbox.get()) is not None:
            self._serve(conversation, frame)

    def _serve(self, conversation: _Conversation, frame: Frame) -> None:
        """Carry out a call and reply to it."""
        number = frame["call"]
        try:
            reply = {"value": self._run(frame)}
        except self._contained as error:
            reply = {"raised": self._serialize(error)}
        except BaseException as error:
            self._send(conversation.name, reply=number, raised=self._serialize(error))
            raise
        try:
            self._send(conversation.name, reply=number, **reply)
        except NotAValue as error:
            self._send(conversation.name, reply=number, raised=self._serialize(error))

    def _send(self, thread: int, **frame: Any) -> None:
        closed = drained(self._ended)
        try:
            self._channel.send({"thread": thread, **frame, **({"closed": closed} if closed else {})})
        except OSError:
            raise Gone from None

    def _take_reply(self, frame: Frame) -> None:
        with self._lock:
            name = self._awaited.pop(frame["reply"], None)
        if name is None or name != frame["thread"]:
            raise BadFrame(f"a reply to a call that was not made (number {frame['reply']})")
        if (inbox := self._inboxes.get(name)) is not None:
            inbox.put(frame)

    def _take_call(self, frame: Frame) -> None:
        name = frame["thread"]
        inbox = self._inboxes.get(name)
        ours = name * self._step > 0 or (name == _MAIN and self._step > 0)
        if ours and name not in {*self._awaited.copy().values(), *self._abandoned.copy().values()}:
            raise BadFrame(f"a call on a thread that waits for none (number {name})")
        if inbox is None:
            inbox = self._begin(name)
        inbox.put(frame)

    def _begin(self, name: int) -> SimpleQueue[Frame | None]:
        """A thread here for a thread over there that calls for the first time."""
        if name * self._step >= 0:
            raise BadFrame(f"a call on a thread that there is not (number {name})")
        if len(self._inboxes) >= MOST_THREADS:
            raise BadFrame(f"calls from more than {MOST_THREADS:,} threads")
        conversation = self._add(_Conversation(name))

        def answer() -> None:
            self._own.conversation = conversation
            try:
                self._answer(conversation)
            except Gone:
                pass
            finally:
                self._inboxes.pop(name, None)

        threading.Thread(target=answer, name=f"labkit-thread-{name}", daemon=True).start()
        return conversation.inbox


def drained(queue: deque[int]) -> list[int]:
    """What was in *queue*, taken out; of several threads that do so each gets a part."""
    taken: list[int] = []
    with suppress(IndexError):  # to ask first whether it is empty would be no answer: others take from it too
        while True:
            taken.append(queue.popleft())
    return taken
