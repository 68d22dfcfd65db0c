"""Builds the tiny random-weight models of speech and pictures that the tests load.

    python tools/build_media_models.py tests/models [name …]

Needs torch, transformers, diffusers and optimum-intel, which the server itself does not. What they say and draw means
nothing; their files are those of real models.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from openvino import save_model
from openvino_tokenizers import convert_tokenizer
from optimum.exporters.openvino import main_export
from optimum.intel import OVConfig, OVStableDiffusionPipeline
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    PreTrainedTokenizerFast,
    SpeechT5Config,
    SpeechT5ForTextToSpeech,
    SpeechT5HifiGan,
    SpeechT5HifiGanConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

_LANGUAGES = ("en", "zh", "de")
_STEPS = 1501
"""Times that a window of 30 s has tokens for, 0.02 s apart."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path, help="the directory that gets one folder per model")
    parser.add_argument("names", nargs="*", help="which models to build; default: all")
    options = parser.parse_args()
    builders: dict[str, Callable[[Path], None]] = {
        "test_whisper": build_whisper,
        "test_speech": build_speech,
        "test_image": build_image,
    }
    for name in options.names or builders:
        torch.manual_seed(20)
        directory = options.target / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        builders[name](directory)
        size = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
        print(f"{directory}: {size:,} bytes")


def build_whisper(directory: Path) -> None:
    """See `whisper_source`."""
    with tempfile.TemporaryDirectory() as source:
        tokenizer = whisper_source(Path(source))
        _export(source, directory, "automatic-speech-recognition-with-past")
        generation = (Path(source) / "generation_config.json").read_text(encoding="utf-8")
    WhisperFeatureExtractor(feature_size=80).save_pretrained(directory)
    (directory / "generation_config.json").write_text(
        json.dumps(json.loads(generation), indent=1) + "\n", encoding="utf-8"
    )
    _save_tokenizer(tokenizer, directory)


def whisper_source(directory: Path) -> PreTrainedTokenizerFast:
    """A Whisper in Hugging Face's format: two layers each way; single bytes, three languages and all times as tokens.
    No heads for times of words: of the times that random weights come to the library would read past the end of its
    memory."""
    marks = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{each}|>" for each in _LANGUAGES)]
    marks += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    times = [f"<|{step / 50:.2f}|>" for step in range(_STEPS)]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    ids = {token: index for index, token in enumerate([*alphabet, *marks, *times])}
    whole = Tokenizer(models.BPE(ids, []))
    whole.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    whole.decoder = decoders.ByteLevel()
    whole.add_special_tokens([AddedToken(mark, special=True, normalized=False) for mark in marks])
    whole.add_tokens([AddedToken(time, special=False, normalized=False) for time in times])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=whole, eos_token="<|endoftext|>", pad_token="<|endoftext|>")
    end, start = ids["<|endoftext|>"], ids["<|startoftranscript|>"]
    config = WhisperConfig(
        vocab_size=len(ids),
        d_model=16,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        init_std=0.5,
        decoder_start_token_id=start,
        eos_token_id=end,
        pad_token_id=end,
        bos_token_id=end,
    )
    generation = {
        "is_multilingual": True,
        "lang_to_id": {f"<|{each}|>": ids[f"<|{each}|>"] for each in _LANGUAGES},
        "task_to_id": {"translate": ids["<|translate|>"], "transcribe": ids["<|transcribe|>"]},
        "no_timestamps_token_id": ids["<|notimestamps|>"],
        "prev_sot_token_id": ids["<|startofprev|>"],
        "max_initial_timestamp_index": 50,
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        "decoder_start_token_id": start,
        "suppress_tokens": [ids[mark] for mark in marks[1:-1]],
        "begin_suppress_tokens": [end],
        "max_length": 32,
    }
    WhisperForConditionalGeneration(config).eval().save_pretrained(directory)
    WhisperFeatureExtractor(feature_size=80).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    (directory / "generation_config.json").write_text(json.dumps(generation), encoding="utf-8")
    return tokenizer


def build_speech(directory: Path) -> None:
    """A SpeechT5 of one layer each way that says single bytes, with its vocoder."""
    tokenizer = _bytes(["<s>", "<pad>", "</s>", "<unk>"], end="</s>", pad="<pad>")
    config = SpeechT5Config(
        vocab_size=len(tokenizer),
        hidden_size=24,
        encoder_layers=1,
        encoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_layers=1,
        decoder_attention_heads=2,
        decoder_ffn_dim=32,
        speech_decoder_prenet_units=16,
        speech_decoder_postnet_units=16,
        speech_decoder_postnet_layers=2,
        num_mel_bins=80,
    )
    vocoder = SpeechT5HifiGanConfig(
        upsample_initial_channel=32, resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1]]
    )
    with tempfile.TemporaryDirectory() as source, tempfile.TemporaryDirectory() as voice:
        SpeechT5ForTextToSpeech(config).eval().save_pretrained(source)
        tokenizer.save_pretrained(source)
        SpeechT5HifiGan(vocoder).eval().save_pretrained(voice)
        _export(source, directory, "text-to-audio-with-past", vocoder=voice)
    _save_tokenizer(tokenizer, directory)


def build_image(directory: Path) -> None:
    """A Stable Diffusion of a few channels."""
    from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionPipeline, UNet2DConditionModel

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*alphabet, *(f"{each}</w>" for each in alphabet), "<|startoftext|>", "<|endoftext|>"]
    text = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        bos_token_id=len(words) - 2,
        eos_token_id=len(words) - 1,
        pad_token_id=len(words) - 1,
    )
    net = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=4,
        norm_num_groups=4,
    )
    pictures = AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        norm_num_groups=4,
    )
    with tempfile.TemporaryDirectory() as source:
        vocabulary, merges = Path(source) / "vocab.json", Path(source) / "merges.txt"
        vocabulary.write_text(json.dumps({word: index for index, word in enumerate(words)}), encoding="utf-8")
        merges.write_text("#version: 0.2\n", encoding="utf-8")
        pipeline = StableDiffusionPipeline(
            vae=pictures.eval(),
            text_encoder=CLIPTextModel(text).eval(),
            tokenizer=CLIPTokenizer(str(vocabulary), str(merges), model_max_length=77),
            unet=net.eval(),
            scheduler=EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        folder = Path(source) / "pipeline"
        pipeline.save_pretrained(folder)
        OVStableDiffusionPipeline.from_pretrained(folder, export=True, load_in_8bit=False).save_pretrained(directory)
        _save_tokenizer(pipeline.tokenizer, directory / "tokenizer")


def _export(source: str, directory: Path, task: str, **options: str) -> None:
    """In 16 bits."""
    form = OVConfig(dtype="fp16")
    main_export(source, directory, task=task, ov_config=form, convert_tokenizer=False, model_kwargs=options or None)


def _bytes(marks: list[str], *, end: str, pad: str) -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    ids = {token: index for index, token in enumerate([*marks, *alphabet])}
    whole = Tokenizer(models.BPE(ids, []))
    whole.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    whole.decoder = decoders.ByteLevel()
    whole.add_special_tokens([AddedToken(mark, special=True, normalized=False) for mark in marks])
    return PreTrainedTokenizerFast(tokenizer_object=whole, eos_token=end, pad_token=pad)


def _save_tokenizer(tokenizer: PreTrainedTokenizerFast, directory: Path) -> None:
    converted = convert_tokenizer(tokenizer, with_detokenizer=True)
    assert isinstance(converted, tuple)
    for name, part in zip(("openvino_tokenizer", "openvino_detokenizer"), converted, strict=True):
        save_model(part, directory / f"{name}.xml")


if __name__ == "__main__":
    main()
