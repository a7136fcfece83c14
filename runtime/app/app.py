"""App: the tasks of a project, its settings, and its connections to the broker and the results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from runtime import hooks
from runtime.app import builtins, django_project, shared
from runtime.app.autodiscover import Discovery, Packages
from runtime.app.eager import Eager
from runtime.app.modules import import_named
from runtime.app.naming import task_name
from runtime.app.sender import Call, Messages, Sender
from runtime.app.task import Task
from runtime.bootsteps.additions import Additions
from runtime.canvas.signature import Signature
from runtime.current_app import set_app
from runtime.errors import AlreadyRegistered
from runtime.execution import current
from runtime.protocol.bounds import check_arguments, check_text
from runtime.results.async_result import AsyncResult as Result
from runtime.results.group_result import GroupResult
from runtime.results.store import ResultStore
from runtime.settings import Settings
from runtime.settings import source as settings_source

if TYPE_CHECKING:
    import click

    from runtime.bootsteps.step import Step
    from runtime.remote.control import Control

BY_NAME = "options go by their names, as in @app.task(name='proj.add')"


class App:
    """Make one for each project: `app = App("proj", broker="redis://…", backend="redis://…")`.

    main: stands for `__main__` in the names of tasks. include: modules with tasks, imported by
    `load()`. Further keywords are settings. Connects on first use; safe for threads and after a fork.
    """

    def __init__(
        self,
        main: str | None = None,
        *,
        broker: str | None = None,
        backend: str | None = None,
        include: Iterable[str] = (),
        set_as_current: bool = True,
        **settings: Any,
    ) -> None:
        self.main = main
        self.conf = Settings(settings)
        self.tasks: dict[str, Task] = {}
        self._discoveries: list[Discovery] = []
        if broker is not None:
            self.conf.broker_url = broker
        if backend is not None:
            self.conf.result_backend = backend
        if include:
            self.conf.include = [include] if isinstance(include, str) else list(include)
        self.steps: dict[str, Additions[type[Step[Any]]]] = {"worker": Additions(), "consumer": Additions()}
        """Bootsteps of its own, for each blueprint of a worker (`runtime.bootsteps`)."""
        self.user_options: dict[str, Additions[click.Parameter]] = {"worker": Additions()}
        """Options of its own for `runtime start`: click.Option objects."""
        self.periodic_tasks: dict[str, tuple[Any, Signature]] = {}
        """By name: the schedule and what is sent, beside those of the setting `beat_schedule`."""
        self.results = ResultStore(self.conf)
        self.eager = Eager(self)
        self.sender = Sender(self.conf, self.tasks, self.results, self.eager)
        builtins.register(self)
        shared.adopt(self)
        if set_as_current:
            self.set_current()

    def set_current(self) -> None:
        """Make it the one that shared tasks belong to, and signatures of no app."""
        set_app(self)

    @property
    def current_task(self) -> Task | None:
        """The task that runs in this thread."""
        return current.task()

    def config_from_object(self, source: Any, namespace: str | None = None) -> None:
        """Settings from a module's name, an object or a dict; see runtime.settings.source.read.
        Raises ImproperlyConfigured."""
        self.conf.update(settings_source.read(source, namespace))
        self._annotate(self.tasks.values())

    def autodiscover_tasks(self, packages: Packages = None, related_name: str | None = "tasks") -> None:
        """`load` will import the module of that name in each of the packages which has one. None: in the
        apps of the Django project."""
        self._discoveries.append(Discovery(packages, related_name))

    def load(self) -> None:
        """Set up Django, if the environment names a project; import the modules of the settings `imports`
        and `include`, and those to be discovered. Raises ImproperlyConfigured for one that there is not, and
        what they raise themselves."""
        django_project.set_up()
        hooks.import_modules.send(self)
        for setting in ("imports", "include"):
            import_named(self.conf[setting], by=setting)
        for discovery in self._discoveries:
            import_named(discovery.modules(), by="autodiscover_tasks")
        self._annotate(self.tasks.values())

    # --- tasks

    @overload
    def task(self, function: Callable[..., Any], /) -> Task: ...
    @overload
    def task(
        self, function: None = None, /, *, name: str | None = None, base: type[Task] = Task, **options: Any
    ) -> Callable[[Callable[..., Any]], Task]: ...
    def task(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        name: str | None = None,
        base: type[Task] = Task,
        **options: Any,
    ) -> Task | Callable[[Callable[..., Any]], Task]:
        """Make a function a task. Options: the attributes of Task.

        Raises AlreadyRegistered if another function has the name, ImproperlyConfigured for an option
        that does not exist.
        """

        def register(function: Callable[..., Any]) -> Task:
            if not callable(function):
                raise TypeError(f"a task is made of a function, not of {function!r:.100}; {BY_NAME}")
            if not name and not hasattr(function, "__name__"):
                raise TypeError(f"{function!r:.100} has no name: give it one, name=…")
            own_name = name or task_name(self.main, function.__module__, function.__name__)
            return self._register(base(self, own_name, function, options))

        return register if function is None else register(function)

    def register_task(self, task: type[Task]) -> Task:
        """A class with a `run` method, as a task."""
        name = getattr(task, "name", None) or task_name(self.main, task.__module__, task.__name__)
        return self._register(task(self, name, None, {}))

    def _register(self, task: Task) -> Task:
        known = self.tasks.setdefault(task.name, task)
        if known is not task and _origin(known) != _origin(task):
            raise AlreadyRegistered(f"task {task.name} is {_origin(known)} already, so not {_origin(task)}")
        self._annotate([task])
        return known

    def _annotate(self, tasks: Iterable[Task]) -> None:
        """Set what `task_annotations` says, which may be known later than the tasks are."""
        for annotation in self.conf.task_annotations:
            for task in tasks:
                if isinstance(annotation, Mapping):
                    task.annotate({**annotation.get("*", {}), **annotation.get(task.name, {})})
                else:
                    task.annotate(annotation.annotate(task) or {})

    # --- sending

    def send_task(
        self,
        name: str,
        args: tuple[Any, ...] | list[Any] | None = None,
        kwargs: dict[str, Any] | None = None,
        **options: Any,
    ) -> Result:
        """Send a task by its name, known here or not. Options and errors: see Task.apply_async."""
        args, kwargs = args or (), kwargs or {}
        check_text("a task's name", name)
        check_arguments(args, kwargs)
        task = self.tasks.get(name)
        declared = None if task is None else task.declared
        return self.sender.send(name, tuple(args), dict(kwargs), options, declared)

    def send_many(
        self,
        calls: Iterable[Call | Signature],
        *,
        retry: bool | None = None,
        retry_policy: Mapping[str, Any] | None = None,
    ) -> list[Result]:
        """Send many in one round trip (or one for each megabyte): signatures, or tuples of a task (or its
        name), args and kwargs. Results in the same order. Nothing is sent if one of them is wrong.
        retry, retry_policy: as of Task.apply_async.

        Raises TypeError for wrong arguments, EncodeError, BrokerError.
        """
        return self.sender.send_many(calls, {"retry": retry, "retry_policy": retry_policy})

    def signature(
        self,
        task: str | Mapping[str, Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Signature:
        """A call by name, or a stored one, that can be sent."""
        if isinstance(task, str):
            immutable = bool(options.pop("immutable", False))
            return Signature(task, args, kwargs, options, immutable=immutable, sender=self.sender)
        return Signature.from_dict(task, sender=self.sender).clone(args, kwargs, **options)

    def add_periodic_task(
        self,
        schedule: Any,
        call: Signature | Task,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        name: str | None = None,
        **options: Any,
    ) -> str:
        """Have `runtime beat` send it. schedule: seconds, a timedelta, or a `runtime.crontab`. Returns its
        name; another one of that name is replaced."""
        if not isinstance(call, Signature | Task):
            raise TypeError(f"a periodic task is a task or its signature, not {call!r:.100}")
        signature = call if isinstance(call, Signature) else self.signature(call.name)
        name = name or repr(signature)
        self.periodic_tasks[name] = (schedule, signature.clone(args, kwargs, **options))
        return name

    def messages(
        self,
        signature: Signature | Mapping[str, Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Messages:
        """What sends a signature; see Sender.messages."""
        return self.sender.messages(signature, args, kwargs, **options)

    @cached_property
    def control(self) -> Control:
        """Tells workers what to do, and asks them how they are."""
        from runtime.remote.control import Control

        return Control(self.conf)

    def AsyncResult(self, task_id: str) -> Result:
        return Result(task_id, app=self)

    @cached_property
    def GroupResult(self) -> type[GroupResult]:
        """The class, for results of this app: `app.GroupResult.restore(id)`."""
        return type("GroupResult", (GroupResult,), {"app": self})

    def close(self) -> None:
        """Close its connections; using it opens new ones."""
        self.sender.close()
        self.results.close()

    def __repr__(self) -> str:
        return f"<App {self.main or '__main__'}>"


def _origin(task: Task) -> str:
    function = getattr(task, "__wrapped__", type(task))
    return f"{function.__module__}.{function.__qualname__}"
