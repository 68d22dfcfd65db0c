"""LangChain's integrations for OpenAI, Ollama and Anthropic."""

import warnings

from langchain_anthropic import ChatAnthropic
from langchain_core.exceptions import ContextOverflowError
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_ollama import ChatOllama, OllamaEmbeddings
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel
from trial import SERVER, contains, equal, run

warnings.filterwarnings("ignore")
URL, CHAT = SERVER["url"], SERVER["chat"]


@tool
def get_weather(city: str) -> str:
    """Get the current weather of a city."""
    return SERVER["weather_result"]


class Service(BaseModel):
    device: str
    port: int
    ready: bool


def openai_model() -> ChatOpenAI:
    return ChatOpenAI(base_url=f"{URL}/v1", api_key="any", model=CHAT, max_retries=0, temperature=0)


def ollama_model() -> ChatOllama:
    return ChatOllama(base_url=URL, model=CHAT, temperature=0)


def anthropic_model() -> ChatAnthropic:
    return ChatAnthropic(base_url=URL, api_key="any", model_name=CHAT, max_retries=0, max_tokens=300)


def chat_and_stream(model: BaseChatModel) -> None:
    whole = model.invoke(SERVER["question"])
    contains(whole.text, "OpenVINO")
    equal("".join(chunk.text for chunk in model.stream(SERVER["question"])), whole.text)


def tools(model: BaseChatModel, **choice: str) -> None:
    question = HumanMessage(SERVER["weather_question"] if choice else SERVER["calling_question"])
    answer = model.bind_tools([get_weather], **choice).invoke([question])
    assert isinstance(answer, AIMessage)
    call = answer.tool_calls[0]
    equal(call["name"], "get_weather")
    equal(list(call["args"]), ["city"])
    result = get_weather.invoke(call)  # pyright: ignore[reportFunctionMemberAccess]  # what @tool makes of it
    assert isinstance(result, ToolMessage)
    contains(model.bind_tools([get_weather]).invoke([question, answer, result]).text, SERVER["reported"])


def structured(model: BaseChatModel, **how: str) -> None:
    assert isinstance(model.with_structured_output(Service, **how).invoke(SERVER["question"]), Service)


def too_long(model: BaseChatModel) -> None:
    for ask in (model.invoke, lambda text: list(model.stream(text))):
        try:
            ask("word " * 5000)
        except ContextOverflowError:
            continue
        raise AssertionError("no ContextOverflowError")


def chatopenai_too_long() -> None:
    too_long(openai_model())
    too_long(ChatOpenAI(base_url=f"{URL}/v1", api_key="any", model=CHAT, max_retries=0, use_responses_api=True))


def chatanthropic_too_long() -> None:
    too_long(anthropic_model())


def chatopenai_chat_and_stream() -> None:
    chat_and_stream(openai_model())


async def chatopenai_asynchronously() -> None:
    contains((await openai_model().ainvoke(SERVER["question"])).text, "OpenVINO")


def chatopenai_tools() -> None:
    tools(openai_model(), tool_choice="required")


def chatopenai_structured_output() -> None:
    structured(openai_model())
    structured(openai_model(), method="function_calling")


def chatopenai_by_responses() -> None:
    model = ChatOpenAI(base_url=f"{URL}/v1", api_key="any", model=CHAT, use_responses_api=True)
    contains(model.invoke(SERVER["question"]).text, "OpenVINO")


def openaiembeddings() -> None:
    embeddings = OpenAIEmbeddings(
        base_url=f"{URL}/v1", api_key="any", model=SERVER["embed"], check_embedding_ctx_length=False
    )
    vectors = embeddings.embed_documents([f"document {number}" for number in range(100)])
    equal([len(vectors), len(vectors[0])], [100, SERVER["dimensions"]])
    equal(len(embeddings.embed_query("one")), SERVER["dimensions"])


def chatollama_chat_and_stream() -> None:
    chat_and_stream(ollama_model())


def chatollama_tools() -> None:
    tools(ollama_model())


def chatollama_structured_output() -> None:
    structured(ollama_model())


def chatollama_checks_that_the_model_is_there() -> None:
    ChatOllama(base_url=URL, model=CHAT, validate_model_on_init=True)


def ollamaembeddings() -> None:
    embeddings = OllamaEmbeddings(base_url=URL, model=SERVER["embed"])
    equal([len(vector) for vector in embeddings.embed_documents(["one", "two"])], [SERVER["dimensions"]] * 2)


def chatanthropic_chat_and_stream() -> None:
    chat_and_stream(anthropic_model())


def chatanthropic_tools() -> None:
    tools(anthropic_model(), tool_choice="any")


run(
    ["langchain-core", "langchain-openai", "langchain-ollama", "langchain-anthropic"],
    [
        chatopenai_chat_and_stream,
        chatopenai_asynchronously,
        chatopenai_tools,
        chatopenai_structured_output,
        chatopenai_by_responses,
        chatopenai_too_long,
        openaiembeddings,
        chatollama_chat_and_stream,
        chatollama_tools,
        chatollama_structured_output,
        chatollama_checks_that_the_model_is_there,
        ollamaembeddings,
        chatanthropic_chat_and_stream,
        chatanthropic_tools,
        chatanthropic_too_long,
    ],
)
