"""Changing what this machine serves, whoever asks: the page, the command line with or without a running admin server,
an Ollama client."""
