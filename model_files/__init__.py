"""What a model's files say about it: OpenVINO IR, GGUF, configuration, kind, quantization, embeddings, tool calls."""
