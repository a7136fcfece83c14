"""`runtime dead`: look after the messages that could not be done."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runtime.cli.root import load_app
from runtime.cli.since import since
from runtime.counted import counted

if TYPE_CHECKING:
    from brokers.dead_letter import DeadLetter
    from brokers.interface import DeadLetters

F = TypeVar("F", bound=Callable[..., Any])

in_queue = click.option("-Q", "--queue", metavar="NAME", help="Of this queue.  [default: the app's]")
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
@in_queue
@filtered
@as_json
@click.pass_context
def list_(
    context: click.Context, queue: str | None, task: str | None, since: float | None, as_json: bool
) -> None:
    """List them, the oldest first."""
    with opened(context, queue) as letters:
        chosen = [each for each in letters.letters() if each.is_meant((), task, since)]
    if as_json:
        click.echo(json.dumps([summary(each, letters.queue) for each in chosen], indent=1))
        return
    for each in chosen:
        click.echo(f"{printable(each.id)}  {each.time[:19]}  {described(each)}")


@dead.command()
@of_ids
@in_queue
@as_json
@click.pass_context
def show(context: click.Context, ids: tuple[str, ...], queue: str | None, as_json: bool) -> None:
    """Show all that is known of some. With --json: an object for each."""
    with opened(context, queue) as letters:
        chosen = named(letters, ids)
    for each in chosen:
        known = {**each.fields, "id": each.id, "queue": letters.queue}
        if as_json:
            click.echo(json.dumps(known))
        else:
            click.echo("\n".join(f"{name:<15} {printable(value)}" for name, value in known.items()))


@dead.command()
@click.argument("ids", metavar="[ID]…", nargs=-1)
@in_queue
@filtered
@click.option("--all", "everything", is_flag=True, help="All of the queue.")
@as_json
@click.pass_context
def retry(
    context: click.Context,
    ids: tuple[str, ...],
    queue: str | None,
    task: str | None,
    since: float | None,
    everything: bool,
    as_json: bool,
) -> None:
    """Put messages back at the tail of their queue, as if they had never been tried."""
    if not (ids or task or since is not None or everything):
        raise click.UsageError("retry what? Give an ID, --task, --since or --all")
    with opened(context, queue) as letters:
        chosen = named(letters, ids) if ids else letters.letters()
        meant = [each for each in chosen if each.is_meant(ids, task, since)]
        done = [each.id for each in meant if letters.retry(each)]
    tell(done, "retried", f"put back into {letters.queue}", as_json)


@dead.command()
@of_ids
@in_queue
@as_json
@click.pass_context
def drop(context: click.Context, ids: tuple[str, ...], queue: str | None, as_json: bool) -> None:
    """Remove some for good."""
    with opened(context, queue) as letters:
        done = [each.id for each in named(letters, ids) if letters.drop(each)]
    tell(done, "dropped", f"of {letters.queue} removed", as_json)


@dead.command()
@in_queue
@filtered
@click.option("-f", "--force", is_flag=True, help="Do not ask, as without a terminal.")
@as_json
@click.pass_context
def purge(
    context: click.Context,
    queue: str | None,
    task: str | None,
    since: float | None,
    force: bool,
    as_json: bool,
) -> None:
    """Remove all, or those chosen, for good."""
    with opened(context, queue) as letters:
        chosen = [each for each in letters.letters() if each.is_meant((), task, since)]
        if chosen and not force and sys.stdin.isatty():
            click.confirm(f"Remove {len(chosen)} dead letters of {letters.queue}?", abort=True, err=True)
        done = [each.id for each in chosen if letters.drop(each)]
    tell(done, "dropped", f"of {letters.queue} removed", as_json)


@contextmanager
def opened(context: click.Context, queue: str | None) -> Iterator[DeadLetters]:
    """The dead letters of `queue`, or of the app's."""
    from brokers.dead_letter import Retention
    from brokers.registry import open_dead_letters

    conf = load_app(context).conf
    retention = Retention(conf.worker_dead_letters_max, conf.worker_dead_letters_expires)
    queue = queue or conf.task_default_queue
    url, options = conf.broker_url, conf.broker_transport_options
    with closing(open_dead_letters(url, options, queue=queue, retention=retention)) as letters:
        yield letters


def named(letters: DeadLetters, ids: tuple[str, ...]) -> list[DeadLetter]:
    """Those with these ids. Raises click.UsageError unless each is there."""
    found = [each for each in letters.letters() if each.id in ids]
    for missing in [each for each in ids if each not in {letter.id for letter in found}]:
        raise click.UsageError(f"no dead letter {missing!r} of queue {letters.queue!r}")
    return found


def summary(letter: DeadLetter, queue: str) -> dict[str, Any]:
    """What fits a list: all but traceback and message."""
    names = ("time", "task", "reason", "node", "deliveries", "restores")
    return {"id": letter.id, "queue": queue, **{name: letter.fields.get(name) for name in names}}


def described(letter: DeadLetter) -> str:
    """On one line."""
    return " ".join(
        f"{printable(letter.fields.get('task'))}: {printable(letter.fields.get('reason'))}".split()
    )


def printable(value: object) -> str:
    """What came in a message may hold half of a surrogate pair, which no terminal takes."""
    return ("-" if value is None else str(value)).encode(errors="backslashreplace").decode()


def tell(ids: list[str], key: str, what: str, as_json: bool) -> None:
    click.echo(json.dumps({key: ids}) if as_json else f"{counted(len(ids), 'message')} {what}")
