"""Questions that the demo model was trained on, with a word that a right answer has."""

QUESTIONS = [
    ("什麼是 OpenVINO？", "OpenVINO"),
    ("What is OpenVINO?", "OpenVINO"),
]
