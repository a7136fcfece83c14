"""What an error reply of a Redis server means."""

from __future__ import annotations

import re

import hiredis

from brokers.interface import BrokerError, BrokerRefused, BrokerUnavailable
from brokers.redis.address import Address
from brokers.redis.lease import Evicted

PASSING = re.compile(
    r"(^|: -)(LOADING|MASTERDOWN|READONLY|CLUSTERDOWN|TRYAGAIN|BUSY|OOM|MISCONF|NOREPLICAS|NOSCRIPT|LEASE"
    r"|UNBLOCKED|ERR max number of clients) "
)
"""In an error reply that another try may not get. Redis 6.2 wraps what a script met: `ERR Error running
script (…): …: -READONLY You can't write against a read only replica.`"""


def failure(address: Address, error: hiredis.HiredisError) -> BrokerError:
    """What an error reply, or one that is no reply at all, means to the caller."""
    text = str(error)
    if text.startswith("EVICTED "):
        lost = f"{address.masked()}: our lease has ended, and others have our messages"
        return Evicted(lost, int(text.split()[1]))
    kind = BrokerUnavailable if PASSING.search(text) else BrokerRefused
    return kind(f"{address.masked()}: {text}")
