"""Programs that use the models: their configuration, written, read back and undone, and what they need of a model."""
