"""Which model suits a purpose."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from administration.purposes import PURPOSES, PurposeCandidate, by_purpose
from configuration.gateway_config import GATEWAY_FILE, GatewayAlias, GatewayStore
from tests.admin.conftest import PHI, QWEN, client, published, site
from tests.admin.site import Site, add_model

CHAT = ("completion", "chat", "tools")
GIB = 2**30
__all__ = ["client", "published", "site"]  # fixtures of the admin's tests


def chat(name: str, billions: float, *, context: int = 32_768, gib: float | None = None) -> PurposeCandidate:
    return PurposeCandidate(f"OpenVINO/{name}", CHAT, int((gib or billions * 0.6) * GIB), int(billions * 1e9), context)


SMALL = chat("Qwen3-1.7B-int4-ov", 1.7)
MIDDLE = chat("Qwen3-8B-int4-cw-ov", 8)
CODER = chat("Qwen3-Coder-30B-A3B-Instruct-int4-ov", 30)
SMALL_CODER = chat("Qwen2.5-Coder-1.5B-Instruct-int4-ov", 1.6, context=4096)
DEMO = PurposeCandidate("demo/server-guide", CHAT, 5_000_000, 4_000_000, 2048)
BGE = PurposeCandidate("OpenVINO/bge-base-en-v1.5-int8-ov", ("embedding",), 110_000_000, 110_000_000, 512)
M3 = PurposeCandidate("OpenVINO/bge-m3-int8-ov", ("embedding",), 570_000_000, 570_000_000, 8192)


def test_from_what_is_there() -> None:
    assert by_purpose([]) == {}
    assert by_purpose([BGE, M3]) == {"embed": M3.id}
    assert by_purpose([MIDDLE]) == dict.fromkeys(("fast", "best", "code"), MIDDLE.id)
    assert by_purpose([SMALL, MIDDLE, CODER, DEMO, BGE]) == {
        "fast": SMALL.id,
        "best": CODER.id,
        "code": CODER.id,
        "embed": BGE.id,
    }


def test_a_mixture_of_experts_is_as_fast_as_its_active_part() -> None:
    assert by_purpose([MIDDLE, CODER])["fast"] == CODER.id


def test_code_needs_context_before_size() -> None:
    assert by_purpose([SMALL_CODER, MIDDLE])["code"] == SMALL_CODER.id, "a coder all the same"
    assert by_purpose([SMALL_CODER, CODER])["code"] == CODER.id
    assert "code" not in by_purpose([chat("Phi-3-mini-4k", 3.8, context=4096)])


@pytest.mark.parametrize("name", ["starcoder2-3b", "deepseek-coder-6.7b", "CodeLlama-7b", "Codestral-22B", "x-Code-7B"])
def test_coders_are_known_by_name(name: str) -> None:
    assert by_purpose([MIDDLE, chat(name, 1)])["code"] == f"OpenVINO/{name}"


@pytest.mark.parametrize("name", ["Decoder-Qwen", "Encoder-7B", "Codename-7B"])
def test_other_names_are_not(name: str) -> None:
    assert by_purpose([MIDDLE, chat(name, 1)])["code"] == MIDDLE.id


def test_the_demo_stands_in_only_where_it_is_alone() -> None:
    assert by_purpose([DEMO])["fast"] == DEMO.id
    assert DEMO.id not in by_purpose([DEMO, MIDDLE]).values()


@given(st.lists(st.sampled_from([SMALL, MIDDLE, CODER, SMALL_CODER, DEMO, BGE, M3])))
def test_only_what_is_served_and_always_the_same(served: list[PurposeCandidate]) -> None:
    chosen = by_purpose(served)
    assert chosen == by_purpose(served[::-1])
    assert set(chosen) <= set(PURPOSES)
    assert set(chosen.values()) <= {each.id for each in served}


async def test_the_gateway_gets_them_and_keeps_its_own(client: httpx.AsyncClient, site: Site, published: Path) -> None:
    for model in (PHI, QWEN):
        add_model(site, model, published, size=GIB if model == PHI else 2 * GIB)
    await client.post("/api/update_config", json={"device": "gpu", "enabled": True, "models": [PHI, QWEN]})
    store = GatewayStore(site.data_dir / GATEWAY_FILE)
    mine = GatewayAlias(model=QWEN, system="Be quick.")
    store.change(lambda before: before.model_copy(update={"aliases": {"fast": mine}}))
    shown = await client.post("/api/gateway/purposes", json={"dry_run": True})
    assert shown.json()["purposes"]["fast"] == PHI
    assert set(store.load().aliases) == {"fast"}
    await client.post("/api/gateway/purposes", json={})
    assert store.load().aliases["fast"] == mine
    assert store.load().aliases["best"].model == QWEN
    await client.post("/api/gateway/purposes", json={"replace": True})
    assert store.load().aliases["fast"] == GatewayAlias(model=PHI)
