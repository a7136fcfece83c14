"""Every setting once: name, kind, default, meaning."""

from __future__ import annotations

from runtime.settings.settings import DEFINITIONS, SettingHasNoEffect, Settings

__all__ = ["DEFINITIONS", "SettingHasNoEffect", "Settings"]
