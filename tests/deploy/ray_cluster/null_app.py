"""The cluster's application with instances that compute nothing, for Serve to import."""

from ray.serve import Application  # pyright: ignore[reportMissingImports]  # an optional extra

from deploy.ray.app import application
from deploy.ray.settings import Cluster
from tests.support.null_engine.server import null_instance


def build(cluster: Cluster) -> Application:
    return application(cluster, make_instance=null_instance)
