"""Log lines of supervisor and children: as text or JSON, to stderr or appended to a file."""

from __future__ import annotations

import logging
import time

import orjson

from runtime import hooks
from runtime.errors import ImproperlyConfigured

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}
TEXT = "[%(asctime)s: %(levelname)s/%(process)d] %(message)s"


TASKS = "celery.task"
"""The logger that Celery puts those of tasks under."""


class JsonFormatter(logging.Formatter):
    """One object a line: time (ISO 8601, UTC), level, logger, process (its id), message, and
    exception, the traceback, if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


def _text() -> logging.Formatter:
    return logging.Formatter(TEXT)


FORMATS = {"text": _text, "json": JsonFormatter}


def level_number(name: str) -> int:
    """Of a level's name in any case. Raises ImproperlyConfigured."""
    number = LEVELS.get(name.lower())
    if number is None:
        raise ImproperlyConfigured(f"log level {name!r} is none of {', '.join(LEVELS)}")
    return number


def set_up(level: str, log_format: str = "text", logfile: str | None = None) -> None:
    """Send every logger's lines of at least this level to stderr, or to the end of `logfile`,
    which may be rotated away. Replaces what was configured before. Raises ImproperlyConfigured."""
    number = level_number(level)
    if log_format not in FORMATS:
        raise ImproperlyConfigured(f"log format {log_format!r} is none of {', '.join(FORMATS)}")
    handler = _file_handler(logfile) if logfile else logging.StreamHandler()
    handler.setFormatter(FORMATS[log_format]())
    logging.basicConfig(level=number, handlers=[handler], force=True)


def hand_over(level: str, log_format: str, logfile: str | None) -> None:
    """Once the user's modules are imported: to the hooks, whose functions are in these."""
    given = {
        "loglevel": level_number(level),
        "logfile": logfile,
        "format": TEXT if log_format == "text" else log_format,
        "colorize": False,
    }
    root = logging.getLogger()
    if hooks.setup_logging.handlers:
        for handler in list(root.handlers):
            root.removeHandler(handler)
            handler.close()
        hooks.setup_logging.send(None, **given)
    else:
        hooks.after_setup_logger.send(None, logger=root, **given)
        hooks.after_setup_task_logger.send(None, logger=logging.getLogger(TASKS), **given)


def _file_handler(logfile: str) -> logging.Handler:
    from logging.handlers import WatchedFileHandler

    try:
        return WatchedFileHandler(logfile)
    except OSError as error:
        raise ImproperlyConfigured(f"log file {logfile!r} cannot be written: {error.strerror}") from None
