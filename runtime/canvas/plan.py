"""What is sent when a signature is: calls of single tasks, and chords that begin with them (PROTOCOL 5, 11).

Pure: a signature as data goes in, data comes out. Client and worker use the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from runtime.canvas.carry import carried
from runtime.canvas.compound import chain, chord, group
from runtime.canvas.freeze import led
from runtime.canvas.reference import Reference, reference
from runtime.canvas.signature import Signature


class Begun(NamedTuple):
    """A chord whose header is sent."""

    group_id: str
    size: int
    structure: Reference | None
    """The header's results, if groups are among them."""


class Plan(NamedTuple):
    calls: list[Signature]
    """Plain ones, complete with arguments and send options."""
    chords: list[Begun]


def plan(signature: Signature, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Plan:
    """To send a frozen signature with these partial arguments."""
    made = Plan([], [])
    _add(made, signature, args, kwargs or {})
    return made


def _add(made: Plan, signature: Signature, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    match signature:
        case chain():
            _add(made, led(signature), args, kwargs)
        case group():
            _add_group(made, signature, (*args, *signature.args), kwargs)
        case chord():
            given = {name: value for name, value in kwargs.items() if name != "body"}
            _add_chord(made, signature, (*args, *signature.args), given)
        case _:
            made.calls.append(signature.clone(args, kwargs) if args or kwargs else signature)


def _add_group(made: Plan, signature: group, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    given = dict(signature.options)
    own = given.pop("task_id")
    given.pop("group_index", None)
    # The end of a part of a chord: each of its members is counted there.
    given["group_id"] = given.get("group_id", own) if "chord" in given else own
    for task in signature.tasks:
        _add(made, carried(task, given), args, kwargs)


HEADER_ONLY = ("countdown", "eta", "parent_id")
BODY_ONLY = ("chain", "chord", "group_id", "group_index", "link", "link_error")


def _add_chord(made: Plan, signature: chord, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """What it is sent with belongs to its body."""
    given = {name: value for name, value in signature.options.items() if name != "task_id"}
    group_id: str = signature.header.options["task_id"]
    body = carried(signature.body, {name: given[name] for name in given if name not in HEADER_ONLY})
    body = carried(body, {"group_id": group_id}) if "group_id" not in given else body
    if not signature.tasks:
        _add(made, body, ([],), {})
        return
    own = signature.header.options
    header = {name: own[name] for name in own if name not in (*BODY_ONLY, "task_id")}
    header |= {name: given[name] for name in given if name not in BODY_ONLY}
    header |= {"chord": body.to_dict(), "group_id": group_id}
    results = [reference(task) for task in signature.tasks]
    nested = any(members is not None for _, members in results)
    size = sum(map(count, signature.tasks))
    made.chords.append(Begun(group_id, size, [[group_id, None], results] if nested else None))
    for task in signature.tasks:
        _add(made, carried(task, header), args, kwargs)


def count(signature: Signature) -> int:
    """Of how many parts a chord is made by this task of its header."""
    if rest := signature.options.get("chain"):
        return count(Signature.from_dict(rest[0]))
    match signature:
        case chain():
            return count(signature.tasks[-1])
        case group():
            return sum(map(count, signature.tasks))
        case chord():
            return count(signature.body)
    return 1
