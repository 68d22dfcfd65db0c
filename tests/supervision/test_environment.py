import os

from keys.access import INTERNAL_KEY_VARIABLE
from supervision.environment import child_environment, network_environment
from supervision.python import python_environment

NEEDED = {"PATH": "/bin", "LC_ALL": "C.UTF-8", "OV_CPU_PIN": "1", "ZE_AFFINITY_MASK": "0", "SystemRoot": "C:\\Windows"}
SECRETS = {
    "HF_TOKEN": "s1",
    "HUGGING_FACE_HUB_TOKEN": "s2",
    "MODELSCOPE_API_TOKEN": "s3",
    "OPENAI_API_KEY": "s4",
    "AWS_SECRET_ACCESS_KEY": "s5",
    "OPENVINO_PASSWORD": "s6",
    "INTEL_ACCOUNT_KEY": "s7",
    "SSH_AUTH_SOCK": "s8",
    "DATABASE_URL": "postgres://me:s9@host",
    "PYTHONSTARTUP": "s10",
    INTERNAL_KEY_VARIABLE: "s11",
}
NETWORK = {
    "https_proxy": "http://me:s12@proxy:8080",
    "NO_PROXY": "localhost",
    "SSL_CERT_FILE": "a.pem",
    "HF_HOME": "/h",
}
ALWAYS = python_environment({"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"})


def test_a_child_gets_what_it_needs_and_nobodys_secrets() -> None:
    assert child_environment(NEEDED | SECRETS | NETWORK) == NEEDED | ALWAYS


def test_a_download_gets_the_way_to_the_hub_besides() -> None:
    assert network_environment(NEEDED | SECRETS | NETWORK) == NEEDED | NETWORK | ALWAYS


def test_what_is_set_now_counts() -> None:
    os.environ["OV_SET_NOW"] = "1"
    try:
        assert child_environment()["OV_SET_NOW"] == "1"
    finally:
        del os.environ["OV_SET_NOW"]
