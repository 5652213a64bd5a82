"""Networks on disk: safetensors with the network's configuration and history in the metadata. No pickle.

`save_model` and `load_model` are what users share; `full_state` and `load_full_state` carry a training run across a
restart, with the buffers that the shared file leaves out. Any module whose constructor takes one required argument
`config`, an annotated dataclass, and that keeps it as `self.config` can be saved.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from infinitedance_cli.config import from_dict, to_dict
from infinitedance_cli.errors import BadInput, ConfigError, MissingResource, StageFailed

FORMAT = "idance-model"
FORMAT_VERSION = 1
_WRAPPER = "_checkpoint_wrapped_module."
"""What torch puts into the names of modules whose activations are computed anew; `state_dict` leaves it out."""
_TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64, "I32": torch.int32}
"""Types of tensors in safetensors files that networks have."""

Model = TypeVar("Model", bound=nn.Module)


@dataclass(frozen=True)
class ModelDescription:
    """What a file says about its network: class name, configuration, provenance, format version."""

    kind: str
    config: Mapping[str, Any]
    provenance: Mapping[str, Any]
    format_version: int


def save_model(path: Path, model: nn.Module, *, provenance: Mapping[str, Any], half: bool = False) -> Path:
    """Write a network to `path`, replacing a file there in one step.

    Args:
        path: where to, conventionally ending in .safetensors.
        model: a module with its configuration in `config`.
        provenance: JSON-able facts of its making: data, steps, figures, licences.
        half: store matrices in fp16, half the size; vectors and buffers (codebooks, statistics) keep full precision.

    Returns:
        `path`.

    Raises:
        StageFailed: a tensor is not finite, or does not fit into fp16.
    """
    matrices = {name for name, parameter in model.named_parameters(remove_duplicate=False) if parameter.ndim >= 2}
    tensors = {}
    for name, tensor in model.state_dict().items():
        # Tied weights share memory, which safetensors refuses: every name gets its own copy.
        stored = tensor.detach().cpu().clone().contiguous()
        if half and name in matrices:
            stored = stored.half()
        if stored.is_floating_point() and not bool(torch.isfinite(stored).all()):
            raise StageFailed(f"{path}: {name} holds values that are not finite{' in fp16' if half else ''}; not saved")
        tensors[name] = stored
    header = {
        "kind": type(model).__name__,
        "config": to_dict(model.config),
        "provenance": dict(provenance),
        "format_version": FORMAT_VERSION,
    }
    _write(path, tensors, {FORMAT: json.dumps(header, sort_keys=True)})
    return path


def read_description(path: Path) -> ModelDescription:
    """What a model file says about itself, without reading its weights.

    Raises:
        MissingResource: there is no such file.
        BadInput: it is not a model file of this program, or of a newer version.
    """
    metadata = _read(path)[0]
    try:
        header = json.loads(metadata[FORMAT])
        description = ModelDescription(**header)
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{path} is not a model of idance; expected a file that `idance train` wrote") from error
    if description.format_version > FORMAT_VERSION:
        raise BadInput(
            f"{path} has model format {description.format_version}; this idance reads up to {FORMAT_VERSION}: update it"
        )
    return description


def load_model(path: Path, model_type: type[Model], device: str | torch.device = "cpu", **options: Any) -> Model:
    """A network as it was saved, fp32, in evaluation mode.

    Args:
        path: a file of `save_model`.
        model_type: the class that is expected.
        device: where its tensors go.
        options: further arguments of the class, beside its configuration.

    Raises:
        MissingResource: there is no such file.
        BadInput: it holds another kind of network, or a tensor is missing, unknown or of another shape.
    """
    model = model_type(_config_of(path, model_type), **options)
    load_weights(model, _read(path, tensors=True)[1], str(path))
    return model.to(device).eval()


def load_large(path: Path, model_type: type[Model], device: torch.device, dtype: torch.dtype, **options: Any) -> Model:
    """A network in evaluation, in the float type `dtype`, never held twice: tensor by tensor from file to device.

    Buffers that no file holds begin as zeros. Raises as `load_model`.
    """
    config = _config_of(path, model_type)
    with torch.device("meta"):
        model = model_type(config, **options)
    _read(path)  # the errors of a file that cannot be read
    with safe_open(path, "pt") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}
    check_weights(model, shapes, str(path))
    for name, tensor in _one_by_one(path):
        kind = dtype if tensor.is_floating_point() else tensor.dtype
        model.load_state_dict({name: tensor.to(device, kind)}, strict=False, assign=True)
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.is_meta:
                setattr(module, name, torch.zeros(buffer.shape, dtype=dtype, device=device))
    return model.eval().requires_grad_(False)


def _one_by_one(path: Path) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a safetensors file, read and not mapped: a mapped file counts as memory as a whole."""
    with path.open("rb") as file:
        start = 8 + int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(start - 8))
        for name, entry in header.items():
            if name != "__metadata__":
                first, stop = entry["data_offsets"]
                file.seek(start + first)
                content = bytearray(stop - first)
                file.readinto(content)
                yield name, torch.frombuffer(content, dtype=_TYPES[entry["dtype"]]).view(entry["shape"])


def _config_of(path: Path, model_type: type[nn.Module]) -> Any:
    description = read_description(path)
    if description.kind != model_type.__name__:
        raise BadInput(f"{path} holds a {description.kind}; expected a {model_type.__name__}")
    try:
        return from_dict(_config_type(model_type), description.config)
    except ConfigError as error:
        raise BadInput(f"{path}: its configuration does not fit this version of idance: {error}") from error


def load_weights(model: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Copy tensors into a network by name, whatever their float type.

    Raises:
        BadInput: a tensor is missing, unknown, of another shape or too large for the network's float type; the message
            names it and `source`.
    """
    check_weights(model, {name: tensor.shape for name, tensor in tensors.items()}, source)
    own = model.state_dict()
    cast = {name: tensors[name].to(own[name].dtype) for name in own}
    for name, tensor in cast.items():
        _require_fit(tensor, tensors[name], name, source)
    model.load_state_dict(cast)


def check_weights(model: nn.Module, shapes: Mapping[str, Sequence[int]], source: str) -> None:
    """Compare names and shapes with the network's own. Raises as `load_weights`."""
    own = model.state_dict()
    missing, extra = [name for name in own if name not in shapes], [name for name in shapes if name not in own]
    others = f" ({len(missing)} are missing, {len(extra)} too many)" if len(missing) + len(extra) > 1 else ""
    if missing:
        raise BadInput(f"{source}: the tensor {missing[0]} is missing{others}")
    if extra:
        raise BadInput(f"{source}: the tensor {extra[0]} is not part of a {type(model).__name__}{others}")
    for name, tensor in own.items():
        if tuple(shapes[name]) != tuple(tensor.shape):
            found, expected = tuple(shapes[name]), tuple(tensor.shape)
            raise BadInput(f"{source}: the tensor {name} has shape {found}; expected {expected}")


def _require_fit(cast: Tensor, stored: Tensor, name: str, source: str) -> None:
    """Raise BadInput where a value that was finite is too large for the float type that it was cast to."""
    if cast.dtype == stored.dtype or not cast.is_floating_point() or bool(torch.isfinite(cast).all()):
        return
    too_large = stored[torch.isinf(cast).to(stored.device) & torch.isfinite(stored)]
    if too_large.numel():
        limit = f"{str(cast.dtype).removeprefix('torch.')} ends at {torch.finfo(cast.dtype).max:.4g}"
        raise BadInput(f"{source}: the tensor {name} has the value {float(too_large.abs().max()):.4g}; {limit}")


def full_state(model: nn.Module) -> dict[str, Tensor]:
    """The state dict and the buffers that it leaves out, such as the codebooks' moving averages."""
    buffers = dict(model.named_buffers(remove_duplicate=False))
    return {**{name.replace(_WRAPPER, ""): value for name, value in buffers.items()}, **model.state_dict()}


def load_full_state(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Restore what `full_state` gave.

    Raises:
        BadInput: a tensor is missing, unknown or of another shape.
    """
    persistent = set(model.state_dict())
    others = {name: value for name, value in model.named_buffers(remove_duplicate=False) if name not in persistent}
    for name, buffer in others.items():
        if name not in tensors or tensors[name].shape != buffer.shape:
            raise BadInput(f"the training state does not hold {name} as this network has it")
    load_weights(model, {name: value for name, value in tensors.items() if name not in others}, "the training state")
    for name, buffer in others.items():
        buffer.copy_(tensors[name])


def codebook_sha256(codebooks: Tensor) -> str:
    """Fingerprint of codebooks (Q, K, C): which tokeniser codes belong to. Over float32 values in C order."""
    values = codebooks.detach().cpu().float().contiguous().numpy().astype("<f4")
    return hashlib.sha256(values.tobytes()).hexdigest()


def weights_sha256(model: nn.Module) -> str:
    """Fingerprint of a network's parameters, rounded to fp16: the same before and after `save_model(half=True)`."""
    digest = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        digest.update(name.encode())
        digest.update(parameter.detach().cpu().half().contiguous().numpy().astype("<f2").tobytes())
    return digest.hexdigest()


def _config_type(model_type: type[nn.Module]) -> type[Any]:
    config_type: type[Any] = get_type_hints(model_type.__init__)["config"]
    return config_type


def _write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(tensors, temporary, metadata)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _read(path: Path, tensors: bool = False) -> tuple[Mapping[str, str], dict[str, Tensor]]:
    """Metadata and, if asked for, tensors of a safetensors file."""
    if not path.is_file():
        raise MissingResource(f"{path}: no such model file; train it with `idance train` or correct the path")
    try:
        with safe_open(path, "pt") as file:
            names = file.keys() if tensors else ()
            return file.metadata() or {}, {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise BadInput(f"{path} is not a readable safetensors file ({error})") from error
