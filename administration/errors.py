"""What administering can fail with, and the one place that puts it into words: `error.<kind>` of the catalogues."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from configuration.device_config import ConfigError
from configuration.gateway_config import GatewayProblem
from configuration.sampling import PARAMETERS
from i18n.catalogues import Catalogues, Translator
from keys.errors import KeyProblem
from supervision.suite import UnknownDevice
from web.errors import ServiceError

_LOCALES = Path(__file__).resolve().parents[1] / "locales"


class AdministrationError(Exception):
    """`kind` names the message `error.<kind>` and is the error's `type` on the wire, `values` fill its placeholders,
    `status` is the HTTP status that fits. `message`: the sentence itself, where another process has said it."""

    def __init__(self, status: int, kind: str, *, message: str | None = None, **values: object) -> None:
        super().__init__(kind)
        self.status = status
        self.kind = kind
        self.message = message
        self.values = values

    def __str__(self) -> str:
        return explain(self).english


PROBLEMS: tuple[type[Exception], ...] = (
    AdministrationError, ConfigError, GatewayProblem, KeyProblem, ServiceError, UnknownDevice,
)  # fmt: skip
"""What administering raises: its own errors and those of the layers below, which `explain` takes alike."""


@dataclass(frozen=True)
class Problem:
    """An error for a client: HTTP status, stable name, and its sentence in the reader's language. `param`: the field at
    fault."""

    status: int
    kind: str
    sentence: Callable[[Translator], str]
    param: str | None = None

    @property
    def english(self) -> str:
        return self.sentence(_english())


def check_parameters(parameters: Iterable[str]) -> None:
    """Refuses names that neither an alias nor an assignment can set."""
    if unknown := sorted(set(parameters) - set(PARAMETERS)):
        raise AdministrationError(
            422, "unknown_parameter", name=", ".join(unknown), known=", ".join(sorted(PARAMETERS))
        )


def explain(error: Exception) -> Problem:
    """`error` is one of `PROBLEMS`."""
    match error:
        case AdministrationError(message=str(message)):
            return Problem(error.status, error.kind, lambda t: t.say(message))
        case AdministrationError():
            param = error.values.get("param")
            return Problem(
                error.status,
                error.kind,
                lambda t: t(f"error.{error.kind}", **_said(t, error.values)),
                param if isinstance(param, str) else None,
            )
        case ConfigError():
            return Problem(409, "config_broken", lambda t: describe_config(t, error))
        case GatewayProblem():
            return Problem(409, "gateway_broken", lambda t: t("error.gateway_broken", problem=str(error)))
        case KeyProblem():
            return Problem(error.status, error.kind, lambda t: t(f"error.{error.kind}"))
        case ServiceError():
            return Problem(error.status, error.code, lambda t: t.say(error.message))
        case UnknownDevice():
            return Problem(404, "unknown_device", lambda t: t.say(str(error)))
    raise TypeError(f"{type(error).__name__} is no error of administration") from error


def describe_config(t: Translator, error: ConfigError) -> str:
    """A broken configuration in the reader's language."""
    place = [str(error.path)]
    if error.line is not None:
        place.append(t("problem.line", line=error.line))
    if error.field:
        place.append(t("problem.field", field=error.field))
    return t("problem.config", place=t("problem.separator").join(place), message=t.say(error.message))


def _said(t: Translator, values: dict[str, object]) -> dict[str, object]:
    """The values, those that are sentences themselves in the reader's language."""
    return {name: t.say(value) if isinstance(value, str) else value for name, value in values.items()}


@lru_cache(maxsize=1)
def _english() -> Translator:
    english = Catalogues(_LOCALES).get("en")
    assert english is not None
    return english
