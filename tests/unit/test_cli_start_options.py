"""What `runtime start` makes of its options and environment."""

from __future__ import annotations

from typing import Any

import click
import pytest

from runtime.cli.start import start


def parsed(
    arguments: list[str], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return start.make_context("start", arguments).params


def test_every_option_has_an_environment_variable_that_its_help_names() -> None:
    context = click.Context(start)
    for option in start.params:
        variable = f"RUNTIME_{option.opts[-1].removeprefix('--').replace('-', '_').upper()}"
        assert option.envvar == variable
        assert f"env var: {variable}" in option.get_help_record(context)[1]  # type: ignore[index]


def test_options_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"RUNTIME_CONCURRENCY": "3", "RUNTIME_QUEUES": "a, b,", "RUNTIME_WITHOUT_GOSSIP": "1"}
    params = parsed(["-c", "5"], environment, monkeypatch)
    assert params["concurrency"] == 5
    assert params["queues"] == ("a", "b")
    assert params["without_gossip"] is True
    assert params["without_mingle"] is False


@pytest.mark.parametrize(("value", "multiplier"), [("auto", "auto"), ("0", 0), ("4", 4)])
def test_prefetch_is_auto_or_a_number(
    value: str, multiplier: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert parsed(["--prefetch-multiplier", value], {}, monkeypatch)["prefetch_multiplier"] == multiplier


@pytest.mark.parametrize(
    "arguments",
    [
        ["--prefetch-multiplier", "-1"],
        ["-c", "0"],
        ["--pool", "puddle"],
        ["--loglevel", "loud"],
        ["--log-format", "xml"],
        ["--time-limit", "0"],
        ["--grace", "-1"],
        ["--max-tasks-per-child", "none"],
    ],
)
def test_values_that_make_no_sense_are_refused(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(click.BadParameter):
        parsed(arguments, {}, monkeypatch)
