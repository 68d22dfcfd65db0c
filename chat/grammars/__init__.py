"""What an answer must look like, as grammars for the sampler."""
