"""The results of a frozen signature, as references (PROTOCOL 10.5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from runtime.canvas.compound import chain, chord, group
from runtime.canvas.signature import Signature

Reference = list[Any]
"""`[[id, reference of the parent or None], None]`; of a group, its members' references in place of the
last."""


def reference(signature: Signature, parent: Reference | None = None) -> Reference:
    """Of its end; `parent`: of what goes before it."""
    match signature:
        case chain():
            found = _following(signature.tasks, parent)
        case group():
            members = [reference(task) for task in signature.tasks]
            found = [[signature.options["task_id"], parent], members]
        case chord():
            found = reference(signature.body, reference(signature.header, parent))
        case _:
            found = [[signature.options["task_id"], parent], None]
    rest = signature.options.get("chain") or ()
    return _following((Signature.from_dict(step) for step in reversed(rest)), found)


def _following(steps: Iterable[Signature], found: Reference | None) -> Reference:
    for step in steps:
        found = reference(step, found)
    assert found is not None, "a chain has a task"
    return found


class End(NamedTuple):
    """One task of a signature for whose end somebody may wait."""

    task_id: str
    group_id: str | None
    group_index: int | None
    chord: Any
    """The body's signature, if it is a part of a chord."""
    link_error: Any


def ends(signature: Signature) -> Iterator[End]:
    """Of the tasks that are never run if this one is not: they fail with it, or who waits for the end of
    the whole waits for ever (PROTOCOL 17.5)."""
    match signature:
        case chain() | group():
            for task in signature.tasks:
                yield from ends(task)
        case chord():
            yield from ends(signature.body)
        case _:
            options = signature.options
            if task_id := options.get("task_id"):
                names = ("group_id", "group_index", "chord", "link_error")
                yield End(str(task_id), *(options.get(name) for name in names))
    for step in signature.options.get("chain") or ():
        yield from ends(Signature.from_dict(step))
