"""Our sampling parameters as openvino_genai's GenerationConfig."""

from openvino_genai import GenerationConfig, StructuredOutputConfig

from instances.protocol import GenerationParams, Grammar, JsonSchema, Regex, StructuralTags, Structure

_PENALTIES = ("presence_penalty", "frequency_penalty")
_OF_CHANCE = ("top_p", "top_k", "min_p")
_NOTHING = 1e-37
"""Less is 0 or nearly so to the library, which has numbers of 32 bits and takes no 0."""


def generation_config(defaults: GenerationConfig, sampling: GenerationParams) -> GenerationConfig:
    """`defaults` (a copy of the pipeline's own configuration, changed in place) with the request's values set.

    Temperature 0 means greedy, and so does what leaves one token only. The seed is always set: the library's default is
    the constant 0, which would give equal sampled answers to equal prompts.
    """
    config = defaults
    config.max_new_tokens = sampling.token_limit
    config.rng_seed = sampling.seed or 0
    config.ignore_eos = sampling.ignore_eos
    if sampling.logprobs:
        config.logprobs = 1
    greedy = _is_greedy(sampling)
    if greedy:
        config.do_sample = False
    elif sampling.temperature is not None:
        config.do_sample = True
        config.temperature = sampling.temperature
    for name in _PENALTIES if greedy else (*_PENALTIES, *_OF_CHANCE):
        value = getattr(sampling, name)
        if value is not None:
            setattr(config, name, value)
    if sampling.repetition_penalty is not None:
        config.repetition_penalty = max(sampling.repetition_penalty, _NOTHING)
    if sampling.structure is not None:
        config.structured_output_config = structured_output(sampling.structure)
    return config


def _is_greedy(sampling: GenerationParams) -> bool:
    return (
        (sampling.temperature is not None and sampling.temperature < _NOTHING)
        or (sampling.top_p is not None and sampling.top_p < _NOTHING)
        or (sampling.min_p is not None and sampling.min_p >= 1)
    )


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
