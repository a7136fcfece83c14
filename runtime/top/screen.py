"""The screen: a table of workers, one of tasks, and keys that operate them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App as Textual
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import DataTable, Footer, Static

from brokers.interface import BrokerError
from runtime.events.cluster import Cluster, Task, Worker
from runtime.settings.settings import masked
from runtime.top.watch import Watch

if TYPE_CHECKING:
    from textual.binding import BindingType

    from runtime.app.app import App

REFRESH = 0.5
"""Seconds between two looks."""
TASKS_SHOWN = 200
AGAIN = 3.0
"""Seconds within which the key that shuts a worker down must be pressed a second time."""

WORKERS = ("worker", "state", "busy", "slots", "begun", "per s", "load", "queues", "software")
TASKS = ("state", "task", "arguments", "worker", "seconds", "outcome", "id")


class Screen(Textual[None]):
    """Runs until `q` is pressed."""

    CSS = """
    #summary { height: 2; padding: 0 1; }
    #workers { height: 1fr; max-height: 14; border-bottom: solid $primary; }
    #tasks { height: 2fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("tab", "focus_next", "Other table"),
        Binding("r", "revoke", "Revoke task"),
        Binding("k", "terminate", "Kill task"),
        Binding("e", "events", "Events on"),
        Binding("z", "quiet", "Quiet worker"),
        Binding("c", "resume", "Continue worker"),
        Binding("s", "shut_down", "Shut worker down"),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, app: App) -> None:
        super().__init__()
        self._project = app
        self._cluster = Cluster()
        self._watch = Watch(app)
        self._to_shut_down: tuple[str, float] = ("", 0.0)

    def compose(self) -> ComposeResult:
        yield Static(id="summary", markup=False)
        yield DataTable[str](id="workers", cursor_type="row", zebra_stripes=True)
        yield DataTable[str](id="tasks", cursor_type="row", zebra_stripes=True)
        yield Footer()

    def on_mount(self) -> None:
        self._table("workers").add_columns(*WORKERS)
        self._table("tasks").add_columns(*TASKS)
        self.set_interval(REFRESH, self._refresh_all)

    def on_unmount(self) -> None:
        self._watch.close()

    # What is shown ----------------------------------------------------------------------------------------

    def _refresh_all(self) -> None:
        for event in self._watch.take():
            self._cluster.heed(event)
        now = time.time()
        alive = [each for each in self._cluster.workers.values() if each.is_alive(now)]
        self.query_one("#summary", Static).update(self._summary(alive))
        workers = sorted(self._cluster.workers.values(), key=lambda each: each.node)
        self._fill("workers", [(each.node, self._worker_row(each, now)) for each in workers])
        tasks = list(self._cluster.tasks.values())[: -TASKS_SHOWN - 1 : -1]
        self._fill("tasks", [(each.id, _task_row(each)) for each in tasks])

    def _summary(self, alive: list[Worker]) -> str:
        facts = self._watch.facts
        broker = masked("broker_url", self._project.conf.broker_url)
        busy, slots = sum(each.active for each in alive), sum(facts.slots.get(each.node, 0) for each in alive)
        waiting = ", ".join(f"{name} {length}" for name, length in facts.lengths.items())
        ends = ", ".join(f"{state} {count}" for state, count in sorted(self._cluster.ends.items()))
        rate = sum(each.rate() for each in alive)
        return (
            f"{broker}   {facts.problem or f'{len(alive)} workers, {busy} of {slots} slots busy'}, "
            f"{rate:.1f} tasks/s\nwaiting: {waiting or '-'}   ended: {ends or '- (e: events on)'}"
        )

    def _worker_row(self, worker: Worker, now: float) -> tuple[str, ...]:
        facts = self._watch.facts
        return (
            worker.node,
            "online" if worker.is_alive(now) else "offline",
            str(worker.active),
            str(facts.slots.get(worker.node, "")),
            str(worker.processed),
            f"{worker.rate():.1f}",
            f"{worker.loadavg[0]:.2f}" if worker.loadavg else "",
            ",".join(facts.queues.get(worker.node, ())),
            worker.software,
        )

    def _fill(self, name: str, rows: list[tuple[str, tuple[str, ...]]]) -> None:
        """The cursor stays on its row."""
        table, chosen = self._table(name), self._chosen(name)
        table.clear()
        for key, row in rows:
            table.add_row(*row, key=key)
        if chosen is not None and chosen in dict(rows):
            table.move_cursor(row=table.get_row_index(chosen))

    # What is done -----------------------------------------------------------------------------------------

    def action_revoke(self) -> None:
        self._with_task(lambda task_id: self._project.control.revoke(task_id, reply=True))

    def action_terminate(self) -> None:
        self._with_task(lambda task_id: self._project.control.revoke(task_id, terminate=True, reply=True))

    def action_events(self) -> None:
        self._tell(lambda: self._project.control.enable_events(reply=True))

    def action_quiet(self) -> None:
        self._with_worker(lambda node: self._broadcast("quiet", node))

    def action_resume(self) -> None:
        self._with_worker(lambda node: self._broadcast("resume", node))

    def action_shut_down(self) -> None:
        node, now = self._chosen("workers"), time.monotonic()
        if node is None:
            return
        if self._to_shut_down[0] == node and now < self._to_shut_down[1]:
            self._tell(lambda: self._project.control.shutdown(destination=[node]))
            self.notify(f"{node} is told to shut down")
        else:
            self._to_shut_down = (node, now + AGAIN)
            self.notify(f"press s again to shut {node} down", severity="warning")

    def _broadcast(self, command: str, node: str) -> Any:
        return self._project.control.broadcast(command, destination=[node], reply=True)

    def _with_task(self, tell: Callable[[str], Any]) -> None:
        task_id = self._chosen("tasks")
        if task_id is not None:
            self._tell(lambda: tell(task_id))

    def _with_worker(self, tell: Callable[[str], Any]) -> None:
        node = self._chosen("workers")
        if node is not None:
            self._tell(lambda: tell(node))

    def _tell(self, tell: Callable[[], Any]) -> None:
        """In a thread: answers may take a second. What they are is shown."""

        def told() -> None:
            try:
                answers = tell()
            except BrokerError as error:
                answers = [{"broker": str(error)}]
            for answer in answers or ():
                for node, value in answer.items():
                    said = value.get("ok") or value.get("error") if isinstance(value, dict) else value
                    self.call_from_thread(self.notify, str(said), title=node, markup=False)

        self.run_worker(told, thread=True)

    def _table(self, name: str) -> DataTable[str]:
        return self.query_one(f"#{name}", DataTable)

    def _chosen(self, name: str) -> str | None:
        """The key of the row on which the cursor is."""
        table = self._table(name)
        if not table.row_count:
            return None
        return table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value


def _task_row(task: Task) -> tuple[str, ...]:
    arguments = task.args if task.kwargs in ("", "{}") else f"{task.args} {task.kwargs}"
    seconds = "" if task.runtime is None else f"{task.runtime:.3f}"
    return task.state, task.name, arguments[:40], task.worker, seconds, task.outcome[:60], task.id
