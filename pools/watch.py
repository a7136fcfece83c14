"""What must be watched by the clock: children and fork servers that take too long, or have lived for long."""

from __future__ import annotations

from collections.abc import Collection
from math import inf

from pools import memory
from pools.child_handle import ChildHandle
from pools.forkserver_client import ForkServerClient
from pools.interface import ChildOptions

_ROUND = 1.0
"""Seconds between two looks."""


class Watch:
    """Times are time.monotonic() seconds."""

    def __init__(self, options: ChildOptions) -> None:
        self._options = options
        self.next_look = inf

    def plan(
        self, children: Collection[ChildHandle], servers: Collection[ForkServerClient], now: float
    ) -> None:
        """These are what there is now."""
        if self.next_look == inf and self._is_needed(children, servers):
            self.next_look = now + _ROUND

    def look(
        self, children: Collection[ChildHandle], servers: Collection[ForkServerClient], now: float
    ) -> bool:
        """Kill what has taken too long. Whether a child has turned out to be worn."""
        if now > self.next_look + _ROUND:  # we stood still, and so may they have
            for server in servers:
                server.heard_at = now
        found = False
        for child in children:
            if child.leave_by is not None:
                if now >= child.leave_by:
                    child.kill(now)
            elif not child.ready:
                self._judge_boot(child, now)
            elif child.worn is None:
                child.worn = self._wear(child, now)
                found |= child.worn is not None
            self._judge_silence(child, now)
        for server in servers:
            self._judge_loading(server, now)
        self.next_look = now + _ROUND if self._is_needed(children, servers) else inf
        return found

    def _judge_boot(self, child: ChildHandle, now: float) -> None:
        if now >= child.born + self._options.boot_timeout:
            child.failure = f"child {child.pid} was not ready after {self._options.boot_timeout:g} s"
            child.kill(now)

    def _judge_silence(self, child: ChildHandle, now: float) -> None:
        """Of one that is not there yet, or has said its last: the next word is the fork server's."""
        server, patience = child.server, self._options.boot_timeout
        since = child.born if child.pidfd < 0 else child.ended_at
        if since is None or now < since + patience:
            return
        if child.pidfd >= 0 and not child.is_dead():
            child.kill(now)
        elif now >= server.heard_at + patience:
            server.failure = f"the fork server did not answer for {patience:g} s"
            server.kill()

    def _judge_loading(self, server: ForkServerClient, now: float) -> None:
        if _loads(server) and now >= server.heard_at + self._options.boot_timeout:
            server.failure = f"the code was not loaded after {self._options.boot_timeout:g} s"
            server.kill()

    def _wear(self, child: ChildHandle, now: float) -> str | None:
        """Why it should be replaced, if it should."""
        options = self._options
        if options.max_lifetime is not None and now >= child.born + options.max_lifetime:
            return "max_lifetime"
        if (
            options.max_memory is not None
            and child.moved_at
            and memory.resident(child.pid) > options.max_memory
        ):
            return "max_memory"  # not before its first job: the next one would be no smaller
        return None

    def _is_needed(self, children: Collection[ChildHandle], servers: Collection[ForkServerClient]) -> bool:
        return (
            self._options.max_memory is not None
            or self._options.max_lifetime is not None
            or any(map(_loads, servers))
            or any(
                not child.ready or child.leave_by is not None or child.ended_at is not None
                for child in children
            )
        )


def _loads(server: ForkServerClient) -> bool:
    return not (server.loaded or server.ending)
