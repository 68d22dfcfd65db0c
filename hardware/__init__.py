"""OpenVINO devices of this machine."""

from hardware import no_telemetry as no_telemetry
