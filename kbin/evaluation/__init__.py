"""Metrics, thresholds and curves: pure functions of labels and scores, without Keras."""
