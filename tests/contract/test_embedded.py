"""The embedded broker, with real processes: found or started, private, outliving, ending by itself."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from brokers import embedded, registry
from brokers.interface import BrokerRefused, Push
from tests.support.waiting import wait_until

USER = """
import sys
from brokers import registry
from brokers.interface import Push
publisher = registry.open_publisher(sys.argv[1])
publisher.publish([Push("q", sys.argv[2].encode())])
print("published", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def directory() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="rt-", dir="/tmp"))
    yield directory
    embedded.stop(f"embedded://{directory}")
    shutil.rmtree(directory)


@pytest.fixture
def url(directory: Path) -> str:
    return f"embedded://{directory}"


@pytest.fixture
def use() -> Iterator[Callable[[str, str], subprocess.Popen[str]]]:
    """Starts processes that use the URL and publish one message, then live until their input ends."""
    users: list[subprocess.Popen[str]] = []

    def start(url: str, message: str) -> subprocess.Popen[str]:
        user = subprocess.Popen(
            [sys.executable, "-c", USER, url, message],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        users.append(user)
        return user

    yield start
    for user in users:
        user.kill()
        user.communicate()


def published(user: subprocess.Popen[str]) -> None:
    """Wait until it has."""
    assert user.stdout is not None
    assert user.stdout.readline() == "published\n"


def end(user: subprocess.Popen[str]) -> None:
    user.communicate("")
    assert user.returncode == 0


def servers(directory: Path) -> list[int]:
    """The pids of all servers whose files are there."""
    return [
        pid for pid, words in _processes() if words[0].endswith("valkey-server") and _cwd(pid) == directory
    ]


def guardians(directory: Path) -> list[int]:
    return [pid for pid, words in _processes() if str(directory / "broker") in words and words[1:2] == ["-I"]]


def _processes() -> Iterator[tuple[int, list[str]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_text().split("\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            # Valkey replaces its command line by `<binary> unixsocket:<path>`.
            yield int(entry.name), words[0].split(" ") + words[1:]


def _cwd(pid: int) -> Path | None:
    try:
        return Path(os.readlink(f"/proc/{pid}/cwd")).parent
    except (FileNotFoundError, ProcessLookupError):
        return None


def length(url: str) -> int:
    publisher = registry.open_publisher(url)
    try:
        return publisher.length("q")
    finally:
        publisher.close()


def test_is_started_by_its_first_use_and_found_by_the_next(directory: Path, url: str) -> None:
    address = registry.locate(url)
    assert registry.locate(url) == address
    assert address.path == str(directory / "broker" / "server.sock")
    assert len(servers(directory)) == len(guardians(directory)) == 1
    assert length(url) == 0


def test_processes_that_start_it_at_once_get_one_server(
    directory: Path, url: str, use: Callable[[str, str], subprocess.Popen[str]]
) -> None:
    users = [use(url, str(number)) for number in range(6)]
    for user in users:
        published(user)
    assert length(url) == 6
    wait_until(lambda: len(guardians(directory)) == 1)
    assert len(servers(directory)) == 1


def test_threads_that_start_it_at_once_get_one_server(directory: Path, url: str) -> None:
    threads = [threading.Thread(target=registry.locate, args=(url,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(servers(directory)) == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_outlives_the_process_that_started_it(
    directory: Path, url: str, use: Callable[[str, str], subprocess.Popen[str]], number: signal.Signals
) -> None:
    starter = use(url, "1")
    published(starter)
    other = use(url, "2")
    published(other)
    (server,) = servers(directory)
    starter.send_signal(number)
    starter.wait()
    assert length(url) == 2
    assert servers(directory) == [server]


def test_holds_no_descriptor_of_its_starter(url: str) -> None:
    """A starter whose output is a pipe ends for its reader, too, with the starter."""
    program = "import sys; from brokers import registry; registry.locate(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", program, url],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=20,
        check=True,
    )


def test_ends_when_nobody_uses_it(
    directory: Path, url: str, use: Callable[[str, str], subprocess.Popen[str]]
) -> None:
    killed, ended = use(url + "?linger=0.4", "1"), use(url + "?linger=0.4", "2")
    published(killed)
    published(ended)
    (server,) = servers(directory)
    killed.kill()
    killed.wait()
    # Well past the time for which it would stay without users.
    with pytest.raises(AssertionError):
        wait_until(lambda: not servers(directory), timeout=1.5)
    assert servers(directory) == [server]
    end(ended)
    wait_until(lambda: not servers(directory) and not guardians(directory))
    assert not (directory / "broker" / "server.sock").exists()
    assert length(url) == 2


def test_stays_for_those_who_know_only_its_socket(
    directory: Path, url: str, use: Callable[[str, str], subprocess.Popen[str]]
) -> None:
    user = use(url + "?linger=0.4", "1")
    published(user)
    from redis import Redis

    with Redis(unix_socket_path=str(directory / "broker" / "server.sock")) as client:
        assert client.llen("q") == 1
        end(user)
        with pytest.raises(AssertionError):
            wait_until(lambda: not servers(directory), timeout=1.5)
        assert client.llen("q") == 1
    wait_until(lambda: not servers(directory))


def test_comes_back_by_itself_when_it_is_killed(directory: Path, url: str) -> None:
    publisher = registry.open_publisher(url)
    publisher.publish([Push("q", b"1")])
    _on_disk(directory)
    (server,) = servers(directory)
    os.kill(server, signal.SIGKILL)
    wait_until(lambda: servers(directory) not in ([server], []))
    publisher.publish([Push("q", b"2")])
    assert publisher.length("q") == 2
    publisher.close()


def test_comes_back_with_the_next_use_when_all_of_it_is_killed(directory: Path, url: str) -> None:
    publisher = registry.open_publisher(url)
    publisher.publish([Push("q", b"1")])
    publisher.close()
    _on_disk(directory)
    for pid in guardians(directory) + servers(directory):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not servers(directory) and not guardians(directory))
    assert length(url) == 1


def test_a_killed_guardian_is_replaced_and_the_server_goes_on(directory: Path, url: str) -> None:
    registry.locate(url)
    (server,) = servers(directory)
    (guardian,) = guardians(directory)
    os.kill(guardian, signal.SIGKILL)
    wait_until(lambda: not guardians(directory))
    registry.locate(url)
    assert servers(directory) == [server]
    os.kill(server, signal.SIGKILL)
    wait_until(lambda: servers(directory) not in ([server], []))


def test_stop_ends_also_a_server_that_is_being_started_again(directory: Path, url: str) -> None:
    publisher = registry.open_publisher(url)
    publisher.publish([Push("q", b"it takes a while to load so many")] * 300_000)
    publisher.close()
    (server,) = servers(directory)
    os.kill(server, signal.SIGKILL)
    wait_until(lambda: servers(directory) not in ([server], []))
    embedded.stop(url)
    assert not servers(directory)


def test_stop_ends_it_and_keeps_what_was_sent(directory: Path, url: str) -> None:
    publisher = registry.open_publisher(url)
    publisher.publish([Push("q", b"1")])
    publisher.close()
    embedded.stop(url)
    assert not servers(directory)
    assert not guardians(directory)
    embedded.stop(url)
    assert length(url) == 1


def test_is_private(directory: Path, url: str) -> None:
    (directory / "broker").mkdir(mode=0o755)
    registry.locate(url)
    assert stat.S_IMODE((directory / "broker").stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / "broker" / "server.sock").stat().st_mode) == 0o600
    (server,) = servers(directory)
    sockets = [os.readlink(entry) for entry in Path(f"/proc/{server}/fd").iterdir()]
    inodes = {name[8:-1] for name in sockets if name.startswith("socket:")}
    tcp = [line.split()[9] for file in ("tcp", "tcp6") for line in _lines(f"/proc/net/{file}")]
    assert not inodes & set(tcp)


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()[1:]


def test_a_long_path_gets_a_short_private_socket(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory))
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    address = registry.locate(f"embedded://{deep}")
    try:
        assert address.path is not None
        socket = Path(address.path)
        assert socket.is_relative_to(directory)
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        assert (deep / "broker" / "appendonlydir").is_dir()
    finally:
        embedded.stop(f"embedded://{deep}")


def test_the_default_place(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(directory))
    address = registry.locate("embedded://")
    embedded.stop("embedded://")
    assert address.path == str(directory / "runtime" / "broker" / "server.sock")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(directory))
    address = registry.locate("embedded://")
    embedded.stop("embedded://")
    assert address.path == str(directory / ".local/state/runtime/broker/server.sock")


def test_options_and_database(url: str) -> None:
    address = registry.locate(f"{url}?db=3&linger=30", {"global_keyprefix": "p-"})
    assert (address.db, address.transport.global_keyprefix) == (3, "p-")


def test_results_are_there_too(url: str) -> None:
    results = registry.open_results(url)
    assert results.get("none") is None
    results.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("embedded://some/dir", "embedded:///some/dir"),
        ("embedded:///some/dir?linger=x", "linger='x'.*seconds"),
        ("embedded:///some/dir?lingr=1", "'lingr'"),
    ],
)
def test_wrong_urls_are_named(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        registry.locate(url)


def test_a_place_that_is_a_file_is_refused(directory: Path) -> None:
    (directory / "file").touch()
    with pytest.raises(BrokerRefused, match=rf"{directory}/file/broker"):
        registry.locate(f"embedded://{directory}/file")


def test_the_place_of_another_user_is_refused(directory: Path, url: str) -> None:
    (directory / "elsewhere").mkdir()
    (directory / "broker").symlink_to(directory / "elsewhere")
    with pytest.raises(BrokerRefused, match="not a directory of this user"):
        registry.locate(url)
    (directory / "broker").unlink()


def test_a_server_that_does_not_come_up_says_why(directory: Path, url: str) -> None:
    publisher = registry.open_publisher(url)
    publisher.publish([Push("q", b"1")])
    publisher.close()
    embedded.stop(url)
    for file in (directory / "broker" / "appendonlydir").glob("*.manifest"):
        file.write_text("nonsense\n")
    with pytest.raises(BrokerRefused, match=r"(?s)did not start.*manifest"):
        registry.locate(url)


def _on_disk(directory: Path) -> None:
    """Until the server has synced its file, which it does every second."""
    files = directory / "broker" / "appendonlydir"
    wait_until(lambda: any(b"LPUSH" in file.read_bytes() for file in files.glob("*.incr.aof")))
