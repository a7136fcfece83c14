"""The command `runtime`. Each verb's file says what can be asked for, and calls what does it;
whatever the verbs raise becomes one line and an exit code in `main`."""

from __future__ import annotations

import click

from brokers.errors import BrokerMisconfigured, BrokerRefused, BrokerUnavailable
from runtime.cli.exitcodes import ClientExit
from runtime.cli.root import root
from runtime.errors import ImproperlyConfigured
from runtime.worker.exitcodes import ExitCode


def main() -> int:
    """Run the command line of this process; its exit code."""
    try:
        return root.main(prog_name="runtime", standalone_mode=False) or ExitCode.OK
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return ExitCode.USAGE
    except click.NoSuchOption as error:
        hint = "; -A goes before the verb" if error.option_name in ("-A", "--app") else ""
        return refuse(error.format_message().rstrip(".") + hint, ExitCode.USAGE)
    except click.ClickException as error:
        return refuse(error.format_message(), ExitCode.USAGE)
    except (ImproperlyConfigured, BrokerMisconfigured) as error:
        return refuse(str(error), ExitCode.USAGE)
    except BrokerRefused as error:
        return refuse(str(error), ExitCode.BROKER_REFUSED)
    except BrokerUnavailable as error:
        return refuse(str(error), ExitCode.BROKER_GONE)
    except click.Abort:
        return ClientExit.INTERRUPTED


def refuse(reason: str, code: int) -> int:
    """Say on stderr, in one line, why not; `code`."""
    click.echo(f"runtime: error: {' '.join(reason.split())}", err=True)
    return code
