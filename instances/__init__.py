"""Instances: one loaded copy of one model each, in a worker process that speaks token ids only."""

from hardware import no_telemetry as no_telemetry
