"""What an image with less, and with more, of a property is called."""

from kbin.audit.image_properties import ImageProperty

# Name -> what it is called, an image with less of it, and one with more.
_WORDS = {
    "width": ("width in pixels", "less wide", "wider"),
    "height": ("height in pixels", "less high", "higher"),
    "proportions": ("width / height", "narrower in shape", "broader in shape"),
    "bytes": ("file size in bytes", "smaller as files", "larger as files"),
    "jpeg_quality": ("JPEG quality", "more compressed", "less compressed"),
    "brightness": ("brightness", "darker", "brighter"),
    "contrast": ("contrast", "lower in contrast", "higher in contrast"),
    "red": ("red", "less red", "redder"),
    "green": ("green", "less green", "greener"),
    "blue": ("blue", "less blue", "bluer"),
    "saturation": ("saturation", "less colourful", "more colourful"),
    "sharpness": ("sharpness", "less sharp", "sharper"),
    "noise": ("noise", "less noisy", "noisier"),
    "black_border": ("share of black border", "with less black border", "with more black border"),
    "white_border": ("share of white border", "with less white border", "with more white border"),
    "black_pixels": ("share of black pixels", "with fewer black pixels", "with more black pixels"),
    "white_pixels": ("share of white pixels", "with fewer white pixels", "with more white pixels"),
}


def property_name(one: ImageProperty) -> str:
    """Returns what a property is called: "brightness", "format PNG"."""
    if one.level is not None:
        return f"{one.name.replace('_', ' ')} {one.level or 'not known'}"
    return _WORDS[one.name][0] if one.name in _WORDS else one.name.replace("_", " ")


def difference_in_words(one: ImageProperty, is_more: bool, first: float | None, second: float | None) -> str:
    """Returns how the images of a second set differ: "darker (median brightness 96 against 141)".

    Args:
        one: The property.
        is_more: Whether the second set has more of it.
        first: Its median in the first set, or the share of a category's value, 0 to 1; None where it is not known.
        second: In the second.
    """
    if one.level is not None:
        often = "more often" if is_more else "less often"
        return f"{often} {property_name(one)} ({second or 0:.0%} against {first or 0:.0%})"
    name = property_name(one)
    words = _WORDS.get(one.name)
    adjective = words[2 if is_more else 1] if words else f"{'higher' if is_more else 'lower'} in {name}"
    return f"{adjective} (median {name} {_number(second)} against {_number(first)})"


def _number(value: float | None) -> str:
    if value is None:
        return "not known"
    return f"{value:,.0f}" if abs(value) >= 20 else f"{value:.2g}"
