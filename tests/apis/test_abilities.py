"""A model without a chat template says so, and where it answers."""

import json
import re
import shutil
from pathlib import Path

from configuration.device_config import ModelAssignment
from tests.apis.conftest import make_app
from tests.apis.servers import CHAT, MODELS, serving
from tests.helpers import http
from tests.model_files.gguf_layouts import inexact_gguf
from tests.model_files.layouts import (
    UNSUPPORTED,
    make,
    optimum_embedding,
    optimum_sentence_transformers,
)


def without_template(target: Path) -> Path:
    directory = shutil.copytree(MODELS / "test_chat", target)
    (directory / "chat_template.jinja").unlink()
    config = json.loads((directory / "tokenizer_config.json").read_text(encoding="utf-8"))
    config.pop("chat_template", None)
    (directory / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    xml = directory / "openvino_tokenizer.xml"
    text = re.sub(r"\s*<chat_template value=.*?/>", "", xml.read_text(encoding="utf-8"), flags=re.DOTALL)
    xml.write_text(text, encoding="utf-8")
    return directory


def test_a_model_without_a_template_continues_texts_and_says_so(tmp_path: Path) -> None:
    model = ModelAssignment(id=CHAT, path=str(without_template(tmp_path / "base")))
    with serving(make_app(tmp_path / "data", models=[model])) as url:
        body = {"model": CHAT, "messages": [{"role": "user", "content": "x"}], "max_tokens": 2}
        refused = http.post(f"{url}/v1/chat/completions", json=body)
        assert refused.status_code == 400, refused.text
        assert "/v1/completions" in refused.json()["error"]["message"]
        ollama = http.post(f"{url}/api/chat", json={**body, "stream": False})
        assert "/api/generate" in ollama.json()["error"]
        text = {"model": CHAT, "prompt": "abc", "max_tokens": 2}
        assert http.post(f"{url}/v1/completions", json=text).status_code == 200
        asked = {"model": CHAT, "prompt": "abc", "raw": True, "stream": False, "options": {"num_predict": 2}}
        assert http.post(f"{url}/api/generate", json=asked).status_code == 200
        shown = http.post(f"{url}/api/show", json={"model": CHAT}).json()
        assert shown["capabilities"][0] == "completion"


def test_a_gguf_is_shown_with_its_form_quantisation_and_template(tmp_path: Path) -> None:
    model = ModelAssignment(id="test/gguf", path=str(MODELS / "test_gguf"))
    with serving(make_app(tmp_path / "data", models=[model])) as url:
        shown = http.post(f"{url}/api/show", json={"model": "test/gguf"}).json()
        assert (shown["details"]["format"], shown["details"]["quantization_level"]) == ("gguf", "Q8_0")
        assert shown["model_info"]["general.file_type"] == "Q8_0"
        assert shown["model_info"]["general.architecture"] == "qwen2"
        assert "<|im_start|>" in shown["template"]


def test_show_tells_how_vectors_are_pooled_and_what_was_guessed_or_is_read_inexactly(tmp_path: Path) -> None:
    plain, whole, gguf = (
        str(make(layout, tmp_path / layout.__name__))
        for layout in (optimum_embedding, optimum_sentence_transformers, inexact_gguf)
    )
    models = [
        ModelAssignment(id="org/guessed", path=plain),
        ModelAssignment(id="org/settled", path=plain, pooling="cls"),
        ModelAssignment(id="org/whole", path=whole),
        ModelAssignment(id="org/inexact", path=gguf),
    ]
    with serving(make_app(tmp_path / "data", models=models)) as url:
        shown = {
            model.id: http.post(f"{url}/api/show", json={"model": model.id}).raise_for_status().json()
            for model in models
        }
    facts = {id: answer["model_info"] for id, answer in shown.items()}
    pooling = {id: told.get(f"{told['general.architecture']}.pooling_type") for id, told in facts.items()}
    assert pooling == {"org/guessed": 1, "org/settled": 2, "org/whole": None, "org/inexact": None}
    warned = {id: " ".join(answer["warnings"]) for id, answer in shown.items()}
    assert "mean is assumed" in warned["org/guessed"]
    assert warned["org/settled"] == warned["org/whole"] == ""
    assert "Q4_1 inexactly" in warned["org/inexact"]


def test_what_is_never_served_stands_in_no_list_of_models_and_says_why(tmp_path: Path) -> None:
    """However it came to be assigned: a file edited by hand names any folder."""
    models = [
        ModelAssignment(id=f"org/{layout.__name__}", path=str(make(layout, tmp_path / layout.__name__)))
        for layout in UNSUPPORTED
    ]
    with serving(make_app(tmp_path / "data", models=models)) as url:
        assert http.get(f"{url}/v1/models").json()["data"] == []
        assert http.get(f"{url}/api/tags").json()["models"] == []
        for layout, (_, sentence) in UNSUPPORTED.items():
            body = {"model": f"org/{layout.__name__}", "messages": [{"role": "user", "content": "x"}]}
            refused = http.post(f"{url}/v1/chat/completions", json=body)
            assert refused.status_code >= 400
            assert sentence in refused.json()["error"]["message"], layout.__name__
