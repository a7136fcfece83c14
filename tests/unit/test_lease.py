"""When a lease is renewed, whose has ended, and who is a dead predecessor."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from brokers.redis.address import parse
from brokers.redis.keys import keys_of
from brokers.redis.lease import SLACK, Lease, identity

KEYS = keys_of(parse("redis://h"))
ME = identity("w@h", ["q"])


@pytest.fixture
def lease() -> Lease:
    """Of 8 s, renewed every 2 s, entered at 100."""
    lease = Lease(KEYS, "me", ME, 8.0, 2.0)
    lease.enter(0, (), 100)
    lease.entered(100)
    return lease


def answer(ended: int, remaining: int, now: float) -> tuple[int, int, int]:
    """How many leases have ended, ms until the next one ends; the server's clock is 1,000 s ahead."""
    return ended, remaining, round((1000 + now) * 1000)


def test_is_renewed_regularly(lease: Lease) -> None:
    assert lease.next_renewal() == 102
    lease.renew(102)
    assert lease.next_renewal() == 104


def test_has_run_out_a_lease_after_the_last_renewal_that_was_answered(lease: Lease) -> None:
    lease.renew(102)
    lease.renew(104)
    lease.renewed(answer(0, 8000, 105), 102, 105)
    assert not lease.has_run_out(110)
    assert lease.has_run_out(110.1)


def test_nobody_is_judged_before_we_were_connected_for_a_lease(lease: Lease) -> None:
    lease.renew(102)
    assert not lease.renewed(answer(1, 8000, 102), 102, 102)
    lease.renew(108)
    assert lease.renewed(answer(1, 8000, 108), 108, 108)


def test_nobody_is_dead_because_the_server_s_clock_was_put_forward(lease: Lease) -> None:
    lease.renew(118)
    assert not lease.renewed(answer(0, 8000, 118), 118, 118)
    lease.renew(120)
    assert not lease.renewed(answer(1, 8000, 120 + 60), 120, 120)
    lease.renew(122)
    assert not lease.renewed(answer(1, 8000, 122 + 60), 122, 122)
    lease.renew(128)
    assert lease.renewed(answer(1, 8000, 128 + 60), 128, 128)


def test_an_answer_that_was_read_late_is_no_clock_that_was_put_forward(lease: Lease) -> None:
    lease.renew(110)
    assert not lease.renewed(answer(1, 8000, 110), 110, 113)
    lease.renew(114)
    assert not lease.renewed(answer(1, 8000, 114), 114, 114)
    lease.renew(121)
    assert lease.renewed(answer(1, 8000, 121), 121, 121)


def test_looks_again_as_soon_as_the_next_lease_ends(lease: Lease) -> None:
    lease.renew(110)
    assert not lease.renewed(answer(0, 500, 110), 110, 110)
    assert lease.next_renewal() == 110.5 + SLACK
    lease.renew(110.6)
    assert lease.renewed(answer(1, 700, 110.6), 110.6, 110.6)
    assert lease.next_renewal() == pytest.approx(111.3 + SLACK)


def test_the_process_itself_is_no_dead_predecessor() -> None:
    assert not ME.is_dead_predecessor_of(ME)


def test_dead_predecessors() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead = ME._replace(pid=str(ended.pid), started="1")
    assert dead.is_dead_predecessor_of(ME)
    assert ME._replace(started="1").is_dead_predecessor_of(ME), "its pid is used again"
    for elsewhere in ({"node": "x@h"}, {"host": "x"}, {"pids": "x"}, {"pid": ""}):
        assert not dead._replace(**elsewhere).is_dead_predecessor_of(ME)


def test_a_zombie_is_dead() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert ME._replace(pid=str(pid)).is_dead_predecessor_of(ME)
    os.waitpid(pid, 0)
