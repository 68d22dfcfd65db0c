"""Whatever a downloaded model's files hold: what is wrong with them is said, and nothing fails or hangs."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st

from apis.ollama.listing import details
from apis.ollama.show import describe
from chat.templates import ChatTemplate, TemplateRefused
from chat.tokenizer import ChatTokenizer
from configuration.device_config import DeviceSettings, ModelAssignment
from hardware.devices import DeviceInfo
from model_files.gguf import GgufError, read_control_tokens
from model_files.model_facts import read_facts
from notices import as_text
from pools.model_assignment import served_model
from registry.local import list_models
from tests.apis.servers import MODELS
from tests.fuzz.damaged import damaged, damaged_json
from tests.fuzz.running import fuzz
from tests.model_files.test_gguf import VALUES, gguf
from web.streaming import json_bytes

CHAT = MODELS / "test_chat"
CONFIG = json.loads((CHAT / "config.json").read_text(encoding="utf-8"))
LARGE_CONFIG: dict[str, Any] = {
    "architectures": ["DeepseekV3ForCausalLM"], "text_config": CONFIG, "kv_lora_rank": 8, "v_head_dim": 4,
    "num_attention_heads": 2, "layer_types": ["full_attention", "linear"], "num_hidden_layers": 2, "pad_token_id": 1,
    "max_position_embeddings": 64, "head_dim": 4, "full_attention_interval": 2, "qk_rope_head_dim": 1,
}  # fmt: skip
GENERATION = {"temperature": 0.6, "top_k": 20, "top_p": 0.9, "repetition_penalty": 1.1, "eos_token_id": [1, 2]}
TOKENIZER_CONFIG = {
    "chat_template": [{"name": "default", "template": "{{ messages }}"}, {"name": "tool_use", "template": "{{ x }}"}],
    "added_tokens_decoder": {"0": {"content": "<s>", "special": True}}, "bos_token": "<s>",
}  # fmt: skip
POOLING = {"pooling_mode_mean_tokens": True, "word_embedding_dimension": 8}
XML = (CHAT / "openvino_tokenizer.xml").read_bytes()
CARD = "---\nlicense: other\nlicense_name: mine\n---\n# 模型\n".encode()
XML_WORDS = (
    b'<net name="x" version="11">', b"<layers>", b'<layer id="1" type="Const" name="a">', b'shape="9,9999999999"',
    b'offset="-1"', b'size="1e9"', b"</layer>", b"</net>", b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"&a;",
    b'<edge from-layer="1"/>', b"<rt_info>", b'<ReadValue variable_shape="?,?,2"/>', b"<![CDATA[", b"\x00",
    b'<data variable_shape="[?,2,?,' + b"9" * 5000 + b']"/>',
)  # fmt: skip
FILES: dict[str, st.SearchStrategy[bytes]] = {
    "config.json": damaged_json(CONFIG, LARGE_CONFIG),
    "generation_config.json": damaged_json(GENERATION),
    "tokenizer_config.json": damaged_json(TOKENIZER_CONFIG),
    "metadata.json": damaged_json({"model_id": "org/name", "reference": "model", "files": [{"path": "a"}]}),
    "chat_template.jinja": st.binary(max_size=50),
    "README.md": damaged(st.just(CARD)),
    "openvino_model.xml": damaged(st.just(XML)) | st.lists(st.sampled_from(XML_WORDS), max_size=9).map(b"".join),
    "model_index.json": st.just(b"{}"),
    "1_Pooling/config.json": damaged_json(POOLING),
    "model.gguf": damaged(st.just(gguf(VALUES))),
    "openvino_language_model.xml": st.just(XML),
    "model.safetensors": st.binary(max_size=50),
}
FOLDERS = st.fixed_dictionaries({}, optional=FILES)


@contextmanager
def model_folder(files: dict[str, bytes], *, beside: tuple[str, ...] = ()) -> Iterator[Path]:
    """A models directory with one model of these files, and of the test model's those named in `beside`."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder, "org_model")
        directory.mkdir()
        for name in beside:
            shutil.copy(CHAT / name, directory / name)
        for name, content in files.items():
            (directory / name).parent.mkdir(exist_ok=True)
            (directory / name).write_bytes(content)
        yield directory


@fuzz(FOLDERS, found=[({"metadata.json": b'{"model_id": "org/name", "reference": "a\\u0000b"}', "a.gguf": b""},)])
def test_facts_are_read_or_the_problem_is_said(files: dict[str, bytes]) -> None:
    with model_folder(files) as directory:
        facts = read_facts(directory)
        assert facts.problem is None or facts.problem.endswith((".", '"'))
        assert facts.least_bytes > 0
        msgspec.json.encode(facts, enc_hook=as_text)
        for model in list_models(directory.parent, [], {}):
            json.dumps(model.as_dict())


SETTINGS = DeviceSettings(port=1, device="CPU")
CPU = [DeviceInfo("CPU", "Test CPU", None)]


@fuzz(FOLDERS, found=[({"tokenizer_config.json": b'{"chat_template": [{"name": [], "template": "x"}]}'},)])
def test_a_model_with_damaged_files_is_shown(files: dict[str, bytes]) -> None:
    with model_folder(files) as directory:
        assignment = ModelAssignment(id="org/name", path=str(directory))
        model = served_model("gpu", SETTINGS, assignment, directory.parent, CPU)
        assert json.loads(json_bytes(describe(model, 0)))["model_info"]
        assert json.loads(json_bytes(details(model)))["family"] is not None


@fuzz(damaged(st.just(gguf(VALUES))) | st.binary(max_size=64).map(lambda data: b"GGUF" + data))
def test_a_damaged_gguf_is_said_to_be(content: bytes) -> None:
    with model_folder({"model.gguf": content}) as directory:
        assert read_facts(directory).kind == "gguf"
        try:
            read_control_tokens(directory / "model.gguf")
        except GgufError as error:
            assert "model.gguf" in str(error)


OPENVINO_TOKENIZER = tuple(
    f"openvino_{name}.{kind}" for name in ("tokenizer", "detokenizer") for kind in ("xml", "bin")
)
TOKENIZER_FILES = st.fixed_dictionaries(
    {},
    optional={
        "tokenizer.json": damaged_json(json.loads((CHAT / "tokenizer.json").read_text(encoding="utf-8"))),
        "tokenizer_config.json": FILES["tokenizer_config.json"],
        "config.json": FILES["config.json"],
    },
)


@fuzz(
    TOKENIZER_FILES,
    found=[
        ({"tokenizer.json": b""},),
        ({"tokenizer_config.json": b'{"added_tokens_decoder": true}'},),
        ({"tokenizer_config.json": b'{"a": "\xff"}'},),
    ],
)
def test_a_tokenizer_works_without_its_texts(files: dict[str, bytes]) -> None:
    with model_folder(files, beside=OPENVINO_TOKENIZER) as directory:
        try:
            tokenizer = ChatTokenizer(directory)
        except RuntimeError as error:
            assert str(error)
            return
        assert isinstance(tokenizer.decode(tokenizer.encode("Hello, Paris")), str)
        assert isinstance(tokenizer.config, dict)


TEMPLATES = [path.read_text(encoding="utf-8") for path in MODELS.glob("*/chat_template.jinja")]
WORDS = (
    "{% for message in messages %}", "{% endfor %}", "{% if tools %}", "{% endif %}", "{{ message.content }}",
    "{{", "}}", "{% generation %}", "{% endgeneration %}", "{% set x = namespace(a=1) %}", "{% set x.a = x.a + 1 %}",
    "{% break %}",
    "{{ raise_exception('no') }}", "{{ messages[0]['content'] | tojson }}", "{{ strftime_now('%Y') }}", "{{ 1/0 }}",
    "{{ ''.__class__.__mro__ }}", "{{ range(10**9) | list }}", "{{ messages.append(1) }}", "{{ 'a' * 10**12 }}",
    "{{ x | pprint }}", "{{ ''|attr('__class__') }}", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% include 'x' %}", "{{ strftime_now('%' * 9) }}", "{{ 10**(10**10) }}", "{{ 2 ** x }}",
    "{{ 'a'.ljust(10**12) }}", "{{ '%1000000000000d' % 1 }}",
    "{{ '{:>1000000000000}'.format(1) }}",
)  # fmt: skip
PROGRAMS = st.lists(st.sampled_from(WORDS) | st.text(max_size=4), max_size=8).map("".join) | st.sampled_from(
    TEMPLATES
).flatmap(lambda text: damaged(st.just(text.encode())).map(lambda data: data.decode(errors="replace")))


@fuzz(PROGRAMS, found=[("{% break %}",), ("{{ 10**(10**10) }}",), ("{{ 'a' * 10**10 }}",)])
def test_a_template_is_rendered_or_refused(source: str) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    try:
        text = ChatTemplate(source, {"bos_token": "<s>"}).render(messages, tools=[{"name": "now"}], options={})
    except TemplateRefused as error:
        assert isinstance(str(error), str)
    else:
        assert len(text) < 10_000_000
