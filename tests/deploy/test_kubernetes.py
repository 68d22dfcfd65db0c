"""The manifests of deploy/kubernetes: valid by Kubernetes' own schemas, hardened, and right about this program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from commands.options import parse_arguments
from configuration.device_config import DEFAULT_PORTS, parse_configuration
from configuration.server_config import ServerConfig
from deploy.ray.node import DATA_DIR_VARIABLE
from deploy.ray.settings import FRONT_RESOURCE, Cluster, resources_of
from tests.deploy.manifests import (
    KUBERNETES,
    KUSTOMIZATION,
    OWN_KINDS,
    RAY_SERVICE,
    Manifest,
    by_kind,
    containers,
    documents,
    pods,
    ray_cluster,
    ray_pods,
)
from tests.docs.pages import PROJECT

VERSIONS = ("1.31", "1.34")
PLUGIN_RESOURCES = {"gpu": "gpu.intel.com/i915", "npu": "npu.intel.com/accel"}
CONFIG: Manifest = by_kind("ConfigMap")[0]["data"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", OWN_KINDS, ids=lambda path: path.name)
def test_manifests_are_valid(path: Path, version: str) -> None:
    for document in documents(path):
        assert kubernetes_validate.validate(document, version, strict=True) == version


@pytest.mark.parametrize("version", VERSIONS)
def test_the_ray_service_is_valid(version: str) -> None:
    schema = json.loads((PROJECT / "tests" / "deploy" / "rayservice.schema.json").read_text(encoding="utf-8"))
    [service] = documents(RAY_SERVICE)
    jsonschema.Draft202012Validator(schema).validate(service)
    for template in ray_pods():
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "ray"}, "spec": template["spec"]}
        assert kubernetes_validate.validate(pod, version, strict=True) == version


def test_an_unknown_field_is_found() -> None:
    deployment: dict[str, Any] = by_kind("Deployment")[0]
    deployment["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, VERSIONS[-1], strict=True)


def test_kustomize_is_given_everything_but_what_is_run_by_hand() -> None:
    [kustomization] = documents(KUSTOMIZATION)
    by_hand = {KUSTOMIZATION.name, RAY_SERVICE.name, "pull-model.yaml"}
    assert set(kustomization["resources"]) == {path.name for path in KUBERNETES.glob("*.yaml")} - by_hand
    images = {container["image"] for kind in ("Deployment", "Job") for each in by_kind(kind)
              for container in containers(each["spec"]["template"])}  # fmt: skip
    assert images == {f"{image['name']}:latest" for image in kustomization["images"]}


@pytest.mark.parametrize("pod", pods(), ids=lambda pod: pod["spec"]["containers"][0]["name"])
def test_pods_have_no_rights_that_they_do_not_need(pod: Manifest) -> None:
    spec = pod["spec"]
    assert spec["automountServiceAccountToken"] is False
    person = spec["securityContext"]
    assert person["runAsNonRoot"] is True
    assert person["runAsUser"] == person["fsGroup"] == 10001  # the Dockerfile's user
    assert person["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers(pod):
        rights = container["securityContext"]
        assert rights["allowPrivilegeEscalation"] is False
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert rights.get("readOnlyRootFilesystem") is True or container["name"].startswith("ray-")
        assert "memory" in container["resources"]["limits"]
        writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
        assert writable <= {"/data", "/data/models", "/tmp", "/dev/shm"}


@pytest.mark.parametrize("name", PLUGIN_RESOURCES)
def test_a_device_is_served_at_its_port_from_a_pod_that_has_it(name: str) -> None:
    [deployment] = [each for each in by_kind("Deployment") if each["metadata"]["name"] == f"openvino-{name}"]
    [service] = [each for each in by_kind("Service") if each["metadata"]["name"] == f"openvino-{name}"]
    template = deployment["spec"]["template"]
    assert (
        service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"] == template["metadata"]["labels"]
    )
    [server] = template["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in server["ports"]}
    assert ports == {"api": DEFAULT_PORTS[name], "page": parse_arguments([]).port}
    assert service["spec"]["ports"] == [{"name": "api", "port": DEFAULT_PORTS[name], "targetPort": "api"}]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert server[probe]["httpGet"]["path"] == "/health"  # which needs no key
        assert server[probe]["httpGet"]["port"] in ports
    for kind in ("requests", "limits"):
        assert server["resources"][kind][PLUGIN_RESOURCES[name]] == 1


@pytest.mark.parametrize("name", PLUGIN_RESOURCES)
def test_a_pod_is_given_its_device_s_configuration(name: str) -> None:
    configuration = parse_configuration(CONFIG[f"{name}.json"], Path(f"{name}.json"))
    [(device, settings)] = configuration.devices.items()
    assert (device, settings.device, settings.port) == (name, name.upper(), DEFAULT_PORTS[name])
    assert settings.fallback_device is None  # a pod without its device is to fail, not to be slow
    [deployment] = [each for each in by_kind("Deployment") if each["metadata"]["name"] == f"openvino-{name}"]
    copying = deployment["spec"]["template"]["spec"]["initContainers"][0]["args"][0]
    assert f"cp /given/config/{name}.json /data/device_config.json" in copying


def test_services_are_called_by_names_that_the_server_knows() -> None:
    server = ServerConfig.model_validate_json(CONFIG["server_config.json"])
    assert set(server.allowed_hosts) == {service["metadata"]["name"] for service in by_kind("Service")}


def test_what_pods_mount_is_there() -> None:
    claims = {claim["metadata"]["name"] for claim in by_kind("PersistentVolumeClaim")}
    maps = {each["metadata"]["name"] for each in by_kind("ConfigMap")}
    for pod in pods():
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        for container in containers(pod):
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes.keys()
        for volume in volumes.values():
            assert volume.get("persistentVolumeClaim", {}).get("claimName") in (*claims, None)
            assert volume.get("configMap", {}).get("name") in (*maps, None)
            assert volume.get("secret", {}).get("secretName") in ("openvino-keys", None)


def test_the_pull_is_a_command_that_there_is() -> None:
    [job] = by_kind("Job")
    [container] = job["spec"]["template"]["spec"]["containers"]
    assert container["args"][0] == "pull"
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert f"{container['args'][container['args'].index('--data-dir') + 1]}/models" in mounts


def test_the_ray_cluster_serves_what_its_nodes_offer() -> None:
    [service] = documents(RAY_SERVICE)
    config = yaml.safe_load(service["spec"]["serveConfigV2"])
    cluster = Cluster.model_validate(config["applications"][0]["args"])
    assert config["http_options"]["host"] == cluster.host
    assert cluster.server.allowed_hosts == [f"{service['metadata']['name']}-serve-svc"]
    [group] = ray_cluster()["workerGroupSpecs"]
    offered = json.loads(json.loads(group["rayStartParams"]["resources"]))
    wanted = {name for device in cluster.devices.values() for name in resources_of(device.device)}
    assert {*wanted, FRONT_RESOURCE} <= offered.keys()
    assert cluster.fronts == group["replicas"]
    [worker] = group["template"]["spec"]["containers"]
    assert {"name": "serve", "containerPort": config["http_options"]["port"]} in worker["ports"]
    mounts = {mount["mountPath"] for mount in worker["volumeMounts"]}
    assert str(Path(cluster.keys_file or "").parent.as_posix()) in mounts
    environment = {each["name"]: each["value"] for each in worker["env"]}
    assert environment[DATA_DIR_VARIABLE] in mounts
    assert ray_cluster()["authOptions"]["mode"] == "token"
