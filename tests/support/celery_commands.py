"""Runs many command lines of stock Celery in one process: its start takes a second. Lists of words as JSON on
stdin; [exit code, what was printed] of each on stdout."""

from __future__ import annotations

import json
import sys

from celery.bin.celery import celery
from click.testing import CliRunner

if __name__ == "__main__":
    done = [
        CliRunner().invoke(celery, ["-A", "tests.support.celery_app", *line]) for line in json.load(sys.stdin)
    ]
    json.dump([[each.exit_code, each.stdout] for each in done], sys.stdout)
