"""Parts of the demo model's builder: corpus, conversations, tokenizer, training, export."""
