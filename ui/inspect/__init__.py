"""The parts of the page Inspect: what is looked at, the tools that choose examples, and the examples."""
