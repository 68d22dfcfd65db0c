"""The ground: configuration, processes, hardware, memory, files of models."""

from devices import no_telemetry as no_telemetry
