"""Loads that fail because of what was compiled before."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from hardware.devices import ResolvedDevice
from instances.handle import InstanceLoadError
from instances.protocol import InstanceReady, LoadModel
from model_manager import ModelManager
from pools.errors import ModelLoadFailed
from pools.progress import Loading
from tests.pools.driving import Request, clock, run, settle
from tests.pools.fakes import FakeInstance, budget_for, served_model

MODEL = served_model("a")


class Plugin:
    """Makes instances that load only where no damaged file lies in their cache, and leave a good one there."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.loads = 0

    def __call__(self, spec: LoadModel) -> "FromCache":
        return FromCache(spec, self)

    def compile(self, cache: Path) -> None:
        self.loads += 1
        if self.broken or any(path.read_bytes() == b"bad" for path in cache.glob("*")):
            raise InstanceLoadError("clCreateProgramWithBinary")
        cache.mkdir(parents=True, exist_ok=True)
        (cache / "1.cl_cache").write_bytes(b"good")


class FromCache(FakeInstance):
    def __init__(self, spec: LoadModel, plugin: Plugin) -> None:
        super().__init__(spec, lambda: None)
        self._plugin = plugin

    async def load(self) -> InstanceReady:
        assert self.spec.cache_dir is not None
        self._plugin.compile(Path(self.spec.cache_dir))
        return await super().load()


def manager_with(plugin: Plugin, directory: Path) -> ModelManager:
    return ModelManager([MODEL], budget_for(4, MODEL), cache_dir=directory, clock=clock, make_instance=plugin)


def damage(directory: Path) -> None:
    (directory / "a").mkdir(exist_ok=True)
    (directory / "a" / "1.cl_cache").write_bytes(b"bad")


def test_a_load_that_fails_with_a_cache_is_tried_once_more_without_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        damage(tmp_path)
        plugin = Plugin()
        manager = manager_with(plugin, tmp_path)
        assert await manager.preload("a", 1) == 1
        assert plugin.loads == 2
        assert (tmp_path / "a" / "1.cl_cache").read_bytes() == b"good"
        assert (tmp_path / "a.damaged" / "1.cl_cache").read_bytes() == b"bad"
        assert str(tmp_path / "a.damaged") in caplog.text
        await manager.unload_idle()
        await manager.preload("a", 1)
        assert plugin.loads == 3

    run(work())


def test_a_cache_that_is_not_at_fault_stays_and_is_not_suspected_again(tmp_path: Path) -> None:
    async def work() -> None:
        damage(tmp_path)
        plugin = Plugin(broken=True)
        manager = manager_with(plugin, tmp_path)
        for loads in (2, 3):
            with pytest.raises(ModelLoadFailed):
                await manager.preload("a", 1)
            assert plugin.loads == loads
            assert (tmp_path / "a" / "1.cl_cache").read_bytes() == b"bad"
            assert not (tmp_path / "a.damaged").exists()
        plugin.broken = False  # a driver was updated; what is left is damaged indeed
        with pytest.raises(ModelLoadFailed):
            await manager.preload("a", 1)
        manager_again = manager_with(plugin, tmp_path)
        assert await manager_again.preload("a", 1) == 1

    run(work())


def test_a_load_without_a_cache_is_not_repeated(tmp_path: Path) -> None:
    async def work() -> None:
        plugin = Plugin(broken=True)
        with pytest.raises(ModelLoadFailed):
            await manager_with(plugin, tmp_path).preload("a", 1)
        assert plugin.loads == 1

    run(work())


def test_instances_that_end_at_once_get_a_new_cache_before_the_model_is_given_up(tmp_path: Path) -> None:
    """A kernel for another shape of input is read only when such a request comes."""

    async def work() -> None:
        plugin = Plugin()
        manager = manager_with(plugin, tmp_path)
        request = Request(manager, "a")
        for ended in (1, 2):
            await settle()
            (loaded,) = manager.pool("a").loaded_instances
            assert plugin.loads == ended
            assert not (tmp_path / "a.damaged").exists()
            loaded.instance.kill()
        await settle()
        assert plugin.loads == 3
        assert (tmp_path / "a.damaged").is_dir()
        request.task.cancel()
        await asyncio.wait([request.task])

    run(work())


def test_a_load_tells_that_it_compiles_and_takes_the_time_until_the_model_is_warm(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    model = replace(MODEL, device=ResolvedDevice("GPU", "GPU", "GPU"))
    seen: list[Loading | None] = []

    class Slow(FakeInstance):
        async def load(self) -> InstanceReady:
            seen.append(manager.pool("a").progress)
            await asyncio.to_thread(lambda: plugin.compile(tmp_path / "a"))
            await super().load()
            return InstanceReady(load_seconds=87, warm_up_seconds=59, pid=0)

    plugin = Plugin()
    manager = ModelManager(
        [model],
        budget_for(4, model),
        cache_dir=tmp_path,
        clock=clock,
        make_instance=lambda spec: Slow(spec, lambda: None),
    )

    async def work() -> None:
        for _ in range(2):
            await manager.preload("a", 1)
            assert manager.pool("a").progress is None
            assert manager.pool("a").loaded_instances[0].load_seconds == 146
            await manager.unload_idle()

    run(work())
    assert [loading.compiling for loading in seen if loading] == [True, False]
    assert "Loaded gpu-a in 146.0 s, of which the warm-up took 59.0 s" in caplog.text
