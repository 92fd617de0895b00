"""A `.keras` file -> its model. The file is data: nothing that it says runs, and it opens no other file."""

import json
import math
import warnings
import zipfile
from pathlib import Path
from typing import Any

import keras

from kbin.errors import ModelFileError
from kbin.models.hdf5_files import check_hdf5
from kbin.models.model_configs import check_model_config
from kbin.models.weights_loading import most_weight_bytes

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_MEMBERS = {"metadata.json", _CONFIG, _WEIGHTS}
_MOST_CONFIG_BYTES = 2**24
_LARGEST_UNITS = 4096  # beside Swin-Tiny, whose own sizes are known
_SPARE_BYTES = 2**24


def load_model(path: str | Path) -> keras.Model:
    """Opens a model that kbin or Keras saved, from whomever it comes.

    Keras makes what a model file names. So the file is looked through first: it must be made of Keras's own plain
    layers (SwinTiny: of KerasHub's backbone) and its weights must lie in it.

    Args:
        path: A `.keras` file.

    Returns:
        The model, not compiled.

    Raises:
        ModelFileError: There is no such file, it is damaged, or it holds more than a plain model: a Lambda layer, a
            class or function of somebody's own, vocabularies, links to other files, or sizes that it cannot have.
    """
    path = Path(path)
    if not path.is_file() or path.suffix != ".keras":
        kind = "is not a .keras file" if path.exists() else "does not exist"
        raise ModelFileError(f"{path} {kind}. Give a model that kbin, or Keras's `model.save`, has written.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Keras warns of in a damaged file, it also raises
            config = _checked_config(path)
            _check_sizes(path, config)
            return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises nearly anything on a damaged file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelFileError(
            f"{path} is not opened as a model: {reason[:300]}. kbin opens whole `.keras` files of Keras's plain "
            "layers, which hold no code."
        ) from None


def load_saved_weights(model: keras.Model, path: Path) -> None:
    """Gives a model the weights of its own saved file, which is looked through first like any other.

    Args:
        model: As it was built; where the file is refused, some of its weights may have changed.
        path: The `.keras` file.

    Raises:
        ModelFileError: It is damaged, missing or no such file, or has other weights.
    """
    try:
        _checked_config(path)
        with zipfile.ZipFile(path) as file:
            check_hdf5(file.read(_WEIGHTS), most_weight_bytes(model))
        model.load_weights(path)
    except Exception as error:  # Keras raises nearly anything on a damaged file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelFileError(f"{path} does not hold the weights of this model: {reason[:300]}") from None


def _checked_config(path: Path) -> dict[str, Any]:
    """Returns the file's configuration, after all parts of the file but its weights were looked through."""
    with zipfile.ZipFile(path) as file:
        members = file.infolist()
        strange = sorted({one.filename for one in members} - _MEMBERS)
        if strange:
            raise ValueError(f"it holds '{strange[0][:60]}', which is no part of a plain model")
        if len(members) != len(_MEMBERS):
            raise ValueError(f"it should hold {', '.join(sorted(_MEMBERS))}, each once")
        if any(one.compress_type != zipfile.ZIP_STORED for one in members):
            raise ValueError("its parts are compressed, which Keras's are not")
        if sum(one.file_size for one in members) > path.stat().st_size:
            raise ValueError("its parts claim to be larger than the file")
        if file.getinfo(_CONFIG).file_size > _MOST_CONFIG_BYTES:
            raise ValueError("its configuration is too large")
        damaged = file.testzip()
        if damaged is not None:
            raise ValueError(f"its part '{damaged}' has another checksum")
        config = json.loads(file.read(_CONFIG))
    check_model_config(config)
    return dict(config)


def _check_sizes(path: Path, config: dict[str, Any]) -> None:
    """Raises a ValueError where the model would need other weights than the file can hold."""
    if "SwinTransformerBackbone" in json.dumps(config):  # KerasHub cannot make it without values
        _check_small(config)
        return
    # Torch's device of tensors without values: a layer of a trillion units costs nothing there.
    with keras.device("meta"):
        model = keras.saving.deserialize_keras_object(config | {"compile_config": None}, safe_mode=True)
    with zipfile.ZipFile(path) as file:
        weights = file.read(_WEIGHTS)
    needed = 4 * sum(math.prod(one.shape) for one in model.variables)
    if needed > 4 * len(weights) + _SPARE_BYTES:
        raise ValueError(f"its layers need {needed / 1e6:,.0f} MB, and the file has {len(weights) / 1e6:,.0f} MB")
    check_hdf5(weights, most_weight_bytes(model))


def _check_small(config: Any) -> None:
    """Raises a ValueError where a number of a configuration could make a layer of more than some 64 MB."""
    if isinstance(config, dict):
        values = [value for name, value in config.items() if name not in ("seed", "shared_object_id")]
    else:
        values = list(config) if isinstance(config, list) else []
        if isinstance(config, int) and abs(config) > _LARGEST_UNITS:
            raise ValueError(f"it has the number {config}")
    for value in values:
        _check_small(value)
