"""Asks sentinels which server is the master at the moment. Blocks.

Clients use redis-py's own `Sentinel`, which does the same (`brokers.redis.client`).
"""

from __future__ import annotations

from brokers.interface import BrokerError, BrokerRefused, BrokerUnavailable
from brokers.redis.address import Address, Sentinels
from brokers.redis.session import begin

DOWN = {b"s_down", b"o_down", b"disconnected"}
"""What a sentinel says of a master that it does not reach; another one may come soon."""


def find_master(sentinels: Sentinels, timeout: float) -> tuple[str, int]:
    """(host, port), by the first sentinel that knows one; each has an equal share of the `timeout`.

    Raises BrokerUnavailable with the reason of each; BrokerRefused if it will be the same next time.
    """
    problems: list[BrokerError] = []
    for server in sentinels.servers:
        try:
            return _ask(server, sentinels, timeout / len(sentinels.servers))
        except BrokerError as problem:
            problems.append(problem)
    kind = BrokerRefused if all(isinstance(each, BrokerRefused) for each in problems) else BrokerUnavailable
    raise kind("; ".join(map(str, problems)))


def _ask(server: Address, sentinels: Sentinels, timeout: float) -> tuple[str, int]:
    session = begin(server, [("SENTINEL", "MASTER", sentinels.master_name)], timeout)
    session.sock.close()
    state: dict[bytes, bytes] = session.answer
    down = DOWN.intersection(state[b"flags"].split(b","))
    if down:
        seen = b", ".join(sorted(down)).decode()
        raise BrokerUnavailable(f"sentinel {server.host}:{server.port}: {sentinels.master_name} is {seen}")
    others = int(state[b"num-other-sentinels"])
    if others < sentinels.min_other_sentinels:
        raise BrokerUnavailable(f"sentinel {server.host}:{server.port} sees only {others} others")
    return state[b"ip"].decode(), int(state[b"port"])
