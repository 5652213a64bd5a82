"""Mamba and its scan against independent computations."""

from __future__ import annotations

import sys
import types
import warnings

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from infinitedance_cli.models import mamba as mamba_module
from infinitedance_cli.models.mamba import Mamba, MambaConfig
from infinitedance_cli.models.selective_scan import selective_scan


def _scan_inputs(batch: int, time: int, channels: int, state: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(5)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    tensors = [random(batch, time, channels), random(batch, time, channels).exp() * 0.1, -random(channels, state).exp()]
    return [tensor.requires_grad_() for tensor in (*tensors, random(batch, time, state), random(batch, time, state))]


def test_scan_worked_by_hand() -> None:
    half = torch.log(torch.tensor(0.5))
    step = torch.ones(1, 3, 1)
    result = selective_scan(
        torch.tensor([[[1.0], [2.0], [4.0]]]), step, half.view(1, 1), torch.ones(1, 3, 1), torch.full((1, 3, 1), 3.0)
    )
    # h = 1, 0.5 + 2 = 2.5, 1.25 + 4 = 5.25; y = 3 h
    assert result.flatten().tolist() == pytest.approx([3.0, 7.5, 15.75])


def test_scan_gradient_is_the_numerical_one() -> None:
    assert torch.autograd.gradcheck(selective_scan, _scan_inputs(2, 5, 3, 2))


def test_scan_equals_the_plain_recurrence() -> None:
    signal, step, decay, inputs, outputs = (tensor.detach() for tensor in _scan_inputs(2, 40, 6, 4))
    state, expected = torch.zeros(2, 6, 4, dtype=torch.float64), []
    for t in range(40):
        state = torch.exp(step[:, t, :, None] * decay) * state
        state = state + (step * signal)[:, t, :, None] * inputs[:, t, None, :]
        expected.append((state * outputs[:, t, None, :]).sum(-1))
    assert torch.allclose(selective_scan(signal, step, decay, inputs, outputs), torch.stack(expected, 1), atol=1e-12)


def test_block_equals_transformers_mixer_with_the_same_weights() -> None:
    from transformers import MambaConfig as TransformersConfig
    from transformers.models.mamba.modeling_mamba import MambaMixer

    torch.manual_seed(0)
    ours = Mamba(MambaConfig(width=32))
    mixer = MambaMixer(TransformersConfig(hidden_size=32, num_hidden_layers=1, use_bias=False), 0).eval()
    mixer.load_state_dict(ours.state_dict())  # strict: names and shapes are the same
    signal = torch.randn(2, 20, 32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = mixer(signal)
    assert torch.allclose(ours(signal), expected, atol=1e-5)
    weights = torch.randn_like(expected)
    (ours(signal) * weights).sum().backward()
    (expected * weights).sum().backward()
    theirs = dict(mixer.named_parameters())
    for name, parameter in ours.named_parameters():
        assert parameter.grad is not None
        assert torch.allclose(parameter.grad, theirs[name].grad, atol=1e-5), name


def test_block_is_causal() -> None:
    torch.manual_seed(0)
    block = Mamba(MambaConfig(width=16))
    signal = torch.randn(1, 12, 16)
    changed = signal.clone()
    changed[:, 7] += 1.0
    before, after = block(signal), block(changed)
    assert torch.equal(before[:, :7], after[:, :7])
    assert (before[:, 7:] != after[:, 7:]).any(-1).all()


def _published_scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, **more: object) -> Tensor:  # noqa: N803
    """What mamba_ssm documents its kernel to compute: (batch, channel, time) tensors."""
    z, bias = more["z"], more["delta_bias"]
    assert isinstance(z, Tensor) and isinstance(bias, Tensor) and more["delta_softplus"] is True
    delta = functional.softplus(delta + bias[:, None])
    state, outputs = torch.zeros(*u.shape[:2], A.shape[1]), []
    for t in range(u.shape[2]):
        state = torch.exp(delta[:, :, t, None] * A) * state + (delta * u)[:, :, t, None] * B[:, None, :, t]
        outputs.append((state * C[:, None, :, t]).sum(-1))
    return (torch.stack(outputs, 2) + u * D[:, None]) * functional.silu(z)


def test_mamba_ssm_kernel_gets_the_arguments_that_it_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    interface = types.ModuleType("mamba_ssm.ops.selective_scan_interface")
    interface.selective_scan_fn = _published_scan  # type: ignore[attr-defined]
    for name in ("mamba_ssm", "mamba_ssm.ops"):
        module = types.ModuleType(name)
        module.__spec__ = types.SimpleNamespace()  # type: ignore[assignment]
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, interface.__name__, interface)
    mamba_module._scan_kernel.cache_clear()
    kernel = mamba_module._scan_kernel()
    mamba_module._scan_kernel.cache_clear()
    torch.manual_seed(0)
    block = Mamba(MambaConfig(width=16))
    inner, steps, gate = (torch.randn(2, 9, 32) for _ in range(3))
    inputs, outputs = torch.randn(2, 9, 16), torch.randn(2, 9, 16)
    decay = -block.A_log.exp()
    result = mamba_module._with_kernel(kernel, inner, steps, decay, inputs, outputs, block.D, gate, block.dt_proj.bias)
    assert torch.allclose(result, block._scan(inner, steps, inputs, outputs, gate), atol=1e-5)
