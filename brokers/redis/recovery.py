"""Brings messages back whose worker is gone or will not need them: chores (`brokers.redis.chore`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Generator, Iterable, Sequence
from functools import partial
from typing import Any

from brokers.envelope import MalformedMessage, parse, redelivered
from brokers.redis import bindings
from brokers.redis.address import Address
from brokers.redis.keys import Keys, Stored, read_stored
from brokers.redis.lease import Identity
from brokers.redis.scripts import BURY, READ, REFRESH, RELEASE, RESTORE, Argument, Command

Chore = Generator[Command, Any, int]

CHUNK = 200
"""Messages moved by one command, at most; it stops the server while it runs, for 3 or 4 ms."""
LARGEST = 2_000_000
"""Bytes moved by one command, about."""
SCAN = 500
"""Index entries looked at by one command."""
TOGETHER = 10
"""Workers that one recovers at a time; others may begin with the next ones meanwhile."""
CLAIM_MS = 5_000
"""How long one worker alone recovers another; then others help."""
EVICTED_MS = 86_400_000
"""How long it is remembered that a worker's messages were given to others, should it come back."""


def priority_of(message: bytes) -> int:
    """0 for what is no envelope."""
    try:
        return parse(message).priority
    except MalformedMessage:
        return 0


def leave(address: Address, keys: Keys, us: str) -> Chore:
    """What we hold until it is due goes back to the heads of its queues, unmarked: it never started.
    Then our name is taken off; if this fails half-way, the lease runs out, and recovery does it."""
    tags = yield from _members(keys.held(us), "*")
    count = yield from _restore(address, keys, "", _latest_first(tags), _unchanged)
    yield ("ZREM", keys.workers, us)
    yield ("UNLINK", keys.record(us), keys.held(us))
    yield RELEASE.call(keys.mutex, us)  # a sweep may have been cut short
    return count


def introduce(keys: Keys, us: str, who: Identity) -> Chore:
    """Tells anew from which queues we take. Cut short: the next connection begins with it."""
    yield ("HSET", keys.record(us), "queues", who.queues)
    return 0


def recover_predecessors(address: Address, keys: Keys, who: Identity, us: str) -> Chore:
    """Ends the leases of workers of our name that died on this host, and recovers them at once; also
    goes on with those whose recovery was cut short: they have no record any more."""
    count = 0
    for incarnation in (yield ("ZRANGE", keys.workers, 0, -1)):
        values = yield ("HMGET", keys.record(incarnation.decode()), *Identity._fields)
        record = Identity(*((value or b"").decode() for value in values))
        gone = record.is_dead_predecessor_of(who)
        if gone or not any(record):
            count += yield from recover(address, keys, [incarnation.decode()], us, gone)
    return count


def recover_ended(address: Address, keys: Keys, us: str) -> Chore:
    """All whose leases have ended: often a whole machine has gone, and those that had nothing must not hold
    up the others."""
    seconds, microseconds = yield ("TIME",)
    now = int(seconds) * 1000 + int(microseconds) // 1000
    ended = yield ("ZRANGEBYSCORE", keys.workers, "-inf", now)
    dead = [each.decode() for each in ended if each != us.encode()]
    count = 0
    for start in range(0, len(dead), TOGETHER):
        count += yield from recover(address, keys, dead[start : start + TOGETHER], us)
    return count


def recover(address: Address, keys: Keys, dead: Sequence[str], us: str, gone: bool = False) -> Chore:
    """Everything that these incarnations had goes back to the heads of its queues, in the order in which it
    was taken, marked as redelivered and its restores counted. Whom another one recovers, or who turns out to
    be alive, is passed over. gone: their processes are, whatever their leases."""
    buried = []
    for each in dead:
        if (yield _burial(keys, each, us, CLAIM_MS, gone)):
            # It may have died in a sweep, and others would not sweep for minutes.
            yield RELEASE.call(keys.mutex, each)
            buried.append(each)
    tags = yield from _tags_of(keys, buried)
    count = 0
    for each in buried:
        held = yield from _members(keys.held(each), "*")
        edit = partial(_restored, held)
        count += yield from _restore(address, keys, each, _latest_first(tags[each]), edit)
        yield _burial(keys, each, us, 0)
    return count


def _burial(keys: Keys, dead: str, us: str, claim: int, gone: bool = False) -> Command:
    burial = (keys.workers, dead, keys.record(dead), keys.held(dead), keys.claim(dead), us)
    return BURY.call(*burial, claim, EVICTED_MS, int(gone))


def _tags_of(keys: Keys, incarnations: Sequence[str]) -> Generator[Command, Any, dict[str, list[bytes]]]:
    """What each of them had. The index is looked through once for all: it has everybody's messages."""
    found: dict[str, list[bytes]] = {each: [] for each in incarnations}
    if found:
        pattern = f"{incarnations[0]}.*" if len(found) == 1 else "*.*"
        for tag in (yield from _members(keys.unacked_index, pattern)):
            of = tag.partition(b".")[0].decode(errors="replace")
            if of in found:
                found[of].append(tag)
    return found


def _restored(held: set[bytes], tag: bytes, message: bytes) -> bytes:
    """Counted, but for what waited for its time: it has not been started, and is not to blame, however often
    it waits."""
    return redelivered(message, restored=tag not in held)


def reconcile(address: Address, keys: Keys, us: str, in_care: Container[str]) -> Chore:
    """Once a server has lost what it had confirmed (lua/enter.lua): what it believes to be with us, and
    is not in our care any more, goes back. Nobody else would bring it while we live."""
    if not (yield ("HGET", keys.record(us), "lost")):
        return 0
    # In this order: what is given to us from now on is either not found, or found as held.
    held = yield from _members(keys.held(us), "*")
    tags = yield from _members(keys.unacked_index, f"{us}.*")
    strange = [tag for tag in tags - held if tag.decode() not in in_care]
    count = yield from _restore(address, keys, "", _latest_first(strange), _marked)
    yield ("HDEL", keys.record(us), "lost")
    return count


def _members(key: str, pattern: str) -> Generator[Command, Any, set[bytes]]:
    """Those of a sorted set whose names match."""
    members: set[bytes] = set()
    cursor = b"0"
    while True:
        cursor, found = yield ("ZSCAN", key, cursor, "MATCH", pattern, "COUNT", SCAN)
        members.update(found[::2])
        if cursor == b"0":
            return members


def refresh(keys: Keys, incarnation: str, age: float) -> Chore:
    """What we have had for `age` seconds gets a fresh score, for Celery peers (promise P4)."""
    passed = 0
    while (others := (yield REFRESH.call(keys.unacked_index, f"{incarnation}.", age, passed, SCAN))) >= 0:
        passed += others
    return 0


def sweep(address: Address, keys: Keys, us: str) -> Chore:
    """What nobody has acknowledged within the visibility timeout goes back, as Celery's workers do it
    (PROTOCOL 8.4), except what is with workers of ours: they are judged by their lease."""
    transport = address.transport
    expire = round(transport.unacked_mutex_expire * 1000)
    if not (yield ("SET", keys.mutex, us, "NX", "PX", expire)):
        return 0
    oldest = time.time() - transport.visibility_timeout
    tags = yield from _older_than(oldest, keys.unacked_index, transport.unacked_restore_limit)
    workers = set((yield ("ZRANGE", keys.workers, 0, -1)))
    foreign = [tag for tag in tags if tag.partition(b".")[0] not in workers]
    count = yield from _restore(address, keys, "", foreign, _marked)
    yield RELEASE.call(keys.mutex, us)
    return count


def _older_than(oldest: float, index: str, limit: int | None) -> Generator[Command, Any, list[bytes]]:
    """The youngest of them first, up to `limit`."""
    tags: list[bytes] = []
    while limit is None or len(tags) < limit:
        count = SCAN if limit is None else min(SCAN, limit - len(tags))
        found = yield ("ZREVRANGEBYSCORE", index, oldest, 0, "LIMIT", len(tags), count)
        tags += found
        if len(found) < count:
            break
    return tags


def _unchanged(tag: bytes, message: bytes) -> bytes:
    return message


def _marked(tag: bytes, message: bytes) -> bytes:
    """Not counted: its age does not tell that anybody died."""
    return redelivered(message)


def _latest_first(tags: Iterable[bytes]) -> list[bytes]:
    """By their counter. Pushed to the head in this order, the first one ends up in front."""
    return sorted(tags, key=lambda tag: int(tag.rpartition(b".")[2]), reverse=True)


def _restore(
    address: Address, keys: Keys, of: str, tags: Sequence[bytes], edit: Callable[[bytes, bytes], bytes]
) -> Chore:
    """Move these messages to the heads of their queues, as `edit(tag, message)` leaves them, each if it is
    still there; all of them only while the lease of the incarnation `of` is over, if one is named."""
    moved = start = 0
    while start < len(tags):
        values = yield READ.call(keys.unacked, LARGEST, *tags[start : start + CHUNK])
        chunk = tags[start : start + len(values)]
        start += len(chunk)
        arguments: list[Argument] = []
        for tag, value in zip(chunk, values, strict=True):
            stored = read_stored(value) if value is not None else None
            if stored is not None:
                message = edit(tag, stored.message)
                for queue in (yield from _queues(address, stored)):
                    arguments += (tag, address.list_key(queue, priority_of(message)), message)
        if missing := [tag for tag, value in zip(chunk, values, strict=True) if value is None]:
            yield ("ZREM", keys.unacked_index, *missing)
        if arguments:
            done = yield RESTORE.call(keys.workers, of, keys.unacked, keys.unacked_index, *arguments)
            if done < 0:
                break
            moved += done
    return moved


def _queues(address: Address, stored: Stored) -> Generator[Command, Any, list[str]]:
    """Where a message belongs by its exchange and routing key (PROTOCOL 6.2). From which of several it came
    is not known: in all, as kombu has it."""
    if not stored.exchange:
        return [stored.routing_key] if stored.routing_key else []
    members = yield ("SMEMBERS", bindings.key_of(address, stored.exchange))
    bound = bindings.read(address, stored.exchange, members)
    return sorted({queue.name for queue in bound if queue.gets(stored.exchange, stored.routing_key)})
