"""The trials of a search as pieces of work that do not need one another: run here or on another machine."""

from kbin.search.network_trials import NetworkTrial, SharedImages, run_network
from kbin.search.stacks import HeadStack, SharedFeatures, run_stack
from kbin.search.trials import TrialOutcome, piece_id

Piece = HeadStack | NetworkTrial


def run_piece(piece: Piece, shared: SharedFeatures | SharedImages) -> list[TrialOutcome]:
    """Runs the trials of a piece; a failure is an outcome with its error, and the other pieces go on.

    Args:
        piece: A stack of heads, or one trial of a network.
        shared: What all pieces of its kind train on.
    """
    try:
        if isinstance(piece, HeadStack) and isinstance(shared, SharedFeatures):
            return run_stack(piece, shared)
        if isinstance(piece, NetworkTrial) and isinstance(shared, SharedImages):
            return run_network(piece, shared)
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        return [TrialOutcome(trial_id, message) for trial_id in piece.trial_ids]
    raise TypeError(f"a {type(piece).__name__} does not go with {type(shared).__name__}")


def id_of(piece: Piece) -> str:
    """Returns a piece's id, from those of its trials."""
    return piece_id(piece.trial_ids)
