"""`app.control.inspect()`: asks workers how they are. Each method returns `{node: answer}`, or None when
nobody answered."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any


class DuplicateNodenameWarning(UserWarning):
    """Two workers have the same node name."""


class Inspect:
    """Made by `Control.inspect`; the answers' forms are those of PROTOCOL 12.4."""

    def __init__(
        self,
        broadcast: Callable[..., list[dict[str, Any]] | None],
        destination: Sequence[str] | str | None,
        timeout: float,
        callback: Callable[[dict[str, Any]], object] | None,
        limit: int | None,
        pattern: str | None,
        matcher: str | None,
    ) -> None:
        self._broadcast = broadcast
        self._one = destination if isinstance(destination, str) else None
        self._options = {
            "destination": [destination] if isinstance(destination, str) else destination,
            "timeout": timeout,
            "callback": callback,
            "limit": limit,
            "pattern": pattern,
            "matcher": matcher,
        }

    def request(self, command: str, **arguments: Any) -> Any:
        """Any command, a custom one too."""
        answers = self._broadcast(command, arguments, reply=True, **self._options)
        if not answers:
            return None
        merged = by_node(answers)
        return merged if self._one is None else merged.get(self._one)

    def ping(self) -> Any:
        return self.request("ping")

    def clock(self) -> Any:
        return self.request("clock")

    def active(self, safe: bool = False) -> Any:
        """Tasks that run. `safe`: arguments in their printed form."""
        return self.request("active", safe=safe)

    def reserved(self, safe: bool = False) -> Any:
        """Tasks that wait for a slot."""
        return self.request("reserved")

    def scheduled(self, safe: bool = False) -> Any:
        """Tasks that wait for their time."""
        return self.request("scheduled")

    def revoked(self) -> Any:
        return self.request("revoked")

    def registered(self, *taskinfoitems: str) -> Any:
        """Names of tasks, with these attributes."""
        return self.request("registered", taskinfoitems=list(taskinfoitems))

    registered_tasks = registered

    def query_task(self, *ids: str | Sequence[str]) -> Any:
        """State and info of these tasks, as far as a worker has them."""
        single = len(ids) == 1 and not isinstance(ids[0], str)
        return self.request("query_task", ids=list(ids[0] if single else ids))

    def stats(self) -> Any:
        return self.request("stats")

    def conf(self, with_defaults: bool = False) -> Any:
        return self.request("conf", with_defaults=with_defaults)

    def report(self) -> Any:
        return self.request("report")

    def active_queues(self) -> Any:
        return self.request("active_queues")

    def hello(self, from_node: str, revoked: Sequence[str] | None = None) -> Any:
        return self.request("hello", from_node=from_node, revoked=revoked)

    def memsample(self) -> Any:
        return self.request("memsample")

    def memdump(self, samples: int = 10) -> Any:
        return self.request("memdump", samples=samples)

    def objgraph(self, type: str = "Request", n: int = 200, max_depth: int = 10) -> Any:
        return self.request("objgraph", num=n, max_depth=max_depth, type=type)


def by_node(answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One dict of all answers. Warns of nodes with the same name."""
    merged: dict[str, Any] = {}
    for answer in answers:
        for node in answer.keys() & merged.keys():
            warnings.warn(
                f"several workers are called {node}: give each its own name (-n)",
                DuplicateNodenameWarning,
                stacklevel=4,
            )
        merged.update(answer)
    return merged
