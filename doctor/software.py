"""Python and the packages, against what requirements.txt asks for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from doctor.findings import Finding

OLDEST, NEWEST = (3, 10), (3, 13)
_REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements.txt"
_TOGETHER = ("openvino", "openvino-genai", "openvino-tokenizers")


def examine_python(version: tuple[int, int] = sys.version_info[:2], full: str = sys.version.split()[0]) -> Finding:
    values = {"version": full, "oldest": "{}.{}".format(*OLDEST), "newest": "{}.{}".format(*NEWEST)}
    if not OLDEST <= version <= NEWEST:
        return Finding("python_unsuitable", "problem", "software", values, advice="advice")
    return Finding("python_ok", "ok", "software", values)


def examine_packages(
    requirements: Path = _REQUIREMENTS, version_of: Callable[[str], str] = metadata.version
) -> list[Finding]:
    """Each missing or unsuitable package; versions of OpenVINO's parts that do not go together."""
    findings = []
    for line in requirements.read_text(encoding="utf-8").splitlines():
        try:
            requirement = Requirement(line.strip())
        except InvalidRequirement:
            continue
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        finding = _examine(requirement, version_of)
        if finding is not None:
            findings.append(finding)
    findings.extend(_openvino_parts(version_of))
    return findings or [Finding("packages_ok", "ok", "software", {"genai": _version("openvino-genai", version_of)})]


def _examine(requirement: Requirement, version_of: Callable[[str], str]) -> Finding | None:
    values: dict[str, object] = {"package": requirement.name, "wanted": str(requirement.specifier) or "–"}
    try:
        values["version"] = version_of(requirement.name)
    except metadata.PackageNotFoundError:
        return Finding("package_missing", "problem", "software", values, requirement.name, "advice", _install())
    if requirement.specifier.contains(str(values["version"]), prereleases=True):
        return None
    return Finding("package_version", "warning", "software", values, requirement.name, "advice", _install())


def _openvino_parts(version_of: Callable[[str], str]) -> list[Finding]:
    """A release's parts have the same year, number and patch, or loading fails with words nobody understands."""
    versions = {name: _version(name, version_of) for name in _TOGETHER}
    releases = {".".join(version.split(".")[:3]) for version in versions.values() if version}
    if len(releases) <= 1:
        return []
    listed = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    return [Finding("openvino_mixed", "problem", "software", {"versions": listed}, None, "advice", _install())]


def _version(name: str, version_of: Callable[[str], str]) -> str:
    try:
        return version_of(name)
    except metadata.PackageNotFoundError:
        return ""


def _install() -> str:
    return f'"{sys.executable}" -m pip install -r requirements.txt'
