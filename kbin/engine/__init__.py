"""Batches, and the frozen prefix: what is computed once, and how it is run."""
