"""What can go wrong between a model's name and its tokens."""

from web.errors import InvalidRequest, ServiceError


class ModelNotFound(ServiceError):
    status = 404
    code = "model_not_found"


class PromptTooLong(InvalidRequest):
    code = "context_length_exceeded"


class QueueFull(ServiceError):
    status = 503
    code = "queue_full"


class QueueTimeout(ServiceError):
    status = 503
    code = "queue_timeout"


class ShuttingDown(ServiceError):
    status = 503
    code = "shutting_down"


class NotReady(ServiceError):
    """Something that the request needs beside the model has not started yet."""

    status = 503
    code = "not_ready"


class OutOfMemory(ServiceError):
    status = 503
    code = "insufficient_memory"


class ModelLoadFailed(ServiceError):
    code = "model_load_failed"


class GenerationFailed(ServiceError):
    code = "generation_failed"
