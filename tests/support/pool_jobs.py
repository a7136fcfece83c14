"""What the pools' tests run in children. A payload is the name of a function here, a blank, and its
argument."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar

from billiard.exceptions import SoftTimeLimitExceeded

from pools.interface import BootRefused

PATCHED = socket.socket.__module__.startswith("gevent")
"""When this module was imported."""


class Run:
    """Calls the function, and turns what it may raise into an answer."""

    def __init__(self, function: Callable[[bytes], bytes]) -> None:
        self._function = function

    def __call__(self, payload: memoryview) -> bytes:
        try:
            return self._function(bytes(payload))
        except SoftTimeLimitExceeded:
            return b"soft limit"
        except SystemExit as error:
            return f"exit {error.code}".encode()
        except ValueError as error:
            return b"error " + str(error).encode()

    async def coroutine(self, payload: bytes) -> bytes:
        """In the event loop if the name begins with `async_`, else in a thread."""
        import asyncio  # 20 ms, which the children of other kinds do without

        try:
            if payload.startswith(b"async_"):
                name, _, argument = payload.partition(b" ")
                answer: bytes = await globals()[name.decode()](argument)
                return answer
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(None, self._function, payload)
        except SoftTimeLimitExceeded:
            return b"soft limit"
        except SystemExit as error:
            return f"exit {error.code}".encode()
        except ValueError as error:
            return b"error " + str(error).encode()


def boot(argument: bytes) -> tuple[Run, bytes]:
    return run, b"hello " + argument


def boot_by_file(path: bytes) -> tuple[Run, bytes]:
    """As fresh as the file: its content is the hello, and `broken` a failure."""
    with open(path, "rb") as file:
        hello = file.read()
    if hello == b"broken":
        raise ImportError("no module named broken")
    return run, hello


def boot_with_long_hello(argument: bytes) -> tuple[Run, bytes]:
    return run, b"x" * int(argument)


def boot_with_length(argument: bytes) -> tuple[Run, bytes]:
    """Each job answers with the length of its payload."""
    return Run(lambda payload: b"%d" % len(payload)), argument


def boot_missing(argument: bytes) -> tuple[Run, bytes]:
    import no_such_module  # type: ignore[import-not-found]

    return no_such_module.run, argument


def boot_refused(argument: bytes) -> tuple[Run, bytes]:
    raise BootRefused("nothing would change")


def boot_forever(argument: bytes) -> tuple[Run, bytes]:
    while True:
        time.sleep(60)


def boot_patched(argument: bytes) -> tuple[Run, bytes]:
    """Says whether gevent had patched the process before this module was imported."""
    return run, b"patched" if time.sleep.__module__.startswith("gevent") and PATCHED else b"not patched"


def boot_exit(argument: bytes) -> tuple[Run, bytes]:
    sys.exit("not with me")


def boot_killed(argument: bytes) -> tuple[Run, bytes]:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def fail_after_fork() -> None:
    raise RuntimeError("the hook refuses")


def hang_after_fork() -> None:
    while True:
        time.sleep(60)


def die_after_fork() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def mark_after_fork() -> None:
    os.environ["MARKED"] = str(os.getpid())


def by_name(functions: Mapping[str, Callable[[bytes], bytes]]) -> Callable[[bytes], bytes]:
    """Calls the one that a payload names, with its argument."""

    def call(payload: bytes) -> bytes:
        name, _, argument = payload.partition(b" ")
        return functions[name.decode()](argument)

    return call


run = Run(by_name(globals()))


def echo(argument: bytes) -> bytes:
    return argument


def pid(_: bytes) -> bytes:
    return b"%d" % os.getpid()


def marked(_: bytes) -> bytes:
    return b"%s %d" % (os.environ["MARKED"].encode(), os.getpid())


def facts(_: bytes) -> bytes:
    """Session leader, standard input, parent's pid."""
    return f"{os.getsid(0) == os.getpid()} {os.readlink('/proc/self/fd/0')} {os.getppid()}".encode()


def greenlet_facts(_: bytes) -> bytes:
    """Where fork, sleep and sockets come from."""
    modules = (os.fork.__module__, time.sleep.__module__, socket.socket.__module__)
    return b" ".join(module.split(".")[0].encode() for module in modules)


def forget_timeout(seconds: bytes) -> bytes:
    """Of gevent's; it is left open."""
    import gevent  # 40 ms, which the children of other kinds do without

    gevent.Timeout(float(seconds)).start()
    return b"forgotten"


CONTEXT = ContextVar("CONTEXT", default=b"nothing")
LOCAL = threading.local()


def replace_values(value: bytes) -> bytes:
    """Of its context and its thread, or what is patched to stand for that; those that were there before."""
    before = CONTEXT.get(), getattr(LOCAL, "value", b"nothing")
    CONTEXT.set(value)
    LOCAL.value = value
    return b" ".join(before)


def run_program(seconds: bytes) -> bytes:
    return b"%d" % subprocess.call(["sleep", seconds.decode()])


def fds(_: bytes) -> bytes:
    return b"%d" % len(os.listdir("/proc/self/fd"))


def size(argument: bytes) -> bytes:
    return b"%d" % len(argument)


def grow_answer(argument: bytes) -> bytes:
    return b"y" * int(argument)


def fail(argument: bytes) -> bytes:
    raise ValueError(argument.decode())


def escape(argument: bytes) -> bytes:
    """Raises what `run` does not turn into an answer."""
    raise LookupError(argument.decode())


def sys_exit(argument: bytes) -> bytes:
    sys.exit(int(argument))


def os_exit(argument: bytes) -> bytes:
    os._exit(int(argument))


def kill_self(argument: bytes) -> bytes:
    os.kill(os.getpid(), int(argument))
    return b"survived"


def take_sigint(_: bytes) -> bytes:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return b"taken"


def handle_sigint(ready: bytes) -> bytes:
    """Itself; makes that file once it can."""
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    open(ready, "x").close()
    while not came:
        time.sleep(0.01)
    signal.signal(signal.SIGINT, before)
    return b"handled %d" % came[0]


def segfault(_: bytes) -> bytes:
    ctypes.string_at(0)
    return b"survived"


def wait_at(gate: bytes) -> bytes:
    """Until the gate (a fifo, see `tests.support.pool_driver.Gate`) lets one through. In short steps:
    soft limits need them in threads, and other greenlets."""
    fd = os.open(gate, os.O_RDONLY | os.O_NONBLOCK)
    try:
        while True:
            select.select([fd], [], [], 0.05)
            with contextlib.suppress(BlockingIOError):  # another job was faster
                os.read(fd, 1)
                return b"released"
    finally:
        os.close(fd)


def wait_twice(gate: bytes) -> bytes:
    """Heeds the soft limit, and waits at the gate again."""
    try:
        return wait_at(gate)
    except SoftTimeLimitExceeded:
        return b"soft limit, then " + wait_at(gate)


def sleep(seconds: bytes) -> bytes:
    time.sleep(float(seconds))
    return b"slept"


def nap(seconds: bytes) -> bytes:
    """A short sleep, and a little Python after it."""
    time.sleep(float(seconds))
    return b"".join([b"nap", b"ped"])


def spin(seconds: bytes) -> bytes:
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        pass
    return b"spun"


def signalled(argument: bytes) -> bytes:
    """Gets these signals, and goes on."""
    how, *names = argument.decode().split()
    for name in names:
        signal.raise_signal(signal.Signals[f"SIG{name}"])
    if how == "catch":
        with contextlib.suppress(BaseException):
            time.sleep(30)
    return spin(b"30") if how == "spin" else nap(b"0.1" if how == "nap" else b"30")


def sleep_in_c(seconds: bytes) -> bytes:
    """In a C call that holds the interpreter lock all the time."""
    sleep = ctypes.PyDLL(None).sleep
    left = int(seconds)
    while left:
        left = sleep(left)  # a signal ends it early
    return b"slept"


def allocate(megabytes: bytes) -> bytes:
    """Leaves that much behind."""
    LEAK.append(b"x" * (int(megabytes) << 20))
    return pid(b"")


LEAK: list[bytes] = []


def allocate_and_wait(argument: bytes) -> bytes:
    megabytes, gate = argument.split(b" ")
    allocate(megabytes)
    return wait_at(gate)


def flood(lines: bytes) -> bytes:
    for number in range(int(lines)):
        print(f"line {number} of a flood", "x" * 80)
    return b"printed"


def fork_and_return(_: bytes) -> bytes:
    """Both the child and its fork come back from here."""
    return b"forked" if os.fork() else b"the fork"


def fork_and_stay(gate: bytes) -> bytes:
    """A descendant holds the child's sockets, and the child dies."""
    if os.fork() == 0:
        wait_at(gate)
        os._exit(0)
    os._exit(7)


def outlive_process(_: bytes) -> bytes:
    """Its process has ended before the fork returns here."""
    os.register_at_fork(after_in_parent=lambda: os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT))
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return b"outlived"


def thread(argument: bytes) -> bytes:
    answers: list[bytes] = []
    worker = threading.Thread(target=lambda: answers.append(argument.upper()))
    worker.start()
    worker.join()
    return answers[0]


def use_process(argument: bytes) -> bytes:
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=lambda: sender.send_bytes(argument.upper()))
    process.start()
    process.join()
    return receiver.recv_bytes()


def terminate_at_once(times: bytes) -> bytes:
    """Processes that it forks."""
    for _ in range(int(times)):
        pid = os.fork()
        if pid == 0:
            while True:
                time.sleep(1)
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
    return b"terminated"


def use_multiprocessing(argument: bytes) -> bytes:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return b",".join(pool.map(bytes.upper, argument.split(b",")))


def exhaust_descriptors(_: bytes) -> bytes:
    """Leaves none that could be opened."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 8, most))
    try:
        while True:
            LEFT_OPEN.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return b"none left"


LEFT_OPEN: list[int] = []


def close_everything(_: bytes) -> bytes:
    os.closerange(3, 1024)
    return b"closed"


async def async_sleep(seconds: bytes) -> bytes:
    import asyncio  # see `Run.coroutine`

    await asyncio.sleep(float(seconds))
    return b"slept"


async def async_escape(argument: bytes) -> bytes:
    raise LookupError(argument.decode())


async def async_spin(seconds: bytes) -> bytes:
    """Keeps the event loop from turning."""
    return spin(seconds)


async def async_nested(seconds: bytes) -> bytes:
    """Waits for a task of its own, with a time-out of its own."""
    import asyncio  # see `Run.coroutine`

    async with asyncio.timeout(float(seconds)):
        await asyncio.create_task(async_sleep(seconds))
    return b"slept"


async def async_twice(seconds: bytes) -> bytes:
    """Heeds the soft limit, and sleeps again."""
    try:
        return await async_sleep(b"60")
    except SoftTimeLimitExceeded:
        return b"soft limit, then " + await async_sleep(seconds)
