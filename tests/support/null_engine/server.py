"""The device server with instances that compute nothing: takes the arguments of `server_app`."""

import sys

import server_app
from instances.handle import Instance
from instances.protocol import LoadModel
from tests.support.null_engine import worker


def null_instance(spec: LoadModel) -> Instance:
    return Instance(spec, command=(sys.executable, "-m", worker.__name__))


if __name__ == "__main__":
    sys.exit(server_app.main(make_instance=null_instance))
