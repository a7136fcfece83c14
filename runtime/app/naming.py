"""The name of a task that was given none: `module.function`."""

from __future__ import annotations


def task_name(main: str | None, module: str, function: str) -> str:
    """In a script, whose module is `__main__`, the app's own name stands for it, so that a worker that
    imports the script finds the task under the same name."""
    return f"{main}.{function}" if module == "__main__" and main else f"{module}.{function}"
