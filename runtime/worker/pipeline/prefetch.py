"""How many messages to have in our care, how many to queue ahead at a child, and how long the
supervisor may rest then: pure decisions.

Enough that no slot waits for a round trip to the broker, and little enough that no message waits
here while another worker is idle (P10): free slots, plus a few tens of milliseconds of work at the
rate seen lately.
"""

from __future__ import annotations

HORIZON = 0.05
"""Seconds of work to have at hand beyond the free slots."""
BATCH = 500
"""Most messages one take asks for: what a script call handles in about 1 ms."""
MOST = 2000
"""Most messages waiting here, whatever the rate."""
QUICK = 0.008
"""Seconds: tasks of which a child usually ends one in less are queued ahead at it."""
AHEAD = 0.030
"""Seconds of quick tasks to queue ahead at one child."""
DEEPEST = 64
"""Most jobs queued ahead at one child: its socket's buffer takes about as many."""
LINGER = (0.002, 0.005)
"""Least and most seconds to let ends gather: a turn costs about the same for one end as for fifty."""
RATE_MEMORY = 0.2
"""Seconds after which a rate seen counts for 1/e."""


def wanted(
    idle: int,
    waiting: int,
    rate: float,
    slots: int,
    multiplier: int | None,
    unsettled: int,
    sent_away: int = 0,
) -> int:
    """How many messages to ask for.

    idle: slots without a job. waiting: messages here that no child has begun. rate: tasks finished
    per second lately. multiplier: None for `auto`, else messages per slot as Celery means it (0: no
    bound). unsettled: all reservations, for Celery's meaning. sent_away: how many of the last take
    have to wait elsewhere, for their time or their rate limit: behind them there may be more, and behind
    those what can run.
    """
    if multiplier is None:
        aim = idle + min(int(rate * HORIZON), MOST)
        room = aim - waiting
        if not idle and waiting > aim // 2:
            return 0  # later, more at once: a take costs the same for one message as for fifty
        room += 2 * sent_away if room > 0 else 0
    elif multiplier == 0:
        room = MOST - waiting
    else:
        room = multiplier * slots - unsettled
    return min(max(room, 0), BATCH)


def depth(duration: float | None, width: int) -> int:
    """How many jobs of this mean duration (seconds; None: not known) to queue ahead at a child, which
    runs so many at once that one ends every duration / width."""
    if duration is None or duration > QUICK * width:
        return 0
    return min(int(AHEAD * width / max(duration, 1e-6)), DEEPEST)


def leisure(queued: int, children: float, rate: float) -> float:
    """Seconds that the supervisor may rest, for each child has a job ahead, and the others will last: an
    eighth of those. 0 where they are soon done. queued: jobs ahead at all children. rate: as in `wanted`."""
    least, most = LINGER
    lasting = (queued - children) / rate if rate else 0.0
    return max(least, min(lasting / 8, most)) if lasting >= 2 * least else 0.0
