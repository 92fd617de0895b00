"""Training by `model.fit`, and the callbacks that also serve anybody's own script."""
