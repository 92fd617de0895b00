"""The page and the tables, made from a run folder alone, without Keras."""
