"""A library whose work is done by GNU OpenMP's threads, as torch's is; made with the machine's compiler."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

COMPILER = shutil.which("gcc")
"""None: this machine has none."""
SOURCE = r"""
int sum(int most) {
    int total = 0;
    #pragma omp parallel for num_threads(4) reduction(+:total)
    for (int each = 1; each <= most; each++)
        total += each;
    return total;
}
"""


def library(directory: Path) -> Path:
    """`int sum(int most)`."""
    assert COMPILER is not None
    made = directory / "openmp.so"
    command = [COMPILER, "-fopenmp", "-shared", "-fPIC", "-x", "c", "-", "-o", str(made)]
    subprocess.run(command, input=SOURCE.encode(), check=True)
    return made
