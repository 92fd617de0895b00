"""The audit of one run: from its folder, its images and the store to arrays, and from findings to files; no Keras."""
