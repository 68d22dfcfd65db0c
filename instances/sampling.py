"""Our sampling parameters as openvino_genai's GenerationConfig."""

from openvino_genai import GenerationConfig, StructuredOutputConfig

from instances.messages import Grammar, JsonSchema, Regex, Sampling, StructuralTags, Structure

_PLAIN = ("top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty")


def generation_config(defaults: GenerationConfig, sampling: Sampling) -> GenerationConfig:
    """`defaults` (a copy of the pipeline's own configuration, changed in place) with the request's values set.

    Temperature 0 means greedy. The seed is always set: the library's default is the constant 0, which would give
    equal sampled answers to equal prompts.
    """
    config = defaults
    config.max_new_tokens = sampling.max_new_tokens
    config.rng_seed = sampling.seed
    config.ignore_eos = sampling.ignore_eos
    if sampling.logprobs:
        config.logprobs = 1
    if sampling.temperature is not None:
        config.do_sample = sampling.temperature > 0
        if config.do_sample:
            config.temperature = sampling.temperature
    for name in _PLAIN:
        value = getattr(sampling, name)
        if value is not None:
            setattr(config, name, value)
    if sampling.structure is not None:
        config.structured_output_config = structured_output(sampling.structure)
    return config


def structured_output(structure: Structure) -> StructuredOutputConfig:
    """`structure` in the library's terms. Nothing is checked here; the sampler compiles it at the first token."""
    match structure:
        case JsonSchema(schema):
            return StructuredOutputConfig(json_schema=schema)
        case Regex(pattern):
            return StructuredOutputConfig(regex=pattern)
        case Grammar(ebnf=ebnf):
            return StructuredOutputConfig(grammar=ebnf)
        case StructuralTags(tags):
            return StructuredOutputConfig(structural_tags_config=tags)
