"""How a call is published: again and again, or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brokers.retry_policy import NO_RETRY, RetryPolicy
from runtime.settings import Settings, kinds


def policy_of(conf: Settings, options: Mapping[str, Any]) -> RetryPolicy:
    """By the send options `retry` and `retry_policy`, which go before the settings.

    Raises ValueError for a policy that makes no sense.
    """
    retry = options.get("retry")
    if not (conf.task_publish_retry if retry is None else retry):
        return NO_RETRY
    given = options.get("retry_policy")
    if not given:
        return RetryPolicy(**conf.task_publish_retry_policy)
    try:
        checked = kinds.RETRY_POLICY.read(given)
    except ValueError:
        raise ValueError(f"retry_policy must be {kinds.RETRY_POLICY.expected}; it is {given!r}") from None
    return RetryPolicy(**{**conf.task_publish_retry_policy, **checked})
