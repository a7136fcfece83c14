"""The children of a pool and the fork servers they come from: who lives, who is missing, who may go.

Knows nothing of jobs, except whether a child has any.
"""

from __future__ import annotations

import itertools
import select
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from time import monotonic

from pools import ending
from pools.child_handle import ChildHandle
from pools.control import Exited, Forked, Loaded, Message, NotForked, NotLoaded
from pools.forkserver_client import ForkServerClient
from pools.interface import Booted, ChildFailed, ChildOptions
from pools.kinds import Kind
from pools.replacement import Standing, change
from pools.respawn import CALM, GIVEN_UP, Backoff, after_failure
from pools.transport import read_memory_file
from pools.watch import Watch

_RECEIVE_BUFFER = 256 * 1024
"""Bytes; more than a socket holds."""
NO_DESCRIPTOR = "no descriptor left for what the fork server sends (ulimit -n)"
_BOOTING = 16
"""Children asked of the fork server and not ready yet, at most: the control socket must not fill."""


@dataclass(slots=True)
class News:
    """What the kernel and the fork servers have told."""

    speaking: list[ChildHandle] = field(default_factory=list)
    """There is something to read from these."""
    dead: list[tuple[ChildHandle, int]] = field(default_factory=list)
    """With their exit codes. Each is to be handed to `bury`."""
    events: list[Booted | ChildFailed] = field(default_factory=list)


class Population:
    """width: slots of each child."""

    def __init__(self, kind: Kind, size: int, width: int, options: ChildOptions, backoff: Backoff) -> None:
        self.size = size
        """Children that there should be. Call `disturb` after changing it."""
        self.lone = 0
        """Jobs that wait for a child of their own. Call `disturb` after changing it."""
        self._width = width
        self._options = options
        self._kind = kind
        self._backoff = backoff
        self._buffer = memoryview(bytearray(_RECEIVE_BUFFER))
        self._clock = Watch(options)
        self._epoll = select.epoll()
        self._sources: dict[int, ChildHandle | ForkServerClient] = {}
        """By the descriptor that the epoll watches."""
        self._server: ForkServerClient | None = None
        """Forks new children."""
        self._loading: ForkServerClient | None = None
        """Will take its place when its code is loaded."""
        self._load = True
        """Code is to be loaded (anew)."""
        self._children: dict[int, ChildHandle] = {}
        self._numbers = itertools.count(1)
        self.ends = dict.fromkeys(ending.CAUSES, 0)
        """How many children have ended, by cause."""
        self._respawn = CALM
        self._disturbed = False
        """Something has changed that may ask for other children."""
        self._respawn_at = inf

    def __iter__(self) -> Iterator[ChildHandle]:
        return iter(self._children.values())

    def fileno(self) -> int:
        return self._epoll.fileno()

    def next_deadline(self) -> float:
        return 0.0 if self._disturbed else min(self._respawn_at, self._clock.next_look)

    def disturb(self) -> None:
        """A child has become ready, idle while retiring, or used up: `renew` must look."""
        self._disturbed = True

    def widen(self, width: int) -> None:
        """Or narrow: the children that there are, and those to come."""
        self._width = width
        for child in self:
            child.widen(width)

    def reload(self) -> None:
        """Replace every child by one with fresh code, once that is loaded."""
        if self._loading is not None:
            self._loading.end()
            self._loading = None
        self._respawn = CALM
        self._load = True
        self._disturbed = True

    def prove(self, child: ChildHandle) -> None:
        """It has done a job: if it was made after the last failure, the row of failures is over."""
        if self._respawn.attempts and child.born >= self._respawn.last_failure:
            self._respawn = CALM
            self._disturbed = True

    # What has happened ------------------------------------------------------------------------------

    def receive(self, now: float) -> News:
        news = News()
        for fd, _ in self._epoll.poll(0):
            source = self._sources[fd]
            if isinstance(source, ForkServerClient):
                self._hear(source, now, news)
            elif fd == source.pidfd:
                news.dead.append((source, -signal.SIGKILL))
            elif source.reports.ended:
                self._unwatch(fd)
                source.ended_at = now
                self._disturbed = True
            else:
                news.speaking.append(source)
        if now >= self._clock.next_look:
            self._disturbed |= self._clock.look(self._children.values(), self._servers(), now)
        return news

    def _hear(self, server: ForkServerClient, now: float, news: News) -> None:
        while True:
            try:
                heard = server.receive()
            except BlockingIOError:
                return
            if heard is None:
                self._lose(server, now, news)
                return
            server.heard_at = now
            self._heed(server, *heard, now, news)

    def _heed(
        self, server: ForkServerClient, message: Message, fds: list[int], now: float, news: News
    ) -> None:
        if isinstance(message, Forked) and fds:
            child = self._children[message.number]
            child.forked(message.pid, fds[0])
            self._watch(child.reports.fileno(), child)
        elif isinstance(message, Forked):  # it leaves, for its sockets are closed
            news.events.append(self._unmade(message.number, NO_DESCRIPTOR, now))
        elif isinstance(message, Exited):
            if message.number in self._children:
                news.dead.append((self._children[message.number], message.exitcode))
        elif isinstance(message, Loaded) and not fds:
            server.failure = NO_DESCRIPTOR
            server.kill()
        elif isinstance(message, Loaded):
            server.loaded = True
            if self._respawn.fatal:  # given up while the code of a `restart` was on its way
                self._respawn = CALM
            self._server, self._loading = server, None
            self._disturbed = True
            news.events.append(Booted(read_memory_file(fds[0])))
        elif isinstance(message, NotLoaded):
            server.failure, server.refused = message.reason, message.refused
        elif isinstance(message, NotForked):
            news.events.append(self._unmade(message.number, message.reason, now))

    def _unmade(self, number: int, reason: str, now: float) -> ChildFailed:
        child = self._children.pop(number)
        child.close()
        return self._fail(reason, child.born, now)

    def _lose(self, server: ForkServerClient, now: float, news: News) -> None:
        """Its children die with it (PR_SET_PDEATHSIG), but only their pidfds tell when they have."""
        self._unwatch(server.fileno())
        exitcode = server.wait()
        server.close()
        for child in [child for child in self if child.server is server]:
            if child.pidfd < 0:
                del self._children[child.number]
                child.close()
            else:
                child.kill(now)
                self._watch(child.pidfd, child)
        self._disturbed = True
        loading = server is self._loading
        if loading:
            self._loading = None
        if server is self._server:
            self._server = None
        if server.ending:
            return
        reason = server.failure or f"the fork server died: exit code {exitcode}"
        if loading and self._server is not None:  # broken fresh code; the old children go on
            news.events.append(ChildFailed(reason, 1, False, server.refused))
        elif server.refused:
            self._respawn = GIVEN_UP
            news.events.append(ChildFailed(reason, 1, True, True))
        else:
            news.events.append(self._fail(reason, server.born, now))

    def bury(self, child: ChildHandle, exitcode: int, now: float) -> ChildFailed | None:
        """Forget a dead child whose reports have all been read. What it says if that was a failure
        to boot or the end of an idle child."""
        self._unwatch(child.reports.fileno())
        self._unwatch(child.pidfd)
        del self._children[child.number]
        self.ends[ending.cause(child, child.server is self._server)] += 1
        child.close()
        self._disturbed = True
        if child.failure is None and (child.running or child.leave_by is not None):
            return None
        doing = "was idle" if child.ready else "booted"
        reason = child.failure or f"child {child.pid} died while it {doing}: exit code {exitcode}"
        return self._fail(reason, child.born, now)

    def _fail(self, reason: str, born: float, now: float) -> ChildFailed:
        self._respawn = after_failure(self._respawn, self._backoff, born, now)
        self._disturbed = True
        return ChildFailed(reason, self._respawn.attempts, self._respawn.fatal)

    # What should be -----------------------------------------------------------------------------------

    def renew(self, now: float) -> tuple[list[ChildHandle], ChildFailed | None]:
        """If anything has changed, bring what is there closer to what should be. Children that must
        be retired, and a failure to start a fork server."""
        if not self._disturbed and now < self._respawn_at:
            return [], None
        self._disturbed = False
        self._respawn_at = inf
        missing, surplus = change([self._standing(c) for c in self if not c.retiring], self.size)
        failure = None
        if self._respawn.allows(now):
            failure = self._launch(now)
            failure = self._spawn(missing, now) or failure
            booting = sum(child.lone and not child.ready for child in self)
            failure = self._spawn(self.lone - booting, now, lone=True) or failure
        elif not self._respawn.fatal:
            self._respawn_at = self._respawn.not_before
        self._end_old_servers()
        self._clock.plan(self._children.values(), self._servers(), now)
        return [self._children[number] for number in surplus], failure

    def _standing(self, child: ChildHandle) -> Standing:
        stale = not child.budget or child.worn is not None or child.server is not self._server
        return Standing(child.number, child.ready, stale, child.busy())

    def _launch(self, now: float) -> ChildFailed | None:
        if not self._load and (self._server is not None or self._loading is not None):
            return None
        self._load = False
        try:
            self._loading = ForkServerClient(self._options, self._kind, now)
        except OSError as error:
            return self._fail(f"the fork server cannot be started: {error}", now, now)
        self._watch(self._loading.fileno(), self._loading)
        return None

    def _spawn(self, missing: int, now: float, lone: bool = False) -> ChildFailed | None:
        if self._server is None:
            return None
        booting = sum(not child.ready for child in self)
        # After a failure one child at a time is tried, or a full set would fail each time.
        most = 1 if self._respawn.attempts else _BOOTING
        width, budget = (1, 1) if lone else (self._width, self._options.max_tasks or inf)
        for _ in range(min(missing, most - booting)):
            number = next(self._numbers)
            try:
                child = ChildHandle(number, self._server, width, budget, self._buffer, now)
            except OSError as error:  # no descriptor left
                return self._fail(f"a child cannot be made: {error}", now, now)
            child.lone = child.retiring = lone
            self._children[number] = child
        return None

    def _end_old_servers(self) -> None:
        used = {child.server for child in self} | {self._server, self._loading}
        for server in self._servers():
            if server not in used:
                server.end()

    # The end ------------------------------------------------------------------------------------------

    def end(self, deadline: float) -> None:
        """Wait for the children until then (time.monotonic()), kill those that are left, end the fork
        servers, and wait until all are gone."""
        while self._children and (left := deadline - monotonic()) > 0:
            self._epoll.poll(left)
            now = monotonic()
            news = self.receive(now)
            for child in news.speaking:
                child.reports.receive()  # or it could block on a full socket, and not leave
            for child, exitcode in news.dead:
                self.bury(child, exitcode, now)
        servers = self._servers()
        for server in servers:
            server.end()
        for server in servers:
            server.wait()
            server.close()
        for child in self:
            child.close()
        self._children.clear()
        self._sources.clear()
        self._epoll.close()

    def _servers(self) -> list[ForkServerClient]:
        return [source for source in self._sources.values() if isinstance(source, ForkServerClient)]

    def _watch(self, fd: int, source: ChildHandle | ForkServerClient) -> None:
        self._sources[fd] = source
        self._epoll.register(fd, select.EPOLLIN)

    def _unwatch(self, fd: int) -> None:
        if self._sources.pop(fd, None) is not None:
            self._epoll.unregister(fd)
