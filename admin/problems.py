"""A broken configuration in the reader's language."""

from __future__ import annotations

from configuration.device_config import ConfigError
from i18n.catalogues import Translator


def describe_config(t: Translator, error: ConfigError) -> str:
    place = [str(error.path)]
    if error.line is not None:
        place.append(t("problem.line", line=error.line))
    if error.field:
        place.append(t("problem.field", field=error.field))
    return t("problem.config", place=t("problem.separator").join(place), message=t.say(error.message))
