"""What is wrong with a file of a run's folder, in the words of a message."""

from pydantic import ValidationError


def recorded_faults(error: ValidationError, most: int = 1) -> str:
    """Returns the places that are wrong and what is wrong with each, without what stands there.

    Args:
        error: Of reading the file.
        most: How many places are named.
    """
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'as a whole'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_input=False)[:most]
    )
