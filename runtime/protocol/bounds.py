"""What send options may be, for all who take them: a call, a task's declaration, a worker's defaults."""

from __future__ import annotations


def check_arguments(args: object, kwargs: object) -> None:
    """Of a call. Raises TypeError."""
    if not isinstance(args, list | tuple):
        raise TypeError(f"args must be a list or a tuple, not {args!r:.100}; one argument is (it,)")
    if not isinstance(kwargs, dict):
        raise TypeError(f"kwargs must be a dict, not {kwargs!r:.100}")


def check_text(option: str, value: object) -> None:
    """Raises TypeError for what is no text, or empty."""
    if not isinstance(value, str) or not value:
        raise TypeError(f"{option} must be a non-empty string, not {value!r:.100}")


def check_priority(priority: object) -> None:
    """PROTOCOL 6.3. Raises ValueError naming the range; None is none."""
    if priority is not None and not (type(priority) is int and 0 <= priority <= 9):
        raise ValueError(f"priority must be a whole number from 0 to 9, not {priority!r:.100}")


def check_limits(soft: float | None, hard: float | None) -> None:
    """Seconds. Raises ValueError when the soft time limit could never act."""
    if soft is not None and hard is not None and soft > hard:
        raise ValueError(f"soft_time_limit must not be longer than time_limit, {hard:g} s; it is {soft:g} s")
