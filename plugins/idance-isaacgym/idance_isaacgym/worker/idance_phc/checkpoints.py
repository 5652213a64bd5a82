"""PHC's checkpoints: a dictionary with tensors under `model` and `running_mean_std`, read without running any code."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .errors import BadFile, Missing

_ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU}
# Beside tensors, a training run leaves the last reward in its checkpoints as a number of numpy.
_ADMITTED = {
    ("_codecs", "encode"),
    ("collections", "OrderedDict"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
    ("torch._utils", "_rebuild_tensor_v2"),
}


@dataclass(frozen=True)
class Normalizer:
    """What an observation is normalised by: `mean` and `variance`, both (S,)."""

    mean: Tensor
    variance: Tensor

    def __call__(self, observations: Tensor) -> Tensor:
        """Observations (N, S) as a network wants them."""
        return ((observations - self.mean) / torch.sqrt(self.variance + 1e-5)).clamp(-5.0, 5.0)

    def to(self, device: str) -> Normalizer:
        """The same on a device."""
        return Normalizer(self.mean.to(device), self.variance.to(device))


class _Unpickler(pickle.Unpickler):
    """Admits tensors and what `_ADMITTED` lists."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ADMITTED or (module == "torch" and name.endswith("Storage")):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it holds a {module}.{name}, and a checkpoint needs tensors only")


class _Pickle:
    """What `torch.load` wants of a pickle module."""

    Unpickler = _Unpickler

    @staticmethod
    def load(file: Any, **options: Any) -> Any:
        return _Unpickler(file, **options).load()


def read_checkpoint(path: Path, observation_size: int) -> tuple[dict[str, Tensor], Normalizer]:
    """The network's tensors by name, and the normaliser of observations of this size.

    Raises Missing when there is no such file, BadFile when it is no checkpoint of PHC.
    """
    if not path.is_file():
        raise Missing(
            f"there is no checkpoint at {path}; fetch it as PHC's README says (download_data.sh) and name the folder "
            "that holds it as the checkpoints"
        )
    content = _load(path)
    if not isinstance(content, Mapping) or not isinstance(content.get("model"), Mapping):
        raise BadFile(f"{path} has no dictionary 'model'; expected a checkpoint of PHC")
    model = {str(name): value for name, value in content["model"].items() if isinstance(value, Tensor)}
    statistics = content.get("running_mean_std")
    if not isinstance(statistics, Mapping):
        raise BadFile(f"{path} has no 'running_mean_std'; expected a checkpoint of PHC")
    fields = []
    for name in ("running_mean", "running_var"):
        value = statistics.get(name)
        if not isinstance(value, Tensor) or tuple(value.shape) != (observation_size,):
            found = tuple(value.shape) if isinstance(value, Tensor) else "nothing"
            raise BadFile(f"{path}: running_mean_std.{name} is {found}; expected ({observation_size},)")
        fields.append(value.float())
    return model, Normalizer(*fields)


def _load(path: Path) -> Any:
    try:
        try:
            return torch.load(str(path), map_location="cpu", weights_only=True)
        except pickle.UnpicklingError:
            return torch.load(str(path), map_location="cpu", pickle_module=_Pickle, weights_only=False)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BadFile(f"{path} cannot be read as a checkpoint ({reason}); fetch it again") from error


def read_layers(
    path: Path,
    model: Mapping[str, Tensor],
    prefix: str,
    sizes: tuple[int, int],
    activation: str,
    *,
    head: str = "",
    ends_active: bool = False,
) -> nn.Sequential:
    """Linear layers `prefix.0`, `prefix.2`, … with activations between them, and `head` after the last.

    `sizes` are those of input and output. Raises BadFile that names the tensor that is missing, left over or of
    another shape than the one before it asks for.
    """
    names = _layer_names(path, model, prefix)
    if head:
        names.append(head)
    modules, size = [], sizes[0]
    for name in names:
        weight, bias = _tensor(path, model, name + ".weight"), _tensor(path, model, name + ".bias")
        wanted = (sizes[1] if name == names[-1] else weight.shape[0], size)
        _check_shape(path, name + ".weight", weight, wanted)
        _check_shape(path, name + ".bias", bias, wanted[:1])
        layer = nn.Linear(wanted[1], wanted[0])
        layer.weight.data.copy_(weight)
        layer.bias.data.copy_(bias)
        modules += [layer, _ACTIVATIONS[activation]()]
        size = wanted[0]
    return nn.Sequential(*(modules if ends_active else modules[:-1])).requires_grad_(False)


def _layer_names(path: Path, model: Mapping[str, Tensor], prefix: str) -> list[str]:
    keys = [key[len(prefix) + 1 :] for key in model if key.startswith(prefix + ".")]
    indices = sorted({int(key.split(".")[0]) for key in keys if key.split(".")[0].isdigit()})
    for place, index in enumerate(indices):
        if index != 2 * place:
            raise BadFile(f"{path} has no tensor {prefix}.{2 * place}.weight, though there is one for {index}")
    if not indices:
        raise BadFile(f"{path} has no tensor {prefix}.0.weight; it is the checkpoint of another kind of network")
    known = {f"{index}.{field}" for index in indices for field in ("weight", "bias")}
    refuse_left_over(path, [f"{prefix}.{key}" for key in keys if key not in known])
    return [f"{prefix}.{index}" for index in indices]


def refuse_left_over(path: Path, names: Sequence[str]) -> None:
    """Raises BadFile that names the first of the tensors that a network has no place for."""
    if names:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        raise BadFile(f"{path} has a tensor {sorted(names)[0]}{more} that this kind of network has no place for")


def _tensor(path: Path, model: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in model:
        raise BadFile(f"{path} has no tensor {name}")
    return model[name]


def _check_shape(path: Path, name: str, tensor: Tensor, wanted: Sequence[int]) -> None:
    if tuple(tensor.shape) != tuple(wanted):
        raise BadFile(f"{path}: {name} has shape {tuple(tensor.shape)}; expected {tuple(wanted)}")
