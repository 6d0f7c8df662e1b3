"""A real stack in a temporary folder, and traffic for it: what the demo, the live tests and the benchmarks run."""
