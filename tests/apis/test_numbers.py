"""Numbers of any size and sign, on the real pipelines: served where they mean something, else refused."""

import httpx
import pytest

from tests.apis.servers import CHAT, EMBEDDING
from tests.helpers import http

HUGE = 10**40
OTHERS_TOKEN = 259
"""The first id that the test model does not have."""


def post(server: str, path: str, **body: object) -> httpx.Response:
    return http.post(server + path, json={"model": CHAT, "max_tokens": 2, **body}, timeout=60)


@pytest.mark.parametrize("number", [-1, -7631, 0, 2**31, 2**63, 2**64, HUGE, -HUGE])
@pytest.mark.parametrize("choices", [1, 2])
def test_any_seed_will_do(server: str, number: int, choices: int) -> None:
    answer = post(server, "/v1/completions", prompt="ab", seed=number, temperature=1, n=choices)
    assert answer.status_code == 200, answer.text
    again = post(server, "/v1/completions", prompt="ab", seed=number, temperature=1, n=choices)
    assert [choice["text"] for choice in again.json()["choices"]] == [
        choice["text"] for choice in answer.json()["choices"]
    ]


def test_any_seed_will_do_in_ollamas_api(server: str) -> None:
    for seed in (-1, HUGE):
        body = {"prompt": "ab", "stream": False, "options": {"seed": seed, "num_predict": 2}}
        assert post(server, "/api/generate", **body).status_code == 200


def test_a_large_top_k_is_all_tokens(server: str) -> None:
    assert post(server, "/v1/completions", prompt="ab", top_k=HUGE).status_code == 200


@pytest.mark.parametrize("token", [-1, OTHERS_TOKEN, 2**31, 2**63, HUGE])
@pytest.mark.parametrize("echo", [False, True])
def test_a_token_that_is_none_is_refused(server: str, token: int, echo: bool) -> None:
    for prompt in ([5, token], [[5], [token, 6]]):
        answer = post(server, "/v1/completions", prompt=prompt, echo=echo)
        assert answer.status_code == 400, answer.text
    answer = post(server, "/api/generate", prompt="ab", context=[token], stream=False)
    assert answer.status_code == 400, answer.text


def test_the_last_token_is_one(server: str) -> None:
    assert post(server, "/v1/completions", prompt=[5, OTHERS_TOKEN - 1]).status_code == 200


@pytest.mark.parametrize("token", [-1, 2**31, HUGE])
def test_an_embedding_of_no_token_is_refused(server: str, token: int) -> None:
    assert post(server, "/v1/embeddings", model=EMBEDDING, input=[[5, token]]).status_code == 400


@pytest.mark.parametrize(
    "options",
    [
        {"repetition_penalty": 5e-324},
        {"repetition_penalty": 1e300},
        {"temperature": 5e-324},
        {"temperature": 2, "top_p": 0},
        {"temperature": 2, "top_p": 5e-324},
        {"temperature": 2, "min_p": 1},
        {"presence_penalty": 5e-324},
    ],
)
def test_numbers_beyond_32_bits_are_served(server: str, options: dict[str, float]) -> None:
    assert post(server, "/v1/completions", prompt="ab", **options).status_code == 200


@pytest.mark.parametrize("options", [{"temperature": 5e-324}, {"top_p": 0}, {"min_p": 1}])
def test_what_leaves_one_token_is_greedy(server: str, options: dict[str, float]) -> None:
    greedy = post(server, "/v1/completions", prompt="ab", max_tokens=8, temperature=0).json()["choices"]
    for seed in range(3):
        body = {"temperature": 2, **options}
        answer = post(server, "/v1/completions", prompt="ab", max_tokens=8, seed=seed, **body)
        assert answer.json()["choices"] == greedy
