"""Ollama's endpoints, as the `ollama` clients and the tools built on them use them."""
