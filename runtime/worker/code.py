"""The children's code: what it has told of itself."""

from __future__ import annotations

from collections.abc import Collection

from runtime.execution import manifest
from runtime.execution.manifest import Manifest


class Code:
    """Owned by the supervisor's loop."""

    def __init__(self) -> None:
        self.manifest: Manifest = {}
        """The tasks that there are; `time_limit` of remote control changes them."""
        self.commands: Collection[str] = ()
        """The custom commands."""
        self.loads = 0
        """How many times it has been loaded; 0: not yet."""
        self.is_reloading = False

    def reload(self) -> None:
        """Fresh code has been asked for."""
        self.is_reloading = True

    def loaded(self, hello: bytes) -> None:
        """For the first time, or anew. `hello`: of `pools.interface.Booted`."""
        self.manifest = manifest.read(hello)
        self.commands = manifest.read_commands(hello)
        self.loads += 1
        self.is_reloading = False

    def failed(self) -> None:
        """It could not be loaded; what was there before goes on."""
        self.is_reloading = False
