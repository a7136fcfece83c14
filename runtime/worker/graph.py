"""Pictures of boxes and arrows: DOT, Mermaid, SVG. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from runtime.bootsteps.step import name_of
from runtime.worker.blueprint import Blueprint, requirements


class Group(NamedTuple):
    title: str
    boxes: Sequence[str]
    """Their lines of text."""


class Graph(NamedTuple):
    groups: Sequence[Group]
    arrows: Sequence[tuple[str, str]]
    """From box to box; a box is named by its group and text (`box`)."""


def box(group: str, text: str) -> str:
    return f"{group}: {text}"


def of_blueprints(blueprints: Sequence[Blueprint]) -> Graph:
    """Steps in the order of their start; an arrow leads from what is required to what requires it."""
    groups, arrows = [], []
    for blueprint in blueprints:
        title = f"{blueprint.name} blueprint"
        groups.append(Group(title, [name_of(step) for step in blueprint.order]))
        for step, required in requirements(blueprint.name, blueprint.order).items():
            arrows += [
                (box(title, name_of(each)), box(title, name_of(step)))
                for each in blueprint.order
                if each in required
            ]
    return Graph(groups, arrows)


def dot(graph: Graph) -> str:
    lines = ["digraph {", "  rankdir=TB; node [shape=box];"]
    for number, group in enumerate(graph.groups):
        lines.append(f"  subgraph cluster_{number} {{ label={_quoted(group.title)};")
        lines += [f"    {_quoted(box(group.title, text))} [label={_quoted(text)}];" for text in group.boxes]
        lines.append("  }")
    lines += [f"  {_quoted(start)} -> {_quoted(end)};" for start, end in graph.arrows]
    return "\n".join([*lines, "}"])


def mermaid(graph: Graph) -> str:
    names = _numbered(graph)
    lines = ["flowchart TB"]
    for number, group in enumerate(graph.groups):
        lines.append(f'  subgraph g{number}["{_entities(group.title)}"]')
        lines += [f'    {names[box(group.title, text)]}["{_entities(text)}"]' for text in group.boxes]
        lines.append("  end")
    lines += [f"  {names[start]} --> {names[end]}" for start, end in graph.arrows]
    return "\n".join(lines)


CHARACTER = 7.2
"""Width in px."""
LINE, GAP, MARGIN, BETWEEN = 16, 26, 30, 110
"""In px: a line of text; between boxes; around all; between groups."""
SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" font-family="monospace" font-size="12">
<defs><marker id="head" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">
<path d="M0,1 L7,4 L0,7 z" fill="#446"/></marker></defs>
{shapes}
</svg>"""  # noqa: E501


class _Place(NamedTuple):
    left: float
    top: float
    width: float
    height: float


def svg(graph: Graph) -> str:
    """Each group is a column, its boxes in their order. A better layout is not worth a dependency: those who
    read DOT or Mermaid have one."""
    places: dict[str, _Place] = {}
    shapes: list[str] = []
    left, bottom = float(MARGIN), 0.0
    for group in graph.groups:
        column = _column(group, left)
        shapes.append(_text(left, MARGIN, group.title, "bold"))
        for text, place in zip(group.boxes, column, strict=True):
            places[box(group.title, text)] = place
            shapes += _box(text, place)
            bottom = max(bottom, place.top + place.height)
        left += _width(group) + BETWEEN
    shapes += [_arrow(places[start], places[end]) for start, end in graph.arrows]
    return SVG.format(width=left, height=bottom + MARGIN, shapes="\n".join(shapes))


def _column(group: Group, left: float) -> list[_Place]:
    """Where its boxes are."""
    column, top = [], float(MARGIN)
    for text in group.boxes:
        height = len(text.split("\n")) * LINE + 12
        column.append(_Place(left, top + GAP, _width(group), height))
        top += GAP + height
    return column


def _width(group: Group) -> float:
    return (
        max(len(line) for text in (group.title, *group.boxes) for line in text.split("\n")) * CHARACTER + 20
    )


def _box(text: str, place: _Place) -> list[str]:
    left, top, width, height = place
    at = f'x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}"'
    lines = enumerate(text.split("\n"), 1)
    return [
        f'<rect {at} rx="4" fill="#eef" stroke="#446"/>',
        *(_text(left + 10, top + number * LINE + 1, line, "normal") for number, line in lines),
    ]


def _arrow(start: _Place, end: _Place) -> str:
    """Around at the right within a column, straight to another one."""
    x1, y1, y2 = start.left + start.width, start.top + start.height / 2, end.top + end.height / 2
    bent = x1 + 12 + min(abs(y2 - y1) / 8, BETWEEN - 40)
    path = f"M{x1:g},{y1:g} L{end.left:g},{y2:g}"
    if start.left == end.left:
        path = f"M{x1:g},{y1:g} C{bent:g},{y1:g} {bent:g},{y2:g} {x1:g},{y2:g}"
    return f'<path d="{path}" fill="none" stroke="#446" marker-end="url(#head)"/>'


def _text(x: float, y: float, text: str, weight: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" font-weight="{weight}">{escape(text)}</text>'


def _numbered(graph: Graph) -> dict[str, str]:
    boxes = [box(group.title, text) for group in graph.groups for text in group.boxes]
    return {each: f"n{number}" for number, each in enumerate(boxes)}


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _entities(text: str) -> str:
    return escape(text).replace("\n", "<br>")


FORMATS = {"dot": dot, "mermaid": mermaid, "svg": svg}
