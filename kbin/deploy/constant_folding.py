"""A captured network without what is the same at every call: it is computed once, as part of the weights.

Keras turns kernels into torch's layout at every call, copies constants, and casts to the type that a tensor has; the
runtimes' own optimizers find some of this, and torch, which has none, runs a third faster without it.
"""

import operator
from collections.abc import Callable
from typing import Any, cast

import torch
from torch.fx import GraphModule, Node
from torch.fx.node import map_arg
from torch.nn.utils.fusion import fuse_conv_bn_weights

_ATEN = torch.ops.aten
_ASSERTION = _ATEN._assert_tensor_metadata.default
_CONVERSIONS = (_ATEN.to.dtype_layout, _ATEN.to.dtype)


def fold_constants(graph_module: GraphModule) -> GraphModule:
    """Returns the same computation with its constants computed, and BatchNorm merged into the convolution under it.

    Args:
        graph_module: Of a `torch.export` program; none of its operations changes a tensor in place.
    """
    graph = graph_module.graph
    folding = _Folding(graph_module)
    for node in list(graph.nodes):
        if node.op == "call_module" or node.target == _ASSERTION:  # checks of types and sizes, which hold
            graph.erase_node(node)
        elif node.op == "call_function":
            folding.fold(node)
    graph.eliminate_dead_code()
    held = {}
    for number, node in enumerate(one for one in graph.nodes if one.op == "get_attr"):
        node.target = f"constant_{number}"
        # A copy: a view would take the whole of what it is a view of into the file.
        value = folding.constants[node].detach().clone(memory_format=torch.contiguous_format)
        held[node.target] = torch.nn.Buffer(value)
    return GraphModule(held, graph)


class _Folding:
    """The constants of a graph by node, and what is made of them."""

    def __init__(self, graph_module: GraphModule):
        self._module, self._graph = graph_module, graph_module.graph
        self.constants: dict[Node, Any] = {
            node: operator.attrgetter(node.target)(graph_module) for node in self._graph.nodes if node.op == "get_attr"
        }

    def fold(self, node: Node) -> None:
        inputs = node.all_input_nodes
        if inputs and all(one in self.constants for one in inputs):
            self._compute(node)
        elif node.target in _CONVERSIONS and inputs[0].meta["val"].dtype == node.meta["val"].dtype:
            self._replace(node, inputs[0])
        elif node.target == _ATEN.batch_norm.default:
            self._merge_batch_norm(node)

    def _compute(self, node: Node) -> None:
        args: Any = map_arg(node.args, self.constants.__getitem__)
        kwargs: Any = map_arg(node.kwargs, self.constants.__getitem__)
        value = cast("Callable[..., Any]", node.target)(*args, **kwargs)
        if isinstance(value, torch.Tensor):
            self._replace(node, self._constant(value, node))

    def _merge_batch_norm(self, node: Node) -> None:
        """Puts a BatchNorm into the convolution whose only reader it is.

        Source:
            Jacob et al. 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only
            inference", equation 14, and the same for the bias.
        """
        convolution, *constants, _, _, epsilon, _ = cast("tuple[Any, ...]", node.args)
        if not isinstance(convolution, Node) or convolution.target != _ATEN.conv2d.default:
            return
        images, kernel, bias, *others = cast("tuple[Any, ...]", (*convolution.args, None)[:3]) + convolution.args[3:]
        constants += [kernel, bias]
        if len(convolution.users) > 1 or not all(one is None or one in self.constants for one in constants):
            return
        values: list[Any] = [None if one is None else self.constants[one] for one in constants]
        gamma, beta, mean, variance, kernel, bias = values
        merged = fuse_conv_bn_weights(kernel, bias, mean, variance, epsilon, gamma, beta)
        weights = [self._constant(one, node) for one in merged]
        with self._graph.inserting_before(node):
            joined = self._graph.call_function(_ATEN.conv2d.default, (images, *weights, *others), convolution.kwargs)
        joined.meta = dict(node.meta)
        self._replace(node, joined)
        self._graph.erase_node(convolution)

    def _constant(self, value: torch.Tensor, before: Node) -> Node:
        name = f"folded_{len(self.constants)}"
        self._module.register_buffer(name, value.detach())
        with self._graph.inserting_before(before):
            node = self._graph.get_attr(name)
        node.meta["val"] = value
        self.constants[node] = value
        return node

    def _replace(self, node: Node, other: Node) -> None:
        node.replace_all_uses_with(other)
        self._graph.erase_node(node)
