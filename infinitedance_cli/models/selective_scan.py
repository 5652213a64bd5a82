"""The selective state-space recurrence of Mamba (Gu and Dao, 2023, section 3), without CUDA kernels.

For every channel i and state n::

    h[t] = exp(dt[t] · A) · h[t-1] + dt[t] · x[t] · B[t]        y[t] = C[t] · h[t]

The recurrence is walked in time, a slice at a time that stays in the processor's cache, with a gradient written out by
hand: building the (batch, time, channel, state) tensors of the parallel forms costs more than the walk on a CPU.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def selective_scan(signal: Tensor, step: Tensor, decay: Tensor, inputs: Tensor, outputs: Tensor) -> Tensor:
    """Run the recurrence.

    Args:
        signal: x, (batch, time, channel).
        step: dt, (batch, time, channel), above zero.
        decay: A, (channel, state), below zero.
        inputs: B, (batch, time, state).
        outputs: C, (batch, time, state).

    Returns:
        y, (batch, time, channel).
    """
    result: Tensor = _SelectiveScan.apply(signal, step, decay, inputs, outputs)
    return result


class _SelectiveScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, signal: Tensor, step: Tensor, decay: Tensor, inputs: Tensor, outputs: Tensor) -> Tensor:
        step_t, drive_t, inputs_t, outputs_t = _time_first(step, step * signal, inputs, outputs)
        time, batch, channels = step_t.shape
        keep = any(ctx.needs_input_grad)
        states = step.new_empty(time if keep else 0, batch, channels, decay.shape[1])
        result = torch.empty_like(step_t)
        state = step.new_zeros(batch, channels, decay.shape[1])
        for t in range(time):
            retained = torch.mul(step_t[t].unsqueeze(-1), decay).exp_()
            entering = drive_t[t].unsqueeze(-1) * inputs_t[t].unsqueeze(1)
            state = torch.addcmul(entering, retained, state, out=states[t] if keep else entering)
            torch.bmm(state, outputs_t[t].unsqueeze(-1), out=result[t].unsqueeze(-1))
        if keep:
            ctx.save_for_backward(signal, step, decay, inputs, outputs, states)
        return result.transpose(0, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        signal, step, decay, inputs, outputs, states = ctx.saved_tensors
        grad_t, step_t, drive_t, inputs_t, outputs_t = _time_first(gradients[0], step, step * signal, inputs, outputs)
        grad_drive, grad_step = torch.empty_like(step_t), torch.empty_like(step_t)
        grad_inputs, grad_outputs = torch.empty_like(inputs_t), torch.empty_like(outputs_t)
        grad_decay, carried = torch.zeros_like(decay), torch.zeros_like(states[0])
        for t in reversed(range(len(states))):
            grad_outputs[t] = torch.bmm(grad_t[t].unsqueeze(1), states[t]).squeeze(1)
            grad_state = carried.addcmul_(grad_t[t].unsqueeze(-1), outputs_t[t].unsqueeze(1))
            grad_drive[t] = torch.bmm(grad_state, inputs_t[t].unsqueeze(-1)).squeeze(-1)
            grad_inputs[t] = torch.bmm(drive_t[t].unsqueeze(1), grad_state).squeeze(1)
            carried = grad_state.mul_(torch.mul(step_t[t].unsqueeze(-1), decay).exp_())
            if t == 0:
                grad_step[t] = 0
                continue
            exponent = carried * states[t - 1]
            grad_step[t] = (exponent * decay).sum(-1)
            grad_decay += (exponent * step_t[t].unsqueeze(-1)).sum(0)
        grad_drive, grad_step = grad_drive.transpose(0, 1), grad_step.transpose(0, 1)
        grad_step = grad_step + grad_drive * signal
        return grad_drive * step, grad_step, grad_decay, grad_inputs.transpose(0, 1), grad_outputs.transpose(0, 1)


def _time_first(*tensors: Tensor) -> list[Tensor]:
    """(batch, time, …) → contiguous (time, batch, …), so that one moment is one block of memory."""
    return [tensor.transpose(0, 1).contiguous() for tensor in tensors]
