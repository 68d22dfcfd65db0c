"""The cluster's application with instances that compute nothing, for Serve to import."""

from ray.serve import Application  # pyright: ignore[reportMissingImports]  # an optional extra

from benchmarks.null_engine.server import null_instance
from deploy.ray.app import application
from deploy.ray.settings import Cluster


def build(cluster: Cluster) -> Application:
    return application(cluster, make_instance=null_instance)
