from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from runtime import logs
from runtime.errors import ImproperlyConfigured


def run(source: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, whose logging is configured as it likes."""
    program = f"import logging, os\nfrom runtime import logs\n{source}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)


def test_text_goes_to_stderr_with_time_level_and_process() -> None:
    done = run("logs.set_up('INFO'); logging.getLogger('a').info('to %s', 'you'); print(os.getpid())")
    line = done.stderr.rstrip()
    assert line.startswith("[2")
    assert line.endswith(f": INFO/{done.stdout.strip()}] to you")


def test_json_is_one_object_a_line_tracebacks_included() -> None:
    done = run(
        "logs.set_up('warning', 'json')\n"
        "logging.getLogger('a').info('not this')\n"
        "try: 1/0\n"
        "except ZeroDivisionError: logging.getLogger('a.b').exception('two\\nlines')"
    )
    (line,) = done.stderr.splitlines()
    entry = json.loads(line)
    assert entry["level"] == "error"
    assert entry["logger"] == "a.b"
    assert entry["message"] == "two\nlines"
    assert entry["exception"].endswith("ZeroDivisionError: division by zero")
    assert entry["time"].endswith("Z")


def test_a_log_file_is_appended_to_and_may_be_rotated_away(tmp_path: Path) -> None:
    log, rotated = tmp_path / "log", tmp_path / "log.1"
    log.write_text("before\n")
    run(
        f"logs.set_up('info', 'text', {str(log)!r})\n"
        "logging.info('one')\n"
        f"os.rename({str(log)!r}, {str(rotated)!r})\n"
        "logging.info('two')"
    )
    assert [line.split()[-1] for line in rotated.read_text().splitlines()] == ["before", "one"]
    assert [line.split()[-1] for line in log.read_text().splitlines()] == ["two"]


@pytest.mark.parametrize("name", ["info", "INFO", "Info"])
def test_levels_are_named_in_any_case(name: str) -> None:
    assert logs.level_number(name) == logging.INFO


def test_bad_levels_formats_and_files_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="log level 'loud' is none of debug, info"):
        logs.set_up("loud")
    with pytest.raises(ImproperlyConfigured, match="log format 'xml' is none of text, json"):
        logs.set_up("info", "xml")
    with pytest.raises(ImproperlyConfigured, match="cannot be written: Is a directory"):
        logs.set_up("info", "text", str(tmp_path))
