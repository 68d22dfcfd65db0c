"""What comes from a worker, whole, in pieces and garbled."""

import sys

import pytest

from instances.frames import FrameSplitter, encode_frame
from instances.handle import Instance, InstanceLost, _FrameProtocol
from instances.protocol import LoadFailed, LoadModel

FRAMES = [LoadFailed("x" * size) for size in (0, 1, 70_000)]


@pytest.mark.parametrize("piece", [1, 3, 4, 5, 4_096, 1_000_000])
def test_frames_come_in_pieces_of_any_size(piece: int) -> None:
    stream = b"".join(encode_frame(frame) for frame in FRAMES)
    splitter = FrameSplitter()
    payloads = [payload for at in range(0, len(stream), piece) for payload in splitter.push(stream[at : at + piece])]
    assert payloads == [encode_frame(frame)[4:] for frame in FRAMES]


@pytest.mark.parametrize("begin", ["", "import time; time.sleep(0.2); "])
async def test_a_worker_that_writes_garbage_is_ended(begin: str) -> None:
    garbage = "import os, time; os.write(1, bytes([3, 0, 0, 0]) + b'???'); time.sleep(60)"
    spec = LoadModel("model", "CPU", "llm_pipeline", {}, None, 0, 256, 0)
    instance = Instance(spec, command=(sys.executable, "-c", begin + garbage))
    with pytest.raises(InstanceLost, match="no message"):
        await instance.load()
    assert instance.closed.is_set()


async def test_pieces_may_be_of_any_kind_of_bytes() -> None:
    """Windows' event loop hands on bytearrays before Python 3.12."""
    payloads: list[bytes] = []
    protocol = _FrameProtocol(payloads.append)
    for frame in FRAMES:
        protocol.pipe_data_received(1, bytearray(encode_frame(frame)))
    assert payloads == [encode_frame(frame)[4:] for frame in FRAMES]
    assert all(isinstance(payload, bytes) for payload in payloads)
