"""A model in the layout that OpenVINO GenAI takes for Kokoro, of next to no weights: what it says means nothing."""

import json
from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as op

_PHONEMES = ";:,.!?—…()“” ʣʥʦʨᵝꭧAIOQSTWYᵊabcdefhijklmnopqrstuvwxyzɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌː"
_SAMPLES = 600
"""Of each phoneme."""


def build_kokoro(directory: Path, *, voices: tuple[str, ...], dictionary: bool = True) -> Path:
    """Each phoneme has a sound of its own, as loud as the voice's style and shorter the faster it is spoken."""
    ids, style, speed = (
        op.parameter(shape, kind, name=name)
        for name, shape, kind in (
            ("input_ids", [1, -1], np.int64),
            ("ref_s", [1, 256], np.float32),
            ("speed", [1], np.float32),
        )
    )
    for each in (ids, style, speed):
        each.output(0).get_tensor().set_names({each.friendly_name})
    sounds = op.constant(np.random.default_rng(1).normal(0, 0.2, (256, _SAMPLES)).astype(np.float32))
    spoken = op.gather(sounds, ids, op.constant(0))
    louder = op.multiply(spoken, op.reshape(op.reduce_mean(style, op.constant([0, 1])), op.constant([1, 1, 1]), False))
    every = op.convert(op.round(speed), "i64")
    shorter = op.slice(louder, op.constant([0]), op.constant([_SAMPLES]), every, op.constant([2]))
    audio = op.reshape(shorter, op.constant([-1]), False)
    durations = op.reshape(
        op.add(op.multiply(ids, op.constant(np.int64(0))), op.constant(np.int64(1))), op.constant([-1]), False
    )
    audio.output(0).get_tensor().set_names({"waveform"})
    durations.output(0).get_tensor().set_names({"pred_dur"})
    outputs = [op.result(audio), op.result(durations)]
    model = ov.Model(outputs, [ids, style, speed], "kokoro")  # pyright: ignore[reportGeneralTypeIssues]
    ov.save_model(
        model,
        directory / "openvino_model.xml",
    )
    config = {
        "model_type": "kokoro",
        "architectures": ["KokoroForTextToSpeech"],
        "vocab": {phoneme: number for number, phoneme in enumerate(_PHONEMES, 1)},
        "plbert": {"max_position_embeddings": 512},
    }
    (directory / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (directory / "voices").mkdir()
    for number, voice in enumerate(voices, 1):
        np.full((510, 1, 256), number / 10, np.float32).tofile(directory / "voices" / f"{voice}.bin")
    if dictionary:
        (directory / "data").mkdir()
        for name in ("us_gold", "us_silver", "gb_gold", "gb_silver"):
            tomato = "təmˈATO" if name.startswith("us") else "təmˈɑːtQ"
            words = {"hello": "həlˈO", "there": "ðˈɛɹ", "tomato": tomato}
            (directory / "data" / f"{name}.json").write_text(json.dumps(words), encoding="utf-8")
    return directory
