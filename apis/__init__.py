"""The wire: OpenAI's, Ollama's and our own endpoints of one device."""
