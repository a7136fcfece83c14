"""What came of one run: the figures, in words, and whether it is good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tools.havoc.judge import Repeat


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
    exit_codes: dict[str, int | None]
    """Of the last life of each worker, stopped by TERM at the end."""

    @property
    def unexplained(self) -> list[Repeat]:
        return [repeat for repeat in self.repeats if repeat.cause is None]

    @property
    def good(self) -> bool:
        stopped = all(code == 0 for code in self.exit_codes.values())
        return stopped and not (self.lost or self.stuck or self.unexplained)

    def text(self) -> str:
        causes = Counter(repeat.cause.name for repeat in self.repeats if repeat.cause is not None)
        lines = [
            f"sent            {self.sent}" + (f" ({self.doubtful} more perhaps)" if self.doubtful else ""),
            f"done            {self.done}",
            f"lost            {len(self.lost)}{_some(self.lost)}",
            f"stuck           {len(self.stuck)}{_some(self.stuck)}",
            f"executed twice  {len(self.repeats)}, without a cause {len(self.unexplained)}",
            f"exit codes      {', '.join(f'{name} {code}' for name, code in self.exit_codes.items())}",
            "",
            f"{'harm':<28}{'done':>6}{'repeats':>9}{'recovery p50':>14}{'p99':>8}{'max':>8}",
            *(self._row(name, causes[name]) for name in sorted(self.harms)),
        ]
        for repeat in self.unexplained[:20]:
            lines.append(f"without a cause: {repeat.first}, then {repeat.again}")
        return "\n".join(lines)

    def _row(self, name: str, repeats: int) -> str:
        row = f"{name:<28}{self.harms[name]:>6}{repeats:>9}"
        seconds = sorted(self.recoveries.get(name, ()))
        if not seconds:
            return row
        p50, p99 = (seconds[int(part * (len(seconds) - 1))] for part in (0.5, 0.99))
        return f"{row}{p50:>12.2f} s{p99:>6.2f} s{seconds[-1]:>6.2f} s"


def _some(numbers: frozenset[int]) -> str:
    return f": {', '.join(map(str, sorted(numbers)[:20]))}" if numbers else ""
