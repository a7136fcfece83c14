"""The fork server: a small process that loads the user's code once and forks children from it.

So children share the memory of the code, exist within 10 ms, and never inherit the state of a grown
supervisor. Why not billiard's own fork server: it reports exit code 255 for a child killed by a
signal, hides an ImportError of what it preloads, and needs one more process (8 MB) to track
semaphores. The forking itself is billiard's.

The supervisor starts it with the control socket's descriptor (`pools.control`). It ends, and kills
its children, when that socket does.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback

# Names as they are before gevent patches their modules: this process must block for real.
from _socket import socket
from pkgutil import resolve_name
from select import POLLIN, poll

import billiard

# billiard imports these when a process starts: then each child would load them anew into memory of
# its own (2.5 MB), and start later.
import billiard.popen_fork
import billiard.util

from pools import child, memory, shield
from pools.control import Control, Exited, Fork, Forked, Load, Loaded, NotForked, NotLoaded
from pools.descent import die_with_parent
from pools.interface import BootRefused, ChildOptions
from pools.transport import ChildEnds, memory_file

_context = billiard.get_context("fork")


def main(descriptor: int) -> None:
    """Load, then fork on request until the supervisor is gone. descriptor: of the control socket."""
    die_with_parent()
    # The soft limit's and the stack dump's signals too: a child must not die of one that comes
    # before it has its own handlers.
    shield.ignore(*shield.SHIELDED, signal.SIGUSR1, signal.SIGUSR2)
    control = Control(socket(fileno=descriptor))
    order = control.receive()
    if order is None:
        return
    load, _ = order
    assert isinstance(load, Load)
    if load.kind.prepare is not None:
        resolve_name(load.kind.prepare)()
    resolve_name(load.kind.serve)  # so that children share it
    try:
        run = _load(control, load.options)
    except BrokenPipeError:  # the supervisor is gone meanwhile: there is nobody to tell
        return
    Nursery(control, run, load).work()


def _load(control: Control, options: ChildOptions) -> child.Run:
    try:
        run, hello = resolve_name(options.boot)(options.boot_argument)
    except BootRefused as error:
        control.send(NotLoaded(str(error)[-16000:], refused=True))
        sys.exit(1)
    except BaseException:  # noqa: BLE001  (the user's code: whatever ends it, the supervisor must be told)
        control.send(NotLoaded(traceback.format_exc()[-16000:]))
        sys.exit(1)
    # What is loaded now will not be freed: the collector of a child need not touch it, and pages
    # that nobody touches stay shared.
    gc.collect()
    gc.freeze()
    memory.warn(options.max_memory)
    fd = memory_file(hello)
    control.send(Loaded(), [fd])
    os.close(fd)
    return run  # type: ignore[no-any-return]


class Nursery:
    """The children of this process."""

    def __init__(self, control: Control, run: child.Run, load: Load) -> None:
        self._control = control
        self._run = run
        self._load = load
        self._children: dict[int, tuple[int, billiard.Process]] = {}
        """pidfd → number and process."""
        self._poller = poll()

    def work(self) -> None:
        self._poller.register(self._control, POLLIN)
        supervised = True
        while supervised:
            ready = {fd for fd, _ in self._poller.poll()}
            try:
                for pidfd in ready & self._children.keys():
                    self._reap(pidfd)
                if self._control.fileno() in ready:
                    supervised = self._obey()
            except BrokenPipeError:
                supervised = False
        self._end()

    def _obey(self) -> bool:
        """False when the supervisor is gone."""
        order = self._control.receive()
        if order is None:
            return False
        message, fds = order
        assert isinstance(message, Fork)
        answer, pidfds = self._fork(message.number, ChildEnds(*fds))
        for fd in fds:  # before it is told: should we hang then, these must not hide that the child has ended
            os.close(fd)
        self._control.send(answer, pidfds)
        return True

    def _fork(self, number: int, ends: ChildEnds) -> tuple[Forked | NotForked, list[int]]:
        """What is to be told, with the child's pidfd if there is one."""
        process = _context.Process(
            target=self._become_child, args=(ends, os.getpid()), name=f"child-{number}"
        )
        try:
            if self._load.options.before_fork is not None:
                resolve_name(self._load.options.before_fork)()
            process.start()
        except OSError as error:
            return NotForked(number, f"fork failed: {error}"), []
        except BaseException:  # noqa: BLE001  (the user's code: whatever ends it, the supervisor must be told)
            return NotForked(number, traceback.format_exc()), []
        pidfd = os.pidfd_open(process.pid)
        self._children[pidfd] = number, process
        self._poller.register(pidfd, POLLIN)
        return Forked(number, process.pid), [pidfd]

    def _become_child(self, ends: ChildEnds, parent: int) -> None:
        self._control.close()
        for pidfd, (_, sibling) in self._children.items():
            os.close(pidfd)
            os.close(sibling.sentinel)
        child.live(ends, parent, self._load.kind, self._load.options, self._run)

    def _reap(self, pidfd: int) -> None:
        number, process = self._children.pop(pidfd)
        self._poller.unregister(pidfd)
        os.close(pidfd)
        self._control.send(Exited(number, process.exitcode))
        process.close()

    def _end(self) -> None:
        for _, process in self._children.values():
            os.kill(process.pid, signal.SIGKILL)
        for _, process in self._children.values():
            process.join()
