"""Ways to abuse a server, and how each must be answered."""

from tests.reliability.attacks.attack import Attack
from tests.reliability.attacks.bodies import (
    deep_json,
    endless_names,
    endless_page_names,
    just_allowed_bodies,
    large_bodies,
    large_page_bodies,
    long_prompt,
    many_messages,
    many_values,
)
from tests.reliability.attacks.slow import slow_bodies, slowloris, stuck_readers
from tests.reliability.attacks.texts import broken_heads, broken_page_texts, broken_texts

ATTACKS: tuple[Attack, ...] = (
    Attack("500 connections send a head byte by byte", slowloris, frozenset({"cut off"}), "both", seconds=30),
    Attack("100 bodies come byte by byte", slow_bodies, frozenset({"cut off"}), "both", seconds=45),
    Attack("20 clients read none of their answers", stuck_readers, frozenset({"cut off"}), "both", seconds=90),
    Attack("bodies of 64 MB", large_bodies, frozenset({"413"}), "device"),
    Attack("bodies of 64 MB, page", large_page_bodies, frozenset({"413"}), "page"),
    Attack("bodies as large as allowed", just_allowed_bodies, frozenset({"400"}), "device"),
    Attack("10 million values", many_values, frozenset({"413"}), "both"),
    Attack("names of 20 MB", endless_names, frozenset({"400", "404", "409"}), "device"),
    Attack("names of 20 MB, page", endless_page_names, frozenset({"404", "413", "422"}), "page"),
    Attack("JSON nested 100,000 deep", deep_json, frozenset({"400", "422"}), "both"),
    Attack("a prompt of a million tokens", long_prompt, frozenset({"400"}), "device"),
    Attack("10,000 messages", many_messages, frozenset({"400"}), "device"),
    Attack("invalid UTF-8, half surrogates, NUL in bodies", broken_texts, frozenset({"400", "200"}), "device"),
    Attack("the same, page", broken_page_texts, frozenset({"400", "404", "409", "422"}), "page"),
    Attack("the same in paths, queries and headers", broken_heads, frozenset({"400", "404", "422", "200"}), "both"),
)
