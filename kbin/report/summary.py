"""What the results say, as text and as rows of tables."""

from typing import Any


def result_lines(results: dict[str, Any]) -> list[str]:
    """Returns the plain-text table of results."""
    return [f"{model['id']}: {model['status']}" for model in results["models"]]
