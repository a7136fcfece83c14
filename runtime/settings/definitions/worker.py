"""Settings of the worker."""

from __future__ import annotations

from runtime.settings.kinds import BOOLEAN, SECONDS, TEXT, either, one_of, optional, whole
from runtime.settings.setting import Setting

WORKER = (
    Setting("worker_concurrency", optional(whole(1)), None, "Slots; None: the CPUs granted to the process."),
    Setting("worker_pool", TEXT, "prefork", "The kind of pool."),
    Setting(
        "worker_prefetch_multiplier",
        either(one_of("auto"), whole(0)),
        "auto",
        "Messages held per slot; 'auto': by how long tasks take, 0: no bound.",
    ),
    Setting("worker_lease", SECONDS, 8.0, "A worker silent for so long has lost its messages to others."),
    Setting(
        "worker_shutdown_grace",
        optional(SECONDS),
        None,
        "How long running tasks may go on after TERM; None: as long as they need.",
    ),
    Setting("worker_max_tasks_per_child", optional(whole(1)), None, "A child is replaced after so many."),
    Setting("worker_max_memory_per_child", optional(whole(1)), None, "Kilobytes of resident memory."),
    Setting("worker_proc_alive_timeout", SECONDS, 60.0, "How long a child may take to start."),
    Setting("worker_hijack_root_logger", BOOLEAN, True, "The worker sets up logging."),
    Setting("worker_redirect_stdouts", BOOLEAN, True, "What tasks print is logged."),
    Setting("worker_redirect_stdouts_level", TEXT, "WARNING", "The level of what tasks print."),
    Setting("worker_log_color", optional(BOOLEAN), None, "Colours; None: if it is a terminal."),
    Setting("worker_disable_rate_limits", BOOLEAN, False, "Ignore the rate limits of tasks."),
    Setting("worker_eta_task_limit", optional(whole(1)), None, "Bound of the tasks held for their ETA."),
)
