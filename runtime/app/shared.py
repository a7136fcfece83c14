"""`@shared_task`: tasks of a library that knows no app. Each app gets them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, overload
from weakref import WeakSet

from runtime.current_app import get_app

if TYPE_CHECKING:
    from runtime.app.app import App
    from runtime.app.task import Task


class SharedTask:
    """Stands for the task of this function in whichever app is current."""

    def __init__(self, function: Callable[..., Any], options: Mapping[str, Any]) -> None:
        self._function = function
        self._options = options

    def bind(self, app: App) -> Task:
        """Its task in this app; registered there if it is not yet."""
        return app.task(**self._options)(self._function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.bind(get_app())(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bind(get_app()), name)

    def __repr__(self) -> str:
        return f"<@shared_task: {self._function.__module__}.{self._function.__qualname__}>"


_tasks: list[SharedTask] = []
_apps: WeakSet[App] = WeakSet()


def adopt(app: App) -> None:
    """Give an app all shared tasks, those to come included."""
    _apps.add(app)
    for shared in _tasks:
        shared.bind(app)


@overload
def shared_task(function: Callable[..., Any], /) -> SharedTask: ...
@overload
def shared_task(**options: Any) -> Callable[[Callable[..., Any]], SharedTask]: ...
def shared_task(
    function: Callable[..., Any] | None = None, /, **options: Any
) -> SharedTask | Callable[[Callable[..., Any]], SharedTask]:
    """As `app.task`, for every app there is and will be."""

    def share(function: Callable[..., Any]) -> SharedTask:
        if not callable(function):
            raise TypeError(f"a task is made of a function, not of {function!r:.100}")
        shared = SharedTask(function, options)
        _tasks.append(shared)
        for app in list(_apps):
            shared.bind(app)
        return shared

    return share if function is None else share(function)
