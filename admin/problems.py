"""Errors of the registry and the configuration, in the reader's language.

Both carry an English sentence. A catalogue may have a better one for a kind of error (`problem.<type>`), built from the
error's details; without one the English sentence stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from admin import formats
from admin.i18n import Translator
from devices.config import ConfigError


def describe(t: Translator, kind: str, message: str, details: Mapping[str, Any]) -> str:
    key = f"problem.{kind}"
    if not t.has(key):
        return message
    values = {
        "message": message,
        "devices": ", ".join(details.get("in_use_by", ())),
        "needed": formats.size(details.get("needed_bytes")),
        "free": formats.size(details.get("free_bytes")),
        "url": details.get("license_url", ""),
    }
    return t(key, **values)


def describe_config(t: Translator, error: ConfigError) -> str:
    place = [str(error.path)]
    if error.line is not None:
        place.append(t("problem.line", line=error.line))
    if error.field:
        place.append(t("problem.field", field=error.field))
    return t("problem.config", place=t("problem.separator").join(place), message=error.message)
