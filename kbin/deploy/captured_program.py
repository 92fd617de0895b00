"""A torch module -> a `torch.export` program with a free batch size, in which all that is constant is computed."""

import torch
from torch.export import Dim, ExportedProgram
from torch.fx import GraphModule

from kbin.deploy.constant_folding import fold_constants
from kbin.deploy.quiet_libraries import quiet
from kbin.interruption import safe_point

_IMAGES_TRACED = 2  # torch.export takes a batch of one for a constant


def captured_program(network: torch.nn.Module, image_size: int) -> ExportedProgram:
    """Captures a network's computation.

    Args:
        network: Takes such images; on the CPU.
        image_size: Side of the images in pixels.

    Returns:
        From uint8 images, shape (batch, image_size, image_size, 3), batch of any size, to probabilities.
    """
    with quiet(), torch.no_grad():
        program = _exported(network.eval(), image_size)
        safe_point()
        graph_module = program.module()
        if _changes_in_place(graph_module):  # then nothing is sure to be constant
            return program
        folded = fold_constants(graph_module)
        safe_point()
        return _exported(folded, image_size)


def _exported(module: torch.nn.Module, image_size: int) -> ExportedProgram:
    images = torch.zeros((_IMAGES_TRACED, image_size, image_size, 3), dtype=torch.uint8)
    batch = {0: Dim("batch", min=1)}
    return torch.export.export(module, (images,), dynamic_shapes=(batch,), strict=False)


def _changes_in_place(graph_module: GraphModule) -> bool:
    schemas = (getattr(node.target, "_schema", None) for node in graph_module.graph.nodes)
    return any(schema is not None and schema.is_mutable for schema in schemas)
