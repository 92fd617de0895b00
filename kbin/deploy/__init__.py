"""A trained model leaves home: it predicts, is exported, tracked, and used from scikit-learn."""
