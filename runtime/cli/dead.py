"""`runtime dead`: look after the messages that could not be done."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from runtime.cli.names import names
from runtime.cli.root import load_app
from runtime.cli.since import since
from runtime.counted import counted
from runtime.protocol.routing import of_app

if TYPE_CHECKING:
    from brokers.dead_letter import DeadLetter
    from brokers.interface import DeadLetters

F = TypeVar("F", bound=Callable[..., Any])

in_queues = click.option(
    "-Q", "--queue", "queues", callback=names, metavar="A,B,…", help="Of these queues.  [default: of all]"
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
of_ids = click.argument("ids", metavar="ID…", nargs=-1, required=True)


def filtered(command: F) -> F:
    """Options that choose letters."""
    of_task = click.option("--task", metavar="NAME", help="Only of this task; proj.* is a pattern.")
    young = click.option("--since", callback=since, metavar="10m|2h|3d|TIME", help="Only later ones.")
    return of_task(young(command))


@click.group()
def dead() -> None:
    """Messages that could not be done: show them, run them again, remove them.

    A message gets here when it has killed its children too often, or makes no sense. ID is its task's,
    or the one that `list` shows. Where several letters have one, all of them are meant.
    """


@dead.command("list")
@in_queues
@filtered
@as_json
@click.pass_context
def list_(
    context: click.Context, queues: tuple[str, ...], task: str | None, since: float | None, as_json: bool
) -> None:
    """List them, each queue's oldest first."""
    with opened(context, queues) as kept:
        if as_json:
            click.echo(json.dumps([summary(each) for each in chosen(kept, (), task, since)], indent=1))
            return
        for each in chosen(kept, (), task, since):
            click.echo(line(each))


@dead.command()
@of_ids
@in_queues
@as_json
@click.pass_context
def show(context: click.Context, ids: tuple[str, ...], queues: tuple[str, ...], as_json: bool) -> None:
    """Show all that is known of some. With --json: an object for each."""
    with opened(context, queues) as kept:
        found = named(kept, ids)
    for of, letter in found:
        known = {**letter.fields, "id": letter.id, "queue": of.queue}
        if as_json:
            click.echo(json.dumps(known))
        else:
            click.echo("\n".join(f"{name:<15} {printable(value)}" for name, value in known.items()))


@dead.command()
@click.argument("ids", metavar="[ID]…", nargs=-1)
@in_queues
@filtered
@click.option("--all", "everything", is_flag=True, help="All of them.")
@as_json
@click.pass_context
def retry(
    context: click.Context,
    ids: tuple[str, ...],
    queues: tuple[str, ...],
    task: str | None,
    since: float | None,
    everything: bool,
    as_json: bool,
) -> None:
    """Put messages back at the tail of their queue, as if they had never been tried."""
    if not (ids or task or since is not None or everything):
        raise click.UsageError("retry what? Give an ID, --task, --since or --all")
    with opened(context, queues) as kept:
        found = named(kept, ids) if ids else chosen(kept, (), task, since)
        meant = [each for each in found if each.letter.is_meant(ids, task, since)]
        tell([each for each in meant if each.of.retry(each.letter)], "retried", "put back", as_json)


@dead.command()
@of_ids
@in_queues
@as_json
@click.pass_context
def drop(context: click.Context, ids: tuple[str, ...], queues: tuple[str, ...], as_json: bool) -> None:
    """Remove some for good."""
    with opened(context, queues) as kept:
        remove(named(kept, ids), as_json)


@dead.command()
@in_queues
@filtered
@click.option("-f", "--force", is_flag=True, help="Do not ask, as without a terminal.")
@as_json
@click.pass_context
def purge(
    context: click.Context,
    queues: tuple[str, ...],
    task: str | None,
    since: float | None,
    force: bool,
    as_json: bool,
) -> None:
    """Remove all, or those chosen, for good."""
    with opened(context, queues) as kept:
        found = list(chosen(kept, (), task, since))
        if found and not force and sys.stdin.isatty():
            of = ", ".join(dict.fromkeys(each.of.queue for each in found))
            click.confirm(f"Remove {counted(len(found), 'dead letter')} of {of}?", abort=True, err=True)
        remove(found, as_json)


class Found(NamedTuple):
    of: DeadLetters
    letter: DeadLetter


@contextmanager
def opened(context: click.Context, queues: tuple[str, ...]) -> Iterator[list[DeadLetters]]:
    """The dead letters of these queues; of the app's and all that have any, if none is named. For how long
    those are kept that are not the app's is a matter of others."""
    from brokers.dead_letter import ALL, Retention
    from brokers.registry import open_dead_letters, queues_with_dead_letters

    conf = load_app(context).conf
    url, options = conf.broker_url, conf.broker_transport_options
    ours = Retention(conf.worker_dead_letters_max, conf.worker_dead_letters_expires)
    kept = dict.fromkeys(of_app(conf), ours)
    wanted = queues or {**dict.fromkeys(queues_with_dead_letters(url, options)), **kept}
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                closing(open_dead_letters(url, options, queue=queue, retention=kept.get(queue, ALL)))
            )
            for queue in wanted
        ]


def chosen(
    kept: list[DeadLetters], ids: tuple[str, ...], task: str | None, since: float | None
) -> Iterator[Found]:
    """Those that are meant (`DeadLetter.is_meant`)."""
    for of in kept:
        for letter in of.letters():
            if letter.is_meant(ids, task, since):
                yield Found(of, letter)


def named(kept: list[DeadLetters], ids: tuple[str, ...]) -> list[Found]:
    """Those with these ids. Raises click.UsageError unless each is there."""
    found = list(chosen(kept, ids, None, None))
    for missing in set(ids).difference(each.letter.id for each in found):
        where = ", ".join(of.queue for of in kept)
        raise click.UsageError(f"no dead letter {missing!r} in {where}")
    return found


def remove(found: list[Found], as_json: bool) -> None:
    tell([each for each in found if each.of.drop(each.letter)], "dropped", "removed", as_json)


def tell(done: list[Found], key: str, what: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({key: [each.letter.id for each in done]}))
        return
    for queue, count in Counter(each.of.queue for each in done).items():
        click.echo(f"{queue}: {counted(count, 'message')} {what}")
    if not done:
        click.echo(f"no message {what}")


def summary(found: Found) -> dict[str, Any]:
    """What fits a list: all but traceback and message."""
    letter = found.letter
    fitting = ("time", "task", "reason", "node", "deliveries", "restores")
    told = {name: letter.fields.get(name) for name in fitting}
    return {"id": letter.id, "queue": found.of.queue, **told}


def line(found: Found) -> str:
    """The same for people. The time is UTC, and says so: it may be given to --since."""
    letter = found.letter
    told = f"{printable(letter.fields.get('task'))}: {printable(letter.fields.get('reason'))}"
    time = f"{letter.time[:19]}Z" if letter.time else "-"
    return f"{printable(letter.id)}  {time}  {found.of.queue}  {' '.join(told.split())}"


def printable(value: object) -> str:
    """What came in a message may hold half of a surrogate pair, which no terminal takes."""
    return ("-" if value is None else str(value)).encode(errors="backslashreplace").decode()
