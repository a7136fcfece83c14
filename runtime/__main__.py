"""`python -m runtime`: the command without its script."""

from __future__ import annotations

import sys

from runtime.cli import main

sys.exit(main())
