"""What came of one run: the figures, in words, and whether it is good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tools.havoc import rows
from tools.havoc.fleet import Footprint
from tools.havoc.judge import Repeat

NAME = 44
"""Columns for the name of a harm."""


@dataclass(frozen=True, slots=True)
class Outcome:
    sent: int
    doubtful: int
    done: int
    lost: frozenset[int]
    """Neither done nor anywhere in the server."""
    stuck: frozenset[int]
    """Not done, and still in the queue or in the care of somebody."""
    repeats: Sequence[Repeat]
    recoveries: dict[str, list[float]]
    harms: Counter[str]
    kills: int
    """How many of them were SIGKILLs."""
    deaf: Sequence[str]
    """Workers that had not begun a task long after a break of their connection, and which break."""
    fallen: Sequence[str]
    """Workers that ended though nothing was done to them that ends one, and in which life."""
    footprints: Mapping[str, tuple[Footprint, Footprint]]
    """Of each worker's supervisor: at the begin, and once all was done."""
    exit_codes: dict[str, int | None]
    """Of the last life of each worker, stopped by TERM at the end."""

    @property
    def unexplained(self) -> list[Repeat]:
        return [repeat for repeat in self.repeats if repeat.cause is None]

    @property
    def good(self) -> bool:
        stopped = all(code == 0 for code in self.exit_codes.values())
        return stopped and not (self.lost or self.stuck or self.unexplained or self.deaf or self.fallen)

    def text(self) -> str:
        causes = Counter(repeat.cause.name for repeat in self.repeats if repeat.cause is not None)
        lines = [
            f"sent            {self.sent}" + (f" ({self.doubtful} more perhaps)" if self.doubtful else ""),
            f"done            {self.done}",
            f"lost            {len(self.lost)}{_some(self.lost)}",
            f"stuck           {len(self.stuck)}{_some(self.stuck)}",
            f"executed twice  {len(self.repeats)}, without a cause {len(self.unexplained)}",
            f"deaf            {_names(self.deaf)}",
            f"fallen          {_names(self.fallen)}",
            f"harms           {self.harms.total()}, of them SIGKILLs {self.kills}",
            f"stop points     {self._reached()} of {len(rows.ALL)} reached",
            f"exit codes      {', '.join(f'{name} {code}' for name, code in self.exit_codes.items())}",
            *(self._grown(*item) for item in self.footprints.items()),
            "",
            f"{'harm':<{NAME}}{'done':>6}{'repeats':>9}{'recovery p50':>14}{'p99':>8}{'max':>8}",
        ]
        for name in sorted(self.harms):
            lines += self._rows(name, causes[name])
        for repeat in self.unexplained[:20]:
            lines.append(f"without a cause: {repeat.first}, then {repeat.again}")
        return "\n".join(lines)

    def _reached(self) -> int:
        return sum(name.startswith("kill at ") for name in self.harms)

    @staticmethod
    def _grown(name: str, both: tuple[Footprint, Footprint]) -> str:
        before, after = both
        lives = "the same process" if before.life == after.life else f"life {after.life}"
        return (
            f"supervisor {name:<5}{before.megabytes:.1f} -> {after.megabytes:.1f} MB, "
            f"{before.descriptors} -> {after.descriptors} descriptors, "
            f"{before.threads} -> {after.threads} threads, {lives}"
        )

    def _rows(self, name: str, repeats: int) -> Iterator[str]:
        yield f"{name:<{NAME}}{self.harms[name]:>6}{repeats:>9}{_times(self.recoveries.get(name, ()))}"
        for who in ("its successor", "another worker"):
            if seconds := self.recoveries.get(f"{name}: {who}"):
                yield f"{'  by ' + who:<{NAME}}{'':>6}{len(seconds):>9}{_times(seconds)}"


def _times(seconds: Sequence[float]) -> str:
    if not seconds:
        return ""
    ordered = sorted(seconds)
    p50, p99 = (ordered[int(part * (len(ordered) - 1))] for part in (0.5, 0.99))
    return f"{p50:>12.2f} s{p99:>6.2f} s{ordered[-1]:>6.2f} s"


def _names(names: Sequence[str]) -> str:
    return f"{len(names)}{': ' * bool(names)}{', '.join(names)}"


def _some(numbers: frozenset[int]) -> str:
    return f": {', '.join(map(str, sorted(numbers)[:20]))}" if numbers else ""
