"""Vectors as the model's files mean them: pooled, or taken from a graph that ends in one."""

import asyncio
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import openvino as ov
import openvino_genai as genai
import pytest
from openvino import opset13 as ops

from instances.handle import Instance, InstanceLoadError, RequestRefused
from instances.protocol import LoadModel, Pooling, VectorizeTexts
from instances.sentence_model import SentenceModel
from model_files.model_facts import read_facts
from tests.model_files.tiny_models import make_encoder

MODEL = Path(__file__).resolve().parent.parent / "models" / "test_embedding"
TEXTS = ["one text", "文字 and more of it, so that the two differ in length"]


def load_message(directory: Path, device: str = "CPU") -> LoadModel:
    facts = read_facts(directory)
    assert facts.problem is None
    assert facts.embedding is not None
    length = facts.context_length or 0
    properties = {"NPUW_DEVICES": "CPU", "NPU_USE_NPUW": "YES"} if device == "NPU" else {}
    pooling = facts.embedding.pooling
    return LoadModel(str(directory), device, "embedding", properties, None, 0, length, 0, pooling=pooling)


async def vectors(directory: Path, texts: list[str], prefix: str = "", device: str = "CPU") -> npt.NDArray[np.float32]:
    instance = Instance(load_message(directory, device))
    await instance.load()
    try:
        rows = await instance.compute(VectorizeTexts(0, [*texts], True, prefix))
    finally:
        await instance.stop()
    return np.frombuffer(rows.data, dtype="<f4").reshape(len(texts), -1)


async def test_an_export_without_a_pooling_module_gives_the_vectors_of_one_with_it(tmp_path: Path) -> None:
    plain = shutil.copytree(MODEL, tmp_path / "plain")
    shutil.rmtree(plain / "1_Pooling")
    assert await vectors(plain, TEXTS) == pytest.approx(await vectors(MODEL, TEXTS), abs=1e-5)


async def test_an_npu_takes_several_texts_in_a_request() -> None:
    """Its pipeline takes one at a time."""
    assert await vectors(MODEL, TEXTS, device="NPU") == pytest.approx(await vectors(MODEL, TEXTS), abs=1e-2)


async def test_two_outputs_are_read_by_the_sentence(tmp_path: Path) -> None:
    directory = make_encoder(tmp_path / "模型", sentence_output=True)
    for file in MODEL.glob("openvino_*tokenizer.*"):
        shutil.copy(file, directory)
    long = "x" * 2000
    found = await vectors(directory, [*TEXTS, long, long[:1000]])
    tokens = read_tokens([*TEXTS, long])
    table = np.random.default_rng(20).standard_normal((512, 32), np.float32)
    for row, ids in zip(found, tokens, strict=False):
        mean = table[ids].mean(axis=0) + 0.5
        assert row == pytest.approx(mean / np.linalg.norm(mean), abs=1e-4)
    assert found[2] == pytest.approx(found[3], abs=1e-5)  # both are cut at the model's 512 tokens


async def test_what_stands_before_a_text_is_part_of_it() -> None:
    introduced = await vectors(MODEL, TEXTS, "query: ")
    written = await vectors(MODEL, [f"query: {text}" for text in TEXTS])
    assert introduced == pytest.approx(written, abs=1e-5)
    assert introduced != pytest.approx(await vectors(MODEL, TEXTS), abs=1e-2)


@pytest.mark.parametrize("pooling", ["cls", "mean", "last_token"])
def test_tokens_are_pooled_as_the_library_does_it(pooling: Pooling) -> None:
    texts = [*TEXTS, "a", "long " * 20]
    config = genai.TextEmbeddingPipeline.Config(normalize=True)
    config.pooling_type = getattr(genai.TextEmbeddingPipeline.PoolingType, pooling.upper())
    expected = genai.TextEmbeddingPipeline(MODEL, "CPU", config).embed_documents(texts)
    tokenizer, model = genai.Tokenizer(MODEL), SentenceModel(MODEL, "CPU", pooling, {})
    assert model.vectors(tokenizer.encode(texts)) == pytest.approx(np.asarray(expected), abs=1e-5)


def test_the_last_token_is_found_on_either_side_of_the_padding(tmp_path: Path) -> None:
    """A table of vectors knows no places."""
    directory = make_encoder(tmp_path / "encoder")
    tokenizer, model = genai.Tokenizer(MODEL), SentenceModel(directory, "CPU", "last_token", {})
    right, left = (model.vectors(tokenizer.encode(TEXTS, padding_side=side)) for side in ("right", "left"))
    assert left == pytest.approx(right, abs=1e-6)


async def test_a_graph_that_wants_more_than_tokens_is_refused_in_words(tmp_path: Path) -> None:
    directory = shutil.copytree(MODEL, tmp_path / "model")
    model = ov.Core().read_model(MODEL / "openvino_model.xml")
    positions = ops.parameter([-1, -1], ov.Type.i64, name="position_ids")
    positions.output(0).get_tensor().set_names({"position_ids"})
    model.add_parameters([positions])
    ov.save_model(model, directory / "openvino_model.xml")
    with pytest.raises(InstanceLoadError, match="more than token ids: position_ids"):
        await Instance(load_message(directory)).load()


def read_tokens(texts: list[str]) -> list[list[int]]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(512)
    return [tokenizer.encode(text).ids for text in texts]


async def test_requests_that_wait_are_computed_together_and_answered_apart() -> None:
    instance = Instance(load_message(MODEL))
    await instance.load()

    async def one(texts: list[str | list[int]], prefix: str, truncate: bool) -> npt.NDArray[np.float32] | str:
        try:
            rows = await instance.compute(VectorizeTexts(0, texts, truncate, prefix))
        except RequestRefused as error:
            return str(error)
        assert len(rows.tokens) == len(texts)
        return np.frombuffer(rows.data, dtype="<f4").reshape(len(texts), -1)

    asked: list[tuple[list[str | list[int]], str, bool]] = [
        ([f"text {number}" * (1 + number % 5) for number in range(1 + count % 7)], prefix, truncate)
        for count, (prefix, truncate) in enumerate([("", True), ("", True), ("query: ", True), ("", False)] * 12)
    ]
    asked[5:5] = [(["x y " * 2000], "", False), ([[1, 2, 3], "and a text"], "", False), (["long " * 900], "", True)]
    try:
        alone = [await one(*each) for each in asked]
        together = await asyncio.gather(*(one(*each) for each in asked))
    finally:
        await instance.stop()
    assert sum(isinstance(each, str) for each in alone) == 1
    for apart, joined in zip(alone, together, strict=True):
        if isinstance(apart, str):
            assert joined == apart
        else:
            assert joined == pytest.approx(apart, abs=1e-4)
