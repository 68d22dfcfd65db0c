"""What the server says at the terminal once it listens: where it is managed, where its devices answer."""

from __future__ import annotations

import argparse

from configuration.device_config import Configuration
from configuration.gateway_config import GatewaySettings
from web.listening import is_loopback, reachable_address


def banner(
    options: argparse.Namespace,
    port: int,
    configuration: Configuration,
    *,
    scheme: str = "http",
    first_key: str | None = None,
    gateway: GatewaySettings | None = None,
) -> str:
    base = f"{scheme}://{reachable_address(options.host)}"
    lines = ["OpenVINO Multi-Model Server", f"  manage   {base}:{port}"]
    for name, settings in configuration.devices.items():
        lines.append(f"  {name:<8} {_describe(options, settings.enabled, bool(settings.models), base, settings.port)}")
    if gateway is not None and gateway.enabled and not options.no_devices:
        address = f"{scheme}://{reachable_address(gateway.host)}:{gateway.port}"
        lines.append(f"  gateway  {address}   (all devices; OpenAI: /v1, Ollama: /api)")
    lines.append(f"  data     {options.data_dir.resolve()}")
    if not is_loopback(options.host):
        lines.append(f"  Others can reach this machine at {options.host}; they need a key.")
    if first_key is not None:
        lines.append(f"  key      {first_key}")
        lines.append("           It is shown this once: keep it. It logs in on the page and lets programs in.")
    lines.append("  Ctrl-C stops everything.")
    return "\n".join(lines)


def _describe(options: argparse.Namespace, enabled: bool, has_models: bool, base: str, port: int) -> str:
    if options.no_devices:
        return "not started (--no-devices)"
    if not enabled:
        return "switched off"
    if not has_models:
        return "no model assigned"
    return f"{base}:{port}   (OpenAI: /v1, Ollama: /api)"
