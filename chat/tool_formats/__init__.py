"""How model families write tool calls, one module a way of writing; `registry` knows which model speaks which."""
