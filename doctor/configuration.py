"""device_config.json: whether it can be used, and whether what it names is there."""

from __future__ import annotations

from pathlib import Path

from configuration.device_config import ConfigError, ConfigStore, Configuration
from doctor.findings import Finding


def read_configuration(store: ConfigStore) -> tuple[Configuration | None, list[Finding]]:
    """The configuration as far as it is usable, and what is to be said of the file."""
    values: dict[str, object] = {"path": str(store.path)}
    try:
        configuration = store.load()
    except FileNotFoundError:
        return None, [Finding("config_absent", "note", "configuration", values)]
    except (ConfigError, OSError) as error:
        values["reason"] = str(error)
        try:
            last_good = store.current()
        except (ConfigError, OSError):
            last_good = None
        return last_good, [Finding("config_broken", "problem", "configuration", values, advice="advice")]
    return configuration, [Finding("config_ok", "ok", "configuration", values)]


def examine_assignments(configuration: Configuration, data_dir: Path) -> list[Finding]:
    """Assigned models whose folder is gone."""
    findings = []
    for device, settings in configuration.devices.items():
        for model in settings.models:
            path = data_dir / model.path
            if not path.exists():
                values = {"model": model.id, "device": device, "path": str(path)}
                finding = Finding("model_missing", "warning", "configuration", values, f"{device}-{model.id}", "advice")
                findings.append(finding)
    return findings
