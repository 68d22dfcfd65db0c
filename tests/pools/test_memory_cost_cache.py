import json
from pathlib import Path

from instances.protocol import LoadModel
from pools.memory_cost_cache import MemoryCostCache

SPEC = LoadModel("model", "CPU", "llm_pipeline", {}, None, 0, 256, 0)
MIB = 2**20


def test_costs_are_remembered_without_the_cache(tmp_path: Path) -> None:
    path = tmp_path / "資料" / "costs.json"
    MemoryCostCache(path).record(SPEC, 300 * MIB)
    assert MemoryCostCache(path).known(SPEC) == 300 * MIB


def test_what_was_measured_at_a_launcher_is_forgotten(tmp_path: Path) -> None:
    """A launcher in front of the worker takes a few MB, whatever the model."""
    path = tmp_path / "costs.json"
    book = MemoryCostCache(path)
    book.record(SPEC, 300 * MIB)
    costs = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(dict.fromkeys(costs, 9 * MIB)), encoding="utf-8")
    assert MemoryCostCache(path).known(SPEC) is None
