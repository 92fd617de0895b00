"""Tests in the order of the package; kbin comes first, because it selects the backend before Keras is imported."""

import kbin  # noqa: F401
