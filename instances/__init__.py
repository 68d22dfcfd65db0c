"""Instances: one loaded copy of one model each, in a worker process that speaks token ids only."""

import devices.telemetry  # noqa: F401  before anything imports openvino
