"""The figures of the pools as a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.trials import Figures

COLUMNS = 3
COLOURS = {"runtime": "#2f6f9f", "celery": "#9fc131"}


def draw(
    path: Path,
    panels: Mapping[str, tuple[str, Callable[[float], str]]],
    pools: Sequence[str],
    figures: Mapping[str, Figures],
) -> None:
    """One panel for each key of the figures, with its title and the form of its labels; in it two bars
    for each pool that was measured: ours, and Celery's where it has that pool. The figures' names are
    `runtime POOL` and `celery POOL`."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    pools = [pool for pool in pools if figures.get(f"runtime {pool}")]
    rows = -(-len(panels) // COLUMNS)
    chart, axes = pyplot.subplots(rows, COLUMNS, figsize=(4.4 * COLUMNS, 2.6 * rows), squeeze=False)
    for axis in axes.flat[len(panels) :]:
        axis.axis("off")
    for axis, (key, (title, shape)) in zip(axes.flat, panels.items(), strict=False):
        for offset, system in ((-0.2, "runtime"), (0.2, "celery")):
            values = [figures.get(f"{system} {pool}", {}).get(key) or 0 for pool in pools]
            places = [index + offset for index in range(len(pools))]
            bars = axis.bar(places, values, 0.38, label=system, color=COLOURS[system])
            axis.bar_label(bars, [shape(value) if value else "" for value in values], fontsize=7)
        axis.set_title(title, fontsize=10)
        axis.set_xticks(range(len(pools)), pools, fontsize=8)
        axis.set_yticks([])
        axis.spines[["top", "left", "right"]].set_visible(False)
        axis.margins(y=0.15)
    chart.legend(*axes.flat[0].get_legend_handles_labels(), loc="upper right", ncols=2, frameon=False)
    chart.tight_layout(rect=(0, 0, 1, 0.97))
    chart.savefig(path, dpi=120)
    pyplot.close(chart)
