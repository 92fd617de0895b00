"""What is the same at every call is computed once; the expected values are torch's own, of the module as it is."""

from collections import Counter

import pytest
import torch
from torch.export import Dim
from torch.fx import GraphModule

from kbin.deploy.constant_folding import fold_constants
from kbin.deploy.quiet_libraries import quiet

IMAGES = torch.rand((2, 3, 8, 8), generator=torch.Generator().manual_seed(0))


class Network(torch.nn.Module):
    """A convolution whose kernel is turned and cast at every call, as Keras does, with BatchNorm on it."""

    def __init__(self, reads_twice: bool = False):
        super().__init__()
        torch.manual_seed(0)
        self.kernel = torch.nn.Parameter(torch.randn(3, 3, 3, 4))
        self.norm = torch.nn.BatchNorm2d(4, eps=0.1)
        self.norm.running_mean = torch.tensor([0.5, -1.0, 2.0, 0.0])
        self.norm.running_var = torch.tensor([0.3, 1.0, 4.0, 0.01])
        torch.nn.init.uniform_(self.norm.weight, 0.5, 2.0)
        torch.nn.init.uniform_(self.norm.bias, -1.0, 1.0)
        self.reads_twice = reads_twice

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        kernel = torch.permute(self.kernel, (3, 2, 0, 1)).to(torch.float32) * 2
        x = torch.nn.functional.conv2d(images.to(torch.float32), kernel)
        return self.norm(x) + x if self.reads_twice else self.norm(x)


class Biased(Network):
    """The same with a bias that is added, as Keras does; or one that is no bias."""

    def __init__(self, bias: torch.Tensor):
        super().__init__()
        self.bias = torch.nn.Parameter(bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = torch.nn.functional.conv2d(images, torch.permute(self.kernel, (3, 2, 0, 1)), None, 2)
        return self.norm(x + self.bias)


def folded(network: Network) -> GraphModule:
    with quiet(), torch.no_grad():
        program = torch.export.export(network.eval(), (IMAGES,), dynamic_shapes=({0: Dim("batch")},))
        return fold_constants(program.module())


def operations(graph_module: GraphModule) -> Counter[str]:
    return Counter(str(node.target) for node in graph_module.graph.nodes if node.op == "call_function")


def test_batch_norm_goes_into_the_convolution_and_constants_into_the_weights():
    network = Network()
    small = folded(network)

    assert operations(small) == {"aten.conv2d.default": 1}
    torch.testing.assert_close(small(IMAGES), network(IMAGES))


def test_a_convolution_that_something_else_reads_too_stays_as_it_is():
    network = Network(reads_twice=True)
    small = folded(network)

    assert operations(small) == {"aten.conv2d.default": 1, "aten.batch_norm.default": 1, "aten.add.Tensor": 1}
    torch.testing.assert_close(small(IMAGES), network(IMAGES))


def test_a_bias_that_is_added_goes_into_the_convolution_and_batch_norm_after_it():
    network = Biased(torch.tensor([3.0, -2.0, 0.5, 1.0]).reshape(1, 4, 1, 1))
    small = folded(network)

    assert operations(small) == {"aten.conv2d.default": 1}
    torch.testing.assert_close(small(IMAGES), network(IMAGES))


@pytest.mark.parametrize("shape", [(1, 1, 3, 3), (4, 3, 3), (1, 1, 1, 1), (3,)])
def test_a_constant_of_another_shape_is_no_bias(shape):
    network = Biased(torch.rand(shape, generator=torch.Generator().manual_seed(1)))
    small = folded(network)

    assert operations(small) == {"aten.conv2d.default": 1, "aten.add.Tensor": 1, "aten.batch_norm.default": 1}
    torch.testing.assert_close(small(IMAGES), network(IMAGES))


def test_only_the_weights_that_are_used_are_kept():
    kept = folded(Network()).state_dict()

    assert sum(one.numel() for one in kept.values()) == 3 * 3 * 3 * 4 + 4
