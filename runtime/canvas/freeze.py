"""Gives a signature, and all in it, the ids with which it is sent, and its normal form: in a chain no chain,
and no group but the last step; in a group no group; a chord's body is one step, with the rest in its options.

Pure: what is given stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from runtime.canvas.carry import AT_END, carried
from runtime.canvas.compound import chain, chord, group, steps
from runtime.canvas.signature import Signature
from runtime.protocol.ids import new_id


def frozen(signature: Signature, task_id: str | None = None) -> Signature:
    """A copy. `task_id`: what its end is to be known by, where it has no id yet. Raises ValueError for a
    chain without a task, and a chord without a body."""
    task_id = signature.options.get("task_id") or task_id
    match signature:
        case chain():
            return _frozen_chain(signature, task_id)
        case group():
            return _frozen_group(signature, task_id or new_id())
        case chord():
            return _frozen_chord(signature, task_id)
    return signature.with_options({**signature.options, "task_id": task_id or new_id()})


def _frozen_chain(signature: chain, task_id: str | None) -> Signature:
    whole = _normal_steps(task for each in signature.tasks for task in steps(each))
    if not whole:
        raise ValueError("a chain needs a task")
    if signature.args:
        whole[0] = whole[0].clone(signature.args)
    fixed = [frozen(step) for step in whole[:-1]]
    fixed.append(frozen(whole[-1], task_id))
    copy = _replaced(signature, {"tasks": fixed})
    copy.args = ()
    return copy


def _normal_steps(tasks: Iterable[Signature]) -> list[Signature]:
    found: list[Signature] = []
    for task in tasks:
        last = found[-1] if found else None
        if isinstance(task, group) and last is not None:
            if not task.tasks:
                continue
            if len(task.tasks) == 1:
                [task] = task.tasks  # noqa: PLW2901
        if isinstance(last, group):
            found[-1] = chord(last, task) if last.tasks else task
        elif isinstance(last, chord) and _ends_in_group(last.body):
            found[-1] = _replaced(last, {**last.kwargs, "body": last.body | task})
        else:
            found.append(task)
    return found


def _ends_in_group(signature: Signature) -> bool:
    if isinstance(signature, chain):
        return bool(signature.tasks) and _ends_in_group(signature.tasks[-1])
    if isinstance(signature, chord):
        return _ends_in_group(signature.body)
    rest = signature.options.get("chain")
    return _ends_in_group(Signature.from_dict(rest[0])) if rest else isinstance(signature, group)


def _frozen_group(signature: group, group_id: str) -> Signature:
    members = []
    for index, task in enumerate(_flattened(signature)):
        member = frozen(task)
        member.options["group_index"] = index
        members.append(member)
    copy = _replaced(signature, {"tasks": members})
    copy.options["task_id"] = group_id
    return copy


def _flattened(signature: group) -> Iterator[Signature]:
    for task in signature.tasks:
        if isinstance(task, group):
            yield from _flattened(task)
        elif not (isinstance(task, chain) and not task.tasks):
            yield task


def _frozen_chord(signature: chord, task_id: str | None) -> Signature:
    header = frozen(signature.header, new_id())
    body = frozen(signature.body, task_id)
    if isinstance(body, chain):
        body = led(body)
    copy = _replaced(signature, {**signature.kwargs, "header": header, "body": body})
    copy.options["task_id"] = header.options["task_id"]
    return copy


def led(signature: chain) -> Signature:
    """A frozen chain as its first step, with the rest, and what is to follow the whole, in its options."""
    *others, last = signature.tasks
    given: dict[str, Any] = {name: value for name, value in signature.options.items() if name != "task_id"}
    at_end = {name: given.pop(name) for name in AT_END if name in given}
    errbacks = given.pop("link_error", None)
    whole = [carried(step, {"link_error": errbacks}) for step in (*others, carried(last, at_end))]
    rest = [*given.pop("chain", ()), *(step.to_dict() for step in reversed(whole[1:]))]
    return carried(whole[0], {**given, "chain": rest})


def _replaced(signature: Signature, kwargs: dict[str, Any]) -> Signature:
    copy = signature.with_options(dict(signature.options))
    copy.kwargs = kwargs
    return copy
