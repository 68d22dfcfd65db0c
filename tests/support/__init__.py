"""What tests and benchmarks share: starting the product's processes, and clients that put load on them."""
