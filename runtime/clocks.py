"""Times: epoch seconds inside, ISO 8601 with an explicit offset on the wire (PROTOCOL, conventions)."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo


def iso(epoch: float) -> str:
    """In UTC. Raises ValueError for a time that no calendar has."""
    try:
        return datetime.fromtimestamp(epoch, UTC).isoformat()
    except (OverflowError, OSError) as error:
        raise ValueError(f"{epoch!r} is no time: {error}") from None


def epoch(text: str) -> float:
    """A time without an offset is taken as UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return moment.timestamp()
    except OverflowError as error:
        raise ValueError(f"{text!r} is no time: {error}") from None


def iso_now() -> str:
    return datetime.now(UTC).isoformat()


def zone(name: str | None) -> tzinfo:
    """Of the setting `timezone`."""
    if name is None or name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)
