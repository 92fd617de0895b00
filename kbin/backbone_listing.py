"""The listing of backbones, without Keras."""

import textwrap
from typing import Any

from kbin.catalogue import BACKBONES
from kbin.models.weights_files import weights_at_hand


def backbone_rows() -> list[dict[str, Any]]:
    """Returns a plain row a backbone."""
    return [
        {
            "name": backbone.name,
            "parameters": backbone.parameters,
            "features": backbone.num_features,
            "input_size": backbone.input_size,
            "minimum_size": backbone.minimum_size,
            "size_step": backbone.size_step,
            "extra": backbone.extra,
            "weights": list(backbone.weights),
            "weights_at_hand": list(weights_at_hand(backbone)),
            "weights_files": list(backbone.weights_suffixes),
            "preprocessing": backbone.preprocessing,
            "blocks": [{"name": block.name, "cut_points": list(block.units)} for block in backbone.blocks],
        }
        for backbone in BACKBONES
    ]


def backbone_lines() -> list[str]:
    """Returns the listing as text, at most 80 columns wide."""
    lines = [f"{'backbone':<19}{'parameters':>11}{'features':>10}{'input':>7}  weights (* at hand)"]
    for row in backbone_rows():
        weights = ", ".join(name + ("*" if name in row["weights_at_hand"] else "") for name in row["weights"])
        lines.append(
            f"{row['name']:<19}{row['parameters']:>11,}{row['features']:>10,}{row['input_size']:>7}  {weights}, a file"
        )
        blocks = " ".join(_block_text(block) for block in row["blocks"])
        if row["size_step"] > 1:
            lines.append(f"    images: multiples of {row['size_step']} pixels")
        if row["extra"]:
            lines.append(f"    needs: pip install 'kbin[{row['extra']}]'")
        lines += textwrap.wrap(f"blocks: {blocks}", 80, initial_indent="    ", subsequent_indent="            ")
    lines.append("A model is frozen below `train_blocks: n` (from the top) or `train_from: name`.")
    return lines


def _block_text(block: dict[str, Any]) -> str:
    points = block["cut_points"]
    return block["name"] if len(points) == 1 else f"{block['name']}({points[0]}..{points[-1]})"
