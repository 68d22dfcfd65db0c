"""Grammars that no engine can use, amid running streams: refused one by one, and no other request is disturbed."""

import asyncio
from typing import Any

from tests.reliability.scenarios.clients import QUESTIONS, BrokenStream, answer, answers_alone, client, request
from tests.reliability.scenarios.result import Result
from tests.support.launch import DeviceProcess


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}}


BAD_FORMS: tuple[dict[str, Any], ...] = (
    _schema({"type": "nonsense"}),
    _schema({"$ref": "#/definitions/missing"}),
    _schema({"type": "string", "pattern": "(["}),
    _schema({"type": "array", "items": {"type": "whatever"}}),
    _schema({"type": "object", "properties": {"a": {"$ref": "#/$defs/no"}}}),
    {"guided_regex": "(unclosed"},
    {"guided_regex": "[z-a]"},
    {"guided_regex": "a{5,2}"},
    {"guided_grammar": 'root ::= "a" undefined_rule'},
    {"guided_grammar": "this is no grammar"},
)


async def bad_grammars(server: DeviceProcess, *, streams: int) -> Result:
    """Every form of `BAD_FORMS` is asked for while so many streams run."""
    result = Result(f"{len(BAD_FORMS)} unusable grammars amid {streams} streams")
    long = {"ignore_eos": True, "max_tokens": 300}
    async with client(server.url) as http:
        alone = await answers_alone(http, server.model, **long)
        asked = [QUESTIONS[number % len(QUESTIONS)] for number in range(streams)]
        running = [asyncio.create_task(answer(http, request(server.model, question, **long))) for question in asked]
        await asyncio.sleep(0.1)
        refusals = await asyncio.gather(*(_ask(http, server.model, form) for form in BAD_FORMS))
        texts = await asyncio.gather(*running, return_exceptions=True)
    still = sum(isinstance(text, str) for text in texts)
    same = sum(text == alone[question] for text, question in zip(texts, asked, strict=True))
    accepted = [form for form, said in zip(BAD_FORMS, refusals, strict=True) if not said.startswith("status 400")]
    failed = [text for text in texts if not isinstance(text, str)]
    result.figures = {
        "refused with 400": len(BAD_FORMS) - len(accepted),
        "whole streams": still,
        "as undisturbed": same,
    }
    result.expect(not accepted, f"not refused: {accepted[:2]}")
    result.expect(still == streams, f"streams were harmed: {failed[:1]!r}")
    return result


async def _ask(http: Any, model: str, form: dict[str, Any]) -> str:
    try:
        return await answer(http, request(model, "hello", max_tokens=8, **form))
    except BrokenStream as error:
        return str(error)
