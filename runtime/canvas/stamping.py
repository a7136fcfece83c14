"""Stamps: headers of the user's own on every task of a work-flow, by which it can be found and revoked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.canvas.compound import Compound, chain, chord, group
from runtime.canvas.signature import Signature, listed_signatures

Stamps = Mapping[str, Any]


class StampingVisitor:
    """Decides on stamps one by one: each method returns those to add. All but `on_signature` may be left
    out."""

    def on_signature(self, sig: Signature, **stamps: Any) -> Stamps:
        """Of a single task."""
        raise NotImplementedError

    def on_chain_start(self, sig: Signature, **stamps: Any) -> Stamps:
        return {}

    def on_chain_end(self, sig: Signature, **stamps: Any) -> None: ...

    def on_group_start(self, sig: Signature, **stamps: Any) -> Stamps:
        return {}

    def on_group_end(self, sig: Signature, **stamps: Any) -> None: ...

    def on_chord_header_start(self, sig: Signature, **stamps: Any) -> Stamps:
        return {}

    def on_chord_header_end(self, sig: Signature, **stamps: Any) -> None: ...

    def on_chord_body(self, sig: Signature, **stamps: Any) -> Stamps:
        return {}

    def on_callback(self, callback: Signature, **stamps: Any) -> Stamps:
        return {}

    def on_errback(self, errback: Signature, **stamps: Any) -> Stamps:
        return {}


def stamp(signature: Signature, visitor: StampingVisitor | None, append: bool, stamps: Stamps) -> None:
    """In place. `append`: a stamp that is there already becomes a list with the new one; else it is
    replaced."""
    visitor = visitor or _Nothing()
    _stamp_links(signature, visitor, append, stamps)
    match signature:
        case chain():
            given = _joined(stamps, visitor.on_chain_start(signature, **stamps))
            _stamp_all(signature, visitor, append, given)
            visitor.on_chain_end(signature, **given)
        case group():
            given = _joined(stamps, visitor.on_group_start(signature, **stamps))
            _stamp_all(signature, visitor, append, given)
            visitor.on_group_end(signature, **given)
        case chord():
            given = _joined(stamps, visitor.on_chord_header_start(signature, **stamps))
            for task in signature.tasks:
                stamp(task, visitor, append, given)
            visitor.on_chord_header_end(signature, **given)
            if signature.kwargs.get("body") is not None:
                of_body = _joined(given, visitor.on_chord_body(signature, **given))
                stamp(signature.body, visitor, append, of_body)
        case _:
            _put(signature, append, _joined(stamps, visitor.on_signature(signature, **stamps)))


class _Nothing(StampingVisitor):
    def on_signature(self, sig: Signature, **stamps: Any) -> Stamps:
        return {}


def _stamp_all(signature: Compound, visitor: StampingVisitor, append: bool, stamps: Stamps) -> None:
    for member in signature.members():
        stamp(member, visitor, append, stamps)


def _stamp_links(signature: Signature, visitor: StampingVisitor, append: bool, stamps: Stamps) -> None:
    for name, asked in (("link", visitor.on_callback), ("link_error", visitor.on_errback)):
        if linked := listed_signatures(signature.options.get(name)):
            signature.options[name] = [Signature.from_dict(each) for each in linked]
            for each in signature.options[name]:
                stamp(each, visitor, append, _joined(stamps, asked(each, **stamps)))


def _joined(stamps: Stamps, added: Stamps | None) -> dict[str, Any]:
    """A visitor may name those of its stamps itself, in `stamped_headers`; others it adds are none then."""
    added = dict(added or {})
    names = added.pop("stamped_headers", added)
    return {**stamps, **{name: added[name] for name in names if name in added}}


def _put(signature: Signature, append: bool, stamps: Stamps) -> None:
    options = signature.options
    names = [*(options.get("stamped_headers") or ())]
    for name, value in stamps.items():
        if append and name in names:
            options[name] = [*_listed(options.get(name)), *_listed(value)]
        else:
            options[name] = value
        if name not in names:
            names.append(name)
    options["stamped_headers"] = names


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple | set) else [value]
