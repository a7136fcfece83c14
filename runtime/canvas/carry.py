"""Send options that a signature gets from what it is part of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from runtime.canvas.compound import group
from runtime.canvas.signature import Signature, listed_signatures

Kind = TypeVar("Kind", bound=Signature)

AT_END = ("chord", "group_id", "group_index", "link")
"""Options of a whole that are its last step's, also where the rest of a chain is one of its options."""


def carried(signature: Kind, given: Mapping[str, Any]) -> Kind:
    """A copy with these options. They go before its own, but for its group; the rest of its chain, and what
    is linked to it, stay and are added to. What is given as None, or empty, says nothing."""
    said = {name: value for name, value in given.items() if value is not None and value != []}
    if not said:
        return signature
    options = dict(signature.options)
    rest = options.get("chain")
    if rest and (at_end := {name: said.pop(name) for name in AT_END if name in said}):
        last = carried(Signature.from_dict(rest[0]), at_end)
        options["chain"] = [last.to_dict(), *rest[1:]]
    for name in ("link", "link_error"):
        if name in said:
            own = listed_signatures(options.get(name))
            said[name] = [*own, *(each for each in listed_signatures(said[name]) if each not in own)]
    if "chain" in said:
        said["chain"] = [*said["chain"], *(options.get("chain") or ())]
    if "group_id" in options:
        said.pop("group_id", None)
    copy = signature.with_options({**options, **said})
    if isinstance(copy, group) and "chord" in said:
        # A Celery worker that sends it would count its members as a chord of their own.
        part_of = {name: copy.options.get(name) for name in ("chord", "group_id")}
        copy.kwargs = {**copy.kwargs, "tasks": [carried(task, part_of) for task in copy.tasks]}
    return copy
