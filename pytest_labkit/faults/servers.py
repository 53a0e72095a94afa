"""
A service and the way to it: killed, paused and started again, besides all that can befall a link.

What the kit breaks it mends: a fault is over when a round trip to the service works again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pytest_labkit.domain.errors import KitError
from pytest_labkit.faults.link import Direction, Link, LinkFault
from pytest_labkit.faults.orders import Orders
from pytest_labkit.faults.undo import Fault
from pytest_labkit.services import probe, wait
from pytest_labkit.services.catalogue import SERVICES

if TYPE_CHECKING:
    from pytest_labkit.services import Services
    from pytest_labkit.services.members import Member

_MENDED_S = 120.0  # for a broker that was killed to be back in the cluster: some 10 s on a quiet machine
_PROBE_S = 3.0


class Server(Link):
    """
    A service of the run: its members can be killed and paused, and the link to it be at fault.

    *no_link* says why nothing can stand in front of it, if that is so; *member* is the number of the one
    meant, from 1, `None` for all.
    """

    def __init__(
        self,
        services: Services,
        proxy: Orders,
        active: list[Fault],
        name: str,
        seed: int,
        *,
        no_link: str | None = None,
        member: int | None = None,
    ) -> None:
        super().__init__(proxy, active, name, seed, key=None if member is None else str(member))
        self._services = services
        self._no_link = no_link
        self._member = member

    def killed(self) -> ServerFault:
        """
        Killed (SIGKILL) and not there: connections are reset, new ones refused. Then started again.

        Kafka, the search engine and a DynamoDB that runs as a process find on their disk what they have
        stored. Redis, and a DynamoDB in a container, keep everything in memory: **all keys, and all tables,
        are lost**. For an outage that loses nothing take `refuse`, or `crashed`.
        """
        return ServerFault(self, "killed", lambda member: member.kill(), lambda member: member.start())

    def crashed(self) -> ServerFault | LinkFault:
        """`killed` where what is stored outlives that, else `refuse`: an outage that loses nothing."""
        backend = self._services.running(self._group).endpoint.backend
        return self.killed() if backend in SERVICES[self._group].keeps else self.refuse()

    def paused(self) -> ServerFault:
        """Stopped in its tracks (SIGSTOP, `docker pause`): connections stay, nobody answers, all is kept."""
        return ServerFault(self, "paused", lambda member: member.pause(), lambda member: member.resume())

    def restart(self) -> None:
        """Kill it and start it again; it works when this returns. What is lost is what `killed` loses."""
        with self.killed():
            pass

    def members(self) -> Sequence[Member]:
        """
        The processes or containers that are meant.

        Raises:
            KitError: They are not the kit's to kill or to pause.
        """
        running = self._services.running(self._group)
        if running.endpoint.backend == "external":
            raise KitError(
                f"The kit cannot kill or pause {self._group}: with --lab-backend external it is not its own.",
                "Use --lab-backend auto for this criterion.",
            )
        members = running.members()
        return members if self._member is None else [members[self._member - 1]]

    def mended(self) -> None:
        """
        Wait until the service works again.

        Raises:
            ServiceFailed: It does not, after two minutes.
        """
        self._services.remember(self._group)
        running = self._services.running(self._group)
        wait.until(
            self._round_trip,
            deadline_s=_MENDED_S,
            service=self._group,
            awaited="a round trip after a fault that the kit had made",
            alive=running.alive,
            log_tail=running.log_tail,
        )

    def outage(self) -> LinkFault | None:
        """What the link is to do while the server is dead."""
        return None if self._no_link else super().refuse()

    def _round_trip(self) -> None:
        running = self._services.running(self._group)
        probe(running.endpoint, timeout_s=_PROBE_S)
        if (cluster := SERVICES[self._group].cluster) is not None:
            cluster.in_sync(running.endpoint, len(running.members()), _PROBE_S)

    def _fault(self, kind: str, direction: Direction, **given: Any) -> LinkFault:
        if self._no_link:
            raise KitError(self._no_link)
        return super()._fault(kind, direction, **given)


class ServerFault(Fault):
    """A service that is killed or paused, all of it or one member; undone when it works again."""

    def __init__(
        self, server: Server, name: str, harm: Callable[[Member], None], mend: Callable[[Member], None]
    ) -> None:
        super().__init__(server._active, f"{name}: {server._name}")
        self._server = server
        self._harm = harm
        self._mend = mend
        self._members: Sequence[Member] = ()
        self._outage = server.outage() if name == "killed" else None

    def _begin(self) -> None:
        self._members = self._server.members()
        for member in self._members:
            self._harm(member)
        if self._outage is not None:
            self._outage.__enter__()

    def _end(self) -> None:
        if not self._members:
            return  # there was nothing to harm
        for member in self._members:
            self._mend(member)
        self._server.mended()
        if self._outage is not None:
            self._outage.undo()


class Kafka(Server):
    """A Kafka cluster, and the links to its brokers: one each, so that a client goes through all of them."""

    def broker(self, id: int) -> Server:  # noqa: A002 - as Kafka calls it
        """
        One broker alone.

        Raises:
            ValueError: There is no broker with this id.
        """
        brokers = self._services.running(self._group).endpoint.address.split(",")
        if not 1 <= id <= len(brokers):
            raise ValueError(f"broker {id}: the cluster has the brokers 1 to {len(brokers)}")
        return Server(
            self._services,
            self._proxy,
            self._active,
            self._group,
            self._seed,
            no_link=self._no_link,
            member=id,
        )

    def lose_reply(self, api: str = "Produce", times: int | None = 1) -> LinkFault:
        """
        The broker does what it is asked for; the connection is reset before it can say so.

        *api* is a request of Kafka's protocol, such as `"Produce"` or `"OffsetCommit"`; *times* is how many
        replies are lost, `None` for all.

        Raises:
            ValueError: There is no such request.
        """
        from pytest_labkit.faults.kafka.protocol import APIS

        if api not in APIS:
            raise ValueError(f"api={api!r}: it has to be one of {', '.join(sorted(APIS))}")
        return self._fault("lose_reply", "both", api=api, times=times)

    def produced(self) -> list[tuple[int, int]]:
        """`acks` and size in bytes of each Produce request that has come through the links, oldest first."""
        return [(acks, size) for acks, size in self._proxy.order("produced", group=self._group)]

    def fetched(self) -> dict[tuple[str, int], int]:
        """
        How many records the brokers have sent through the links, by topic and partition.

        A record counts each time that it is sent, and all of its batch with it: a broker sends no less.
        """
        return {
            (topic, partition): records
            for topic, partition, records in self._proxy.order("fetched", group=self._group)
        }
