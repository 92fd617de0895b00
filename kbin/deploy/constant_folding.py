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
    """Returns the same computation with its constants computed; a convolution takes its bias and BatchNorm in.

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
        elif node.target == _ATEN.add.Tensor:
            self._merge_bias(node)
        elif node.target == _ATEN.batch_norm.default:
            self._merge_batch_norm(node)

    def _compute(self, node: Node) -> None:
        args: Any = map_arg(node.args, self.constants.__getitem__)
        kwargs: Any = map_arg(node.kwargs, self.constants.__getitem__)
        value = cast("Callable[..., Any]", node.target)(*args, **kwargs)
        if isinstance(value, torch.Tensor):
            self._replace(node, self._constant(value, node))

    def _merge_bias(self, node: Node) -> None:
        """Puts a constant of each channel into the convolution whose only reader adds it, as Keras adds biases."""
        convolution, bias = cast("tuple[Any, ...]", node.args)
        if not self._is_read_once(convolution) or bias not in self.constants or node.kwargs:
            return
        values = self.constants[bias]
        arguments = _arguments(convolution)
        if arguments[2] is not None or values.shape != (1, convolution.meta["val"].shape[1], 1, 1):
            return
        self._join(node, convolution, arguments[1], self._constant(values.flatten(), node))

    def _merge_batch_norm(self, node: Node) -> None:
        """Puts a BatchNorm into the convolution whose only reader it is.

        Source:
            Jacob et al. 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only
            inference", equation 14, and the same for the bias.
        """
        convolution, *constants, _, _, epsilon, _ = cast("tuple[Any, ...]", node.args)
        if not self._is_read_once(convolution):
            return
        constants += _arguments(convolution)[1:3]
        if not all(one is None or one in self.constants for one in constants):
            return
        values: list[Any] = [None if one is None else self.constants[one] for one in constants]
        gamma, beta, mean, variance, kernel, bias = values
        merged = fuse_conv_bn_weights(kernel, bias, mean, variance, epsilon, gamma, beta)
        self._join(node, convolution, *(self._constant(one, node) for one in merged))

    def _is_read_once(self, node: Any) -> bool:
        """Returns whether it is a convolution that one operation reads."""
        return isinstance(node, Node) and node.target == _ATEN.conv2d.default and len(node.users) == 1

    def _join(self, node: Node, convolution: Node, kernel: Node, bias: Node) -> None:
        """Puts one convolution with other weights in the place of a convolution and what reads it."""
        images, _, _, *others = _arguments(convolution)
        with self._graph.inserting_before(node):
            joined = self._graph.call_function(
                _ATEN.conv2d.default, (images, kernel, bias, *others), convolution.kwargs
            )
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


def _arguments(convolution: Node) -> tuple[Any, ...]:
    """Returns images, kernel, bias or None, and what else a convolution is called with."""
    images, kernel, bias, *others = (*convolution.args, None) if len(convolution.args) == 2 else convolution.args
    return images, kernel, bias, *others
