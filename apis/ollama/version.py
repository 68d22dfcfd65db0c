"""The version of Ollama's API that this server follows; clients such as GitHub Copilot refuse old ones."""

API_VERSION = "0.18.3"
