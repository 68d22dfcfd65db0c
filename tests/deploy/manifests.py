"""The manifests of deploy/kubernetes, read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.docs.pages import PROJECT

KUBERNETES = PROJECT / "deploy" / "kubernetes"
RAY_SERVICE = KUBERNETES / "rayservice.yaml"
KUSTOMIZATION = KUBERNETES / "kustomization.yaml"
OWN_KINDS = sorted(set(KUBERNETES.glob("*.yaml")) - {RAY_SERVICE, KUSTOMIZATION})

Manifest = dict[str, Any]


def documents(path: Path) -> list[Manifest]:
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]


def by_kind(kind: str) -> list[Manifest]:
    return [each for path in OWN_KINDS for each in documents(path) if each["kind"] == kind]


def ray_cluster() -> Manifest:
    [service] = documents(RAY_SERVICE)
    return service["spec"]["rayClusterConfig"]


def ray_pods() -> list[Manifest]:
    cluster = ray_cluster()
    return [cluster["headGroupSpec"]["template"], *(group["template"] for group in cluster["workerGroupSpecs"])]


def pods() -> list[Manifest]:
    """The template of every pod."""
    own = [each["spec"]["template"] for kind in ("Deployment", "Job") for each in by_kind(kind)]
    return [*own, *ray_pods()]


def containers(pod: Manifest) -> Iterator[Manifest]:
    yield from pod["spec"].get("initContainers", [])
    yield from pod["spec"]["containers"]
