"""What a worker makes of the options and settings about its size."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.errors import ImproperlyConfigured
from runtime.settings import Settings
from runtime.worker.cpus import granted_cpus
from runtime.worker.options import WorkerOptions
from runtime.worker.size import Bounds, Size, size


def sized(settings: dict[str, Any] | None = None, **options: Any) -> Size:
    return size(WorkerOptions("proj", "w@host", **options), Settings(settings or {}))


def test_by_default_as_many_slots_as_cpus() -> None:
    assert sized() == Size("prefork", granted_cpus(), None, None)


def test_options_win_over_settings() -> None:
    settings = {"worker_concurrency": 3, "worker_autoscale": "9,2"}
    assert sized(settings, concurrency=5).slots == 5
    assert sized(settings, autoscale=(7, 1)).bounds == Bounds(7, 1)


def test_autoscale_begins_with_the_fewest_or_what_is_asked_for() -> None:
    assert sized(autoscale=(9, 2)) == Size("prefork", 2, None, Bounds(9, 2))
    assert sized(autoscale=(9, 2), concurrency=4).slots == 4
    assert sized({"worker_concurrency": 20}, autoscale=(9, 2)).slots == 2


def test_autoscale_leaves_a_slot_for_each_child() -> None:
    assert sized(autoscale=(9, 2), processes=4) == Size("prefork", 4, 4, Bounds(9, 4))


def test_solo_has_one_slot_whatever_the_project_has_otherwise() -> None:
    settings = {"worker_concurrency": 8, "worker_processes": 2, "worker_autoscale": "9,2"}
    assert sized(settings, pool="solo") == Size("solo", 1, None, None)


def test_celerys_name_for_prefork() -> None:
    settings = {"worker_pool": "processes", "worker_autoscale": "9,2"}
    assert sized(settings).kind == "prefork"
    assert sized(settings, pool="prefork").bounds == Bounds(9, 2)


@pytest.mark.parametrize(
    ("settings", "options", "reason"),
    [
        ({"worker_pool": "puddle"}, {}, "pool 'puddle' is none of prefork"),
        ({}, {"pool": "solo", "autoscale": (2, 1)}, "a solo pool has one slot"),
        ({}, {"autoscale": (9, 2), "concurrency": 10}, "concurrency 10 is not between 2 and 9"),
        ({}, {"autoscale": (9, 2), "processes": 10}, "processes 10 is more than 9"),
        ({}, {"autoscale": (9, 2), "concurrency": 1}, "concurrency 1 is not between 2 and 9"),
    ],
)
def test_what_does_not_fit_is_refused(settings: dict[str, Any], options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=reason):
        sized(settings, **options)


@pytest.mark.parametrize(
    ("value", "bounds"), [("10,3", (10, 3)), ("10", (10, 1)), (4, (4, 1)), ([5, 5], (5, 5))]
)
def test_bounds_of_autoscale(value: object, bounds: tuple[int, int]) -> None:
    assert Settings({"worker_autoscale": value}).worker_autoscale == bounds


@pytest.mark.parametrize("value", ["3,10", "10,0", "0", "a,b", "1,2,3", "", (2.5, 1), (True, 1), {}])
def test_bounds_that_make_no_sense(value: object) -> None:
    with pytest.raises(ImproperlyConfigured, match="worker_autoscale must be MAX,MIN"):
        Settings({"worker_autoscale": value})
