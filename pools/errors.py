"""What can go wrong between a model's name and its tokens."""

from web.errors import InvalidRequest, ServiceError


class ModelNotFound(ServiceError):
    status = 404
    code = "model_not_found"


class PromptTooLong(InvalidRequest):
    """A prompt of `tokens` where `limit` are the most, `note` being what else there is to say. Clients know it by the
    words of the API that they speak: OpenAI's are its own (LangChain looks for "prompt is too long" there, too),
    `as_anthropic` and `as_ollama` are the others'."""

    code = "context_length_exceeded"

    def __init__(self, tokens: int, limit: int, note: str = "", *, param: str, what: str = "your prompt") -> None:
        rest = f" {note}" if note else ""
        super().__init__(
            f"This model's maximum context length is {limit} tokens. "
            f"However, {what} is too long: {tokens} tokens.{rest}",
            param=param,
        )
        self.as_anthropic = f"prompt is too long: {tokens} tokens > {limit} maximum.{rest}"
        self.as_ollama = f"the input exceeds the context length: {tokens} tokens, but {limit} are the most.{rest}"


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
