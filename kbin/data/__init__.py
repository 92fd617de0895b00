"""Sources, splits and decoding: from files to labelled arrays of RGB, without Keras."""
