"""Snippets for the reader to copy: commands, programs, and what to fill in where a client has a form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from i18n.catalogues import Translator


@dataclass(frozen=True)
class Examples:
    """What the snippets ask and say, in the reader's language."""

    question: str = "What is OpenVINO?"
    sentences: tuple[str, ...] = ("OpenVINO runs models on Intel chips.", "Bananas are yellow.")
    spoken: str = "Hello, nice to meet you."
    picture: str = "a lighthouse at dawn"

    @classmethod
    def of(cls, t: Translator) -> Examples:
        sentences = (t("connect.example_sentence"), t("connect.example_other_sentence"))
        return cls(t("connect.example_question"), sentences, t("connect.example_spoken"), t("connect.example_picture"))


def curl_json(base: str, path: str, body: dict[str, Any], key: str | None) -> str:
    return (
        f"curl -N {base}{path} \\\n"
        + (f'  -H "Authorization: Bearer {key}" \\\n' if key else "")
        + '  -H "Content-Type: application/json" \\\n'
        + f"  -d '{json.dumps(body, ensure_ascii=False)}'"
    )


def curl_form(base: str, path: str, fields: dict[str, str], key: str | None) -> str:
    return (
        f"curl {base}{path} \\\n"
        + (f'  -H "Authorization: Bearer {key}" \\\n' if key else "")
        + " \\\n".join(f'  -F "{field}={value}"' for field, value in fields.items())
    )


def curl_chat(base: str, name: str, key: str | None, say: Examples) -> str:
    body = {"model": name, "stream": True, "messages": [{"role": "user", "content": say.question}]}
    return curl_json(base, "/v1/chat/completions", body, key)


def python_chat(base: str, name: str, key: str, say: Examples) -> str:
    return f"""from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key="{key}")
stream = client.chat.completions.create(
    model="{name}",
    messages=[{{"role": "user", "content": {_literal(say.question)}}}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)"""


def javascript_chat(base: str, name: str, key: str, say: Examples) -> str:
    return f"""import OpenAI from "openai";

const client = new OpenAI({{ baseURL: "{base}/v1", apiKey: "{key}" }});
const stream = await client.chat.completions.create({{
  model: "{name}",
  messages: [{{ role: "user", content: {_literal(say.question)} }}],
  stream: true,
}});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? "");"""


def ollama_chat(base: str, name: str, key: str | None, say: Examples) -> str:
    ask = f"""chat(model="{name}", messages=[{{"role": "user", "content": {_literal(say.question)}}}])
print(answer.message.content)"""
    if key:  # the command line tool sends a key to its maker's own service only
        return f"""# Python
from ollama import Client
answer = Client(host="{base}", headers={{"Authorization": "Bearer {key}"}}).{ask}"""
    return f"""# Linux, macOS
OLLAMA_HOST={base} ollama run {name}

# Windows PowerShell
$env:OLLAMA_HOST = "{base}"; ollama run {name}

# Python
from ollama import Client
answer = Client(host="{base}").{ask}"""


def langchain_chat(base: str, name: str, key: str, say: Examples) -> str:
    return f"""from langchain_openai import ChatOpenAI

model = ChatOpenAI(base_url="{base}/v1", api_key="{key}", model="{name}")
print(model.invoke({_literal(say.question)}).content)"""


def python_embeddings(base: str, name: str, key: str, say: Examples) -> str:
    return f"""from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key="{key}")
answer = client.embeddings.create(model="{name}", input={json.dumps(say.sentences, ensure_ascii=False)})
print([len(each.embedding) for each in answer.data])"""


def python_transcription(base: str, name: str, key: str) -> str:
    return f"""from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key="{key}")
with open("speech.wav", "rb") as file:
    print(client.audio.transcriptions.create(model="{name}", file=file).text)"""


def python_image(base: str, name: str, key: str, say: Examples) -> str:
    return f"""import base64
from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key="{key}")
answer = client.images.generate(model="{name}", prompt={_literal(say.picture)}, size="512x512")
with open("picture.png", "wb") as file:
    file.write(base64.b64decode(answer.data[0].b64_json))"""


def openwebui_audio(kind: str, base: str, name: str, key: str) -> dict[str, str]:
    """The labels of Open WebUI's audio settings."""
    return {f"{kind} Engine": "OpenAI", "API Base URL": f"{base}/v1", "API Key": key, f"{kind} Model": name}


def settings_form(values: dict[str, str]) -> str:
    width = max(map(len, values))
    return "\n".join(f"{label.ljust(width)}  {value}" for label, value in values.items())


def _literal(text: str) -> str:
    """As Python and JavaScript write it."""
    return json.dumps(text, ensure_ascii=False)
