"""Backbones, heads and freezing: from a catalogue name to a plain `keras.Model`."""
