"""Settings of beat."""

from __future__ import annotations

from runtime.settings.kinds import MAPPING, SECONDS, TEXT
from runtime.settings.setting import Setting

BEAT = (
    Setting(
        "beat_schedule", MAPPING, {}, "Periodic tasks: name → dict of task, schedule, args, kwargs, options."
    ),
    Setting("beat_schedule_filename", TEXT, "runtime-beat.sqlite", "Where beat keeps what was sent last."),
    Setting(
        "beat_max_loop_interval", SECONDS, 0, "Seconds until beat looks at the clock again, at most; 0: 300."
    ),
)
