"""Trying grammars out in a process of their own before a shared pipeline sees them."""

import asyncio
import hashlib
import itertools
import logging
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from instances.frames import encode_frame, receive_frame
from instances.grammar_protocol import CheckGrammar, GrammarVerdict, Started, decode_reply
from instances.protocol import Structure
from model_files.gguf import load_path
from supervision.python import python_command, python_environment
from supervision.spawn import spawn_process

MIB = 2**20
logger = logging.getLogger(__name__)

WORKER_COMMAND = python_command("-m", "instances.grammar_worker")
START_SECONDS = 60.0
GRAMMAR_SECONDS = 5.0
IDLE_SECONDS = 120.0
_REMEMBERED = 1024
_BYTES_PER_BYTE = 50
"""What a grammar's text takes compiled at the least; the process need not grow by it where memory is free in it."""
_LARGEST_BYTES = 128 * MIB
RECYCLE_BYTES = 256 * MIB
"""Of grammars in one process, after which another takes its place."""


class GrammarRefused(Exception):
    """The grammar cannot be used; str() is the reason in a sentence."""


class ProbeNotReady(Exception):
    """The process that tries grammars could not begin in time; nothing is known of the grammar."""


@dataclass(frozen=True)
class _Judgement:
    refusal: str | None
    size: int = 0


class GrammarProbe:
    """Says whether a grammar can be used, and remembers its verdicts.

    A grammar is refused when it does not compile, when compiling it and choosing a few tokens takes longer than
    `grammar_seconds` (it would hold up every stream of a shared pipeline as long), when it takes more than
    `largest_bytes` of memory then, or when the worker dies of it. One worker process (about 120 to 250 MB) serves all
    models; it starts with the first check and ends after `idle_seconds` without one. Another takes its place when it
    has grown by `recycle_bytes`: the library keeps what it has compiled for good. `start_seconds` bounds its start and
    the loading of a tokenizer.
    """

    def __init__(
        self,
        *,
        command: tuple[str, ...] = WORKER_COMMAND,
        start_seconds: float = START_SECONDS,
        grammar_seconds: float = GRAMMAR_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
        largest_bytes: int = _LARGEST_BYTES,
        recycle_bytes: int = RECYCLE_BYTES,
    ) -> None:
        self._command = command
        self._start_seconds = start_seconds
        self._grammar_seconds = grammar_seconds
        self._idle_seconds = idle_seconds
        self._largest_bytes = largest_bytes
        self._recycle_bytes = recycle_bytes
        self._verdicts: OrderedDict[bytes, _Judgement] = OrderedDict()
        self._judging: dict[bytes, asyncio.Task[None]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._grown_bytes = 0
        self._retiring: asyncio.TimerHandle | None = None
        self._ids = itertools.count(1)
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def check(self, directory: Path, structure: Structure) -> int:
        """Return when the model in `directory` can use `structure`: the bytes that it takes compiled, about. Raises
        `GrammarRefused` and `ProbeNotReady`."""
        check = CheckGrammar(next(self._ids), str(load_path(directory)), structure)
        key = hashlib.sha256(encode_frame(CheckGrammar(0, check.directory, structure))).digest()
        if key not in self._verdicts:
            if key not in self._judging:
                self._judging[key] = asyncio.create_task(self._judge(key, check))
            # A client that leaves must not end the check that others wait for.
            await asyncio.shield(self._judging[key])
        self._verdicts.move_to_end(key)
        judgement = self._verdicts[key]
        if judgement.refusal is not None:
            raise GrammarRefused(judgement.refusal)
        return judgement.size

    async def close(self) -> None:
        """End the worker; checks under way are cancelled."""
        for task in list(self._judging.values()):
            task.cancel()
        if self._retiring is not None:
            self._retiring.cancel()
        await self._end()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _judge(self, key: bytes, check: CheckGrammar) -> None:
        try:
            async with self._turn:
                judgement = await self._try(check)
        finally:
            del self._judging[key]
        self._verdicts[key] = judgement
        if len(self._verdicts) > _REMEMBERED:
            self._verdicts.popitem(last=False)

    async def _try(self, check: CheckGrammar) -> _Judgement:
        if self._retiring is not None:
            self._retiring.cancel()
        reply: Started | GrammarVerdict | None = None
        frame = encode_frame(check)
        try:
            process = await self._running()
            assert process.stdin is not None
            process.stdin.write(frame)
            reply = await asyncio.wait_for(self._reply(process), self._start_seconds)
            if isinstance(reply, Started):
                reply = await asyncio.wait_for(self._reply(process), self._grammar_seconds)
        except asyncio.TimeoutError as error:
            await self._end()
            if reply is None:
                raise ProbeNotReady("The model's tokenizer took too long to load.") from error
            return _Judgement(f"It is too expensive: compiling it takes more than {self._grammar_seconds:g} seconds.")
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            logger.warning("A grammar ended the process that tried it: %s", error)
            await self._end()
            return _Judgement("It is too large or too deeply nested to be compiled.")
        self._retiring = asyncio.get_running_loop().call_later(self._idle_seconds, self._retire)
        assert isinstance(reply, GrammarVerdict)
        size = max(reply.grown_bytes, len(frame) * _BYTES_PER_BYTE)
        self._grown_bytes += size
        if reply.refusal is None and size > self._largest_bytes:
            return _Judgement(f"It is too large: compiled it takes {size / MIB:.0f} MiB.")
        return _Judgement(reply.refusal, size)

    async def _running(self) -> asyncio.subprocess.Process:
        if self._grown_bytes > self._recycle_bytes:
            await self._end()
        if self._process is None or self._process.returncode is not None:
            self._grown_bytes = 0
            self._process = await spawn_process(self._command, environment=python_environment())
        return self._process

    async def _reply(self, process: asyncio.subprocess.Process) -> Started | GrammarVerdict:
        assert process.stdout is not None
        return decode_reply(await receive_frame(process.stdout))

    def _retire(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
