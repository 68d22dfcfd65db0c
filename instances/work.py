"""What the pipelines share that have words of their own: a step is one `Work`, its result comes in pieces."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from instances.one_at_a_time import OneAtATime
from instances.pipeline import Emit
from instances.protocol import LoadModel, Request, TokenOutput, Work

Asked = TypeVar("Asked", bound=msgspec.Struct)


class WorkPipeline(OneAtATime, Generic[Asked]):
    """A kind says in `asks` what its `Work` holds."""

    asks: type[Asked]

    @abstractmethod
    def sample(self) -> Asked:
        """Something small to warm up with."""

    @abstractmethod
    def work(self, asked: Asked, tell: Callable[[msgspec.Struct], None], cancelled: Callable[[], bool]) -> None:
        """Do it, and tell each piece of the result; the same work tells the same pieces. `cancelled` is asked now and
        then whether to stop; to ask is also to say that it is alive. Raises ValueError on what cannot be done."""

    def warm_up(self, request_id: int) -> Request:
        return Work(request_id, msgspec.msgpack.encode(self.sample()))

    def submit(self, request: Request) -> None:
        if not isinstance(request, Work):
            raise ValueError("this model does another kind of work")
        super().submit(request)

    def _answer(self, request: Request, emit: Emit) -> TokenOutput:
        assert isinstance(request, Work)

        def tell(piece: msgspec.Struct) -> None:
            emit([TokenOutput(request.id, [], data=msgspec.msgpack.encode(piece))])

        def cancelled() -> bool:
            emit([])
            return request.id in self._cancelled

        try:
            self.work(msgspec.msgpack.decode(request.data, type=self.asks), tell, cancelled)
        except ValueError as error:
            return TokenOutput(request.id, [], error=str(error))
        return TokenOutput(request.id, [], "cancelled" if request.id in self._cancelled else "stop")


def properties_of(spec: LoadModel) -> dict[str, Any]:
    """OpenVINO's properties, with the folder of what is compiled."""
    return {**spec.properties, **({"CACHE_DIR": spec.cache_dir} if spec.cache_dir else {})}
