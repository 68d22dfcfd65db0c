"""What a conversion can fail with, beside the registry's own errors."""

from __future__ import annotations

from registry.errors import RegistryError


class NotConvertible(RegistryError):
    """No recipe makes an OpenVINO model of these files."""

    status = 422


class NeedsRemoteCode(NotConvertible):
    """The model comes with code of its own, which nobody has allowed to run."""

    status = 422


class NotEnoughMemory(RegistryError):
    """details: needed_bytes, available_bytes."""

    status = 507


class ConverterUnavailable(RegistryError):
    """The converter's packages could not be installed."""

    status = 502


class ConversionFailed(RegistryError):
    """The export ended without a model, or with one that does not work."""

    status = 500
