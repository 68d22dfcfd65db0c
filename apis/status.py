"""What this device server says of itself and lets its owner do: health, memory, statistics, preload, cleanup."""

import os
import time
from typing import Any

from fastapi import APIRouter, Request

from activity.request_log import RequestLog
from apis.model_names import ModelNames
from apis.openai.answers import ERRORS
from apis.status_answers import (
    Echo,
    Instances,
    ModelStatistics,
    Preloaded,
    UnloadedInstances,
    Waiting,
)
from hardware.devices import ResolvedDevice
from keys.gate import CALLER
from model_manager import ModelManager
from notices import phrase_of
from pools.pool import ModelPool
from reports.device import Health, InstanceState, Live, MemoryReport, ModelHealth, ModelMemory
from reports.requests import ActivityReport
from web.errors import InvalidRequest
from web.openapi import answer
from web.streaming import JSON

_NEARLY = 0.8


def status_routes(
    device_name: str, device: ResolvedDevice, manager: ModelManager, names: ModelNames, log: RequestLog
) -> APIRouter:
    router = APIRouter(tags=["Status"], responses=ERRORS)
    started = time.monotonic()

    def health() -> Health:
        pools = list(manager.pools.values())
        return Health(
            status="ok",
            device=device_name,
            requested_device=device.requested,
            used_device=device.used,
            device_name=device.full_name,
            fallback_reason=device.fallback_reason,
            fallback_phrase=phrase_of(device.fallback_reason),
            pid=os.getpid(),
            uptime_seconds=round(time.monotonic() - started, 1),
            active_requests=sum(pool.active for pool in pools),
            queued_requests=sum(pool.queued for pool in pools),
            generated_tokens=sum(each.generated_tokens for each in manager.statistics.values()),
            models=[
                ModelHealth(
                    **_state(pool),
                    tokens_per_second=manager.statistics[pool.model.id].mean_tokens_per_second,
                    evicted_prompts=manager.statistics[pool.model.id].evicted_prompts,
                    longest_conversation=_nearly_too_long(pool, manager.statistics[pool.model.id].longest_tokens),
                )
                for pool in pools
            ],
        )

    def memory() -> MemoryReport:
        models = [_memory(pool, manager) for pool in manager.pools.values()]
        figures = manager.budget.figures()
        return MemoryReport(
            device=device_name,
            memory=manager.budget.memory.name,
            total_bytes=figures.total,
            limit_bytes=figures.limit,
            reserved_bytes=figures.reserved,
            elsewhere_bytes=figures.elsewhere,
            available_bytes=max(0, figures.free),
            used_bytes=sum(model.measured_bytes for model in models),
            measured=all(each.memory_bytes is not None for model in models for each in model.instances),
            models=models,
        )

    @router.get("/health", responses=answer(Health))
    async def report_health(request: Request) -> JSON:
        """Without the key that others need it says only that the server is there."""
        return JSON({"status": "ok"} if request.scope.get(CALLER, True) is None else health())

    @router.get("/memory", responses=answer(MemoryReport))
    async def report_memory() -> JSON:
        return JSON(memory())

    @router.get("/activity", responses=answer(ActivityReport))
    async def report_activity(since: int = 0) -> JSON:
        """The requests that run, and those that have ended after `since`, a `cursor` of an earlier answer."""
        return JSON(log.report(since))

    @router.get("/live", responses=answer(Live))
    async def report_all(since: int = 0) -> JSON:
        """Health, memory and activity in one answer, for who asks several times a second."""
        return JSON(Live(health(), memory(), log.report(since)))

    @router.get("/model/stats", responses=answer(ModelStatistics))
    async def statistics(model: str) -> JSON:
        pool = manager.pool(names.resolve(model).id)
        stats = manager.statistics[pool.model.id]
        return JSON(
            ModelStatistics(
                **_state(pool),
                requests=stats.requests,
                completed=stats.completed,
                failed=stats.failed,
                cancelled=stats.cancelled,
                resumed=stats.resumed,
                prompt_tokens=stats.prompt_tokens,
                evicted_prompts=stats.evicted_prompts,
                evicted_tokens=stats.evicted_tokens,
                generated_tokens=stats.generated_tokens,
                mean_first_token_seconds=stats.mean_first_token_seconds,
                mean_queue_seconds=stats.mean_queue_seconds,
                mean_tokens_per_second=stats.mean_tokens_per_second,
                waiting=_waiting(pool, manager.clock()),
            )
        )

    @router.get("/model/instances", responses=answer(Instances))
    async def instances(model: str) -> JSON:
        pool = manager.pool(names.resolve(model).id)
        return JSON(Instances(pool.model.public_id, _instances(pool, manager)))

    @router.post("/model/preload/{model_id:path}/{count}", responses=answer(Preloaded))
    async def preload(model_id: str, count: str) -> JSON:
        if not count.isascii() or not count.isdigit() or not 1 <= int(count[:4]) <= 64:
            raise InvalidRequest("The number of instances must be from 1 to 64.", param="count")
        pool = manager.pool(names.resolve(model_id).id)
        running = await manager.preload(pool.model.id, int(count))
        return JSON(Preloaded(pool.model.public_id, running))

    @router.post("/model/cleanup", responses=answer(UnloadedInstances))
    async def cleanup(model: str | None = None) -> JSON:
        """End the idle instances of every model, or of one."""
        return JSON(UnloadedInstances(await manager.unload_idle(names.resolve(model).id if model else None)))

    @router.get("/test/echo", responses=answer(Echo))
    @router.post("/test/echo", responses=answer(Echo))
    async def echo(request: Request) -> JSON:
        body = (await request.body()).decode(errors="replace")
        return JSON(Echo(request.method, dict(request.query_params), body))

    return router


def _state(pool: ModelPool) -> dict[str, Any]:
    """The fields of `ModelState`."""
    model = pool.model
    return {
        "id": model.id,
        "public_id": model.public_id,
        "state": pool.state,
        "pipeline": model.pipeline,
        "device": model.device.used,
        "fallback_reason": model.device.fallback_reason,
        "instances": len(pool.loaded_instances),
        "active": pool.active,
        "queued": pool.queued,
        "max_active": pool.ceiling,
        "error": pool.error,
        "error_phrase": phrase_of(pool.error),
        "loading_since": pool.progress.since if pool.progress else None,
        "compiling": pool.progress is not None and pool.progress.compiling,
    }


def _nearly_too_long(pool: ModelPool, tokens: int) -> int | None:
    most = pool.plan.kv_cache_tokens
    return tokens if most < pool.model.context_tokens and tokens >= _NEARLY * most > 0 else None


def _waiting(pool: ModelPool, now: float) -> list[Waiting]:
    return [
        Waiting(position, waiter.request_id, waiter.client, round(now - waiter.since, 3), waiter.tokens)
        for position, waiter in enumerate(pool.queue, start=1)
    ]


def _memory(pool: ModelPool, manager: ModelManager) -> ModelMemory:
    scorer = manager.scorer(pool.model.id)
    instances = _instances(pool, manager) + (_instances(scorer, manager) if scorer else [])
    return ModelMemory(
        id=pool.model.id,
        estimated_bytes=manager.instance_bytes(pool.model.id),
        estimated_weight_bytes=pool.plan.weight_bytes,
        estimated_kv_cache_bytes=pool.plan.kv_cache_bytes,
        kv_cache_tokens=pool.plan.kv_cache_tokens,
        measured_bytes=sum(instance.memory_bytes or 0 for instance in instances),
        instances=instances,
    )


def _instances(pool: ModelPool, manager: ModelManager) -> list[InstanceState]:
    return [
        InstanceState(
            id=loaded.number,
            pid=loaded.instance.pid,
            state="busy" if loaded.active else "idle",
            memory_bytes=manager.budget.measured(loaded.instance),
            active=loaded.active,
            reserved_tokens=loaded.reserved_tokens,
            load_seconds=round(loaded.load_seconds, 3),
        )
        for loaded in pool.loaded_instances
    ]
