"""Between the supervisor and one child: jobs go down, reports come up.

Jobs travel over a socket pair of type SOCK_SEQPACKET: each send is one frame, each receive takes
one. A frame is the job's id (8 bytes, signed, little-endian) and its payload; a payload longer than
INLINE is not in the frame but in a memory file whose descriptor comes with it (SCM_RIGHTS).

Reports travel over a stream, so that one receive takes many: records of kind (1 byte), job id
(8, signed), time.monotonic() (8, double), length (8), all little-endian, and that many bytes.
"""

from __future__ import annotations

import array
import errno
import mmap
import os
import socket

# As it is before gevent patches it: the child's ends must not wait in gevent's way.
from _socket import socket as RawSocket
from collections.abc import Sequence
from struct import Struct
from typing import NamedTuple

INLINE = 64 * 1024
"""Bytes. Well under the 208 KB that Linux gives to a socket, of which two such frames must fit."""

READY = 0
"""The child has run its after-fork hook and takes jobs."""
STARTED = 1
FINISHED = 2
"""Carries the answer."""
FAILED = 3
"""The after-fork hook failed; carries the traceback as text."""

_ID = Struct("<q")
_HEADER = Struct("<BqdQ")
_ROOM_FOR_FDS = socket.CMSG_SPACE(4 * 4)


class ChildEnds(NamedTuple):
    """Descriptors of what a child holds."""

    jobs: int
    reports: int
    notice: int
    """The memory of its `pools.notice.Notice`."""


class Record(NamedTuple):
    kind: int
    job: int
    at: float
    payload: bytes


def memory_file(data: bytes) -> int:
    """A new descriptor of an anonymous file in memory that holds these bytes."""
    fd = os.memfd_create("runtime")
    with memoryview(data) as rest:
        written = 0
        while written < len(rest):  # one write takes 2 GB at most
            written += os.write(fd, rest[written:])
    return fd


def read_memory_file(fd: int) -> bytes:
    """All that it holds. Closes the descriptor."""
    with open(fd, "rb") as file:
        file.seek(0)
        return file.read()


def map_memory_file(fd: int) -> mmap.mmap:
    """What it holds, mapped and not copied. Closes the descriptor."""
    try:
        return mmap.mmap(fd, 0, prot=mmap.PROT_READ)
    finally:
        os.close(fd)


def descriptors(ancillary: Sequence[tuple[int, int, bytes]]) -> list[int]:
    """Those that came with a message."""
    fds = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return fds.tolist()


class JobSender:
    """The supervisor's end of the jobs. Also holds a duplicate of the child's end: that is how it
    takes back what the child has not read.

    O_NONBLOCK belongs to the socket, not to the descriptor, and the child must block on its end: so
    every call here says MSG_DONTWAIT instead.
    """

    def __init__(self) -> None:
        self._socket, self._far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def far_end(self) -> int:
        """The descriptor to be given to the child."""
        return self._far.fileno()

    def send(self, job: int, payload: bytes) -> bool:
        """False: no room now. Raises OSError when there is no memory for a long payload."""
        try:
            if len(payload) <= INLINE:
                self._socket.send(_ID.pack(job) + payload, socket.MSG_DONTWAIT)
            else:
                self._send_file(job, payload)
        except BlockingIOError:
            return False
        return True

    def _send_file(self, job: int, payload: bytes) -> None:
        fd = memory_file(payload)
        try:
            socket.send_fds(self._socket, [_ID.pack(job)], [fd], socket.MSG_DONTWAIT)
        finally:
            os.close(fd)

    def take_back(self) -> list[int]:
        """Ids of the jobs that the child has not read, which it will now never see."""
        jobs: list[int] = []
        while True:
            try:
                head = self._far.recv(_ID.size, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return jobs
            if not head:
                return jobs
            jobs.append(_ID.unpack(head)[0])

    def end(self) -> None:
        """Tell the child that no more will come."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._socket.close()
        self._far.close()


class JobReceiver:
    """The child's end of the jobs. For one thread; see `share`."""

    def __init__(self, end: RawSocket) -> None:
        self._socket = end
        # Kept for good: a buffer of that size made anew for each receive costs an mmap each time.
        self._buffer = memoryview(bytearray(_ID.size + INLINE))
        self._buffers = [self._buffer]

    def share(self) -> JobReceiver:
        """Of the same jobs, for another thread: each job is received once."""
        return JobReceiver(self._socket)

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self, flags: int = 0) -> tuple[int, memoryview] | None:
        """The next job's id and payload, valid until the next call; None: no more will come.

        flags: socket.MSG_DONTWAIT raises BlockingIOError when there is none now. Raises OSError (EMFILE)
        when this process has no descriptor left for a long payload: it must end, and with no word
        of the job, which another child then gets.
        """
        size, ancillary, said, _ = self._socket.recvmsg_into(
            self._buffers, _ROOM_FOR_FDS, flags | socket.MSG_CMSG_CLOEXEC
        )
        if not size:
            return None
        if said & socket.MSG_CTRUNC:
            raise OSError(errno.EMFILE, "no descriptor left to receive a long payload")
        (job,) = _ID.unpack_from(self._buffer)
        if ancillary:
            return job, memoryview(map_memory_file(descriptors(ancillary)[0]))
        return job, self._buffer[_ID.size : size]


class ReportSender:
    """The child's end of the reports. Each call blocks until the supervisor's socket has it, and
    raises BrokenPipeError when there is no supervisor."""

    def __init__(self, fd: int) -> None:
        self._socket = RawSocket(fileno=fd)

    def send(self, *records: bytes) -> None:
        self._socket.sendall(b"".join(records))


def record(kind: int, job: int, at: float, payload: bytes = b"") -> bytes:
    """One record as it travels."""
    return _HEADER.pack(kind, job, at, len(payload)) + payload


class ReportReceiver:
    """The supervisor's end of the reports of one child.

    buffer: where everything is received first; the pool has one for all its children.
    """

    def __init__(self, buffer: memoryview) -> None:
        self._socket, self._far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._buffer = buffer
        self._rest = bytearray()
        """The beginning of a record whose end has not come."""
        self._needed = 0
        """Bytes of `_rest` at which it is worth another look."""
        self.ended = False
        """The child, and whoever inherited its end, has closed it."""

    def fileno(self) -> int:
        return self._socket.fileno()

    def far_end(self) -> int:
        """The descriptor to be given to the child."""
        return self._far.fileno()

    def close_far_end(self) -> None:
        """Once the child has it; otherwise its death would not be an end."""
        self._far.close()

    def receive(self) -> list[Record]:
        """The records completed by what one read brings; none when there is nothing to read."""
        size = self._read()
        return self._records(size) if size else []

    def drain(self) -> list[Record]:
        """The records completed by all that can be read."""
        records: list[Record] = []
        while size := self._read():
            records += self._records(size)
        return records

    def _read(self) -> int:
        try:
            size = self._socket.recv_into(self._buffer)
        except BlockingIOError:
            return 0
        except ConnectionResetError:  # the child died with jobs unread in its end
            size = 0
        self.ended = not size
        return size

    def _records(self, size: int) -> list[Record]:
        if not self._rest:
            return self._split(self._buffer[:size])
        self._rest += self._buffer[:size]
        if len(self._rest) < self._needed:
            return []
        whole, self._rest = self._rest, bytearray()
        return self._split(memoryview(whole))

    def _split(self, data: memoryview) -> list[Record]:
        records: list[Record] = []
        begin, size = 0, len(data)
        self._needed = _HEADER.size
        while begin + _HEADER.size <= size:
            kind, job, at, length = _HEADER.unpack_from(data, begin)
            payload = begin + _HEADER.size
            end = payload + length
            if end > size:
                self._needed = end - begin
                break
            records.append(Record(kind, job, at, bytes(data[payload:end]) if length else b""))
            begin = end
        if begin < size:
            self._rest = bytearray(data[begin:])
        return records

    def close(self) -> None:
        self._socket.close()
        self._far.close()
