"""Exit codes are part of what users rely on."""

from __future__ import annotations

import re
from pathlib import Path

from runtime.cli.exitcodes import ClientExit
from runtime.worker.exitcodes import ExitCode

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_lists_each_with_its_names() -> None:
    rows = re.findall(r"^\| (\d+) \| (`[A-Z].*?`) \| ", README.read_text(), re.MULTILINE)
    listed = {(name, int(code)) for code, names in rows for name in re.findall(r"\w+", names)}
    codes = {**ExitCode.__members__, **ClientExit.__members__}
    assert listed == {(name, code.value) for name, code in codes.items()}
