"""The losses, optimizers, schedules, samplings and layers that settings name, without Keras: literal tables."""

LOSSES = ("cross_entropy", "focal", "squared_error")
OPTIMIZERS = ("adamw", "adam", "sgd")
SCHEDULES = ("constant", "cosine")
SAMPLINGS = ("none", "oversample", "undersample")

KERAS_CV = "keras_cv."
# Layers that mix images with one another, and their labels likewise.
MIXING = ("MixUp", "CutMix", "keras_cv.MixUp", "keras_cv.CutMix", "keras_cv.FourierMix")
# Layers of keras.layers, and of KerasCV, that leave the images' shape alone and draw alike for the same seed: Keras's
# own AugMix and KerasCV's RandomColorJitter do not. KerasCV's RandomJpegQuality wants values up to 1.
AUGMENTATIONS = (
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "RandomShear",
    "RandomPerspective",
    "RandomBrightness",
    "RandomContrast",
    "RandomSaturation",
    "RandomHue",
    "RandomColorJitter",
    "RandomColorDegeneration",
    "RandomGrayscale",
    "RandomInvert",
    "RandomPosterization",
    "RandomSharpness",
    "RandomGaussianBlur",
    "RandomElasticTransform",
    "RandomErasing",
    "RandAugment",
    "AutoContrast",
    "Equalization",
    "Solarization",
    "MixUp",
    "CutMix",
    "keras_cv.RandomFlip",
    "keras_cv.RandomRotation",
    "keras_cv.RandomTranslation",
    "keras_cv.RandomZoom",
    "keras_cv.RandomShear",
    "keras_cv.RandomBrightness",
    "keras_cv.RandomContrast",
    "keras_cv.RandomSaturation",
    "keras_cv.RandomHue",
    "keras_cv.RandomColorDegeneration",
    "keras_cv.RandomChannelShift",
    "keras_cv.RandomSharpness",
    "keras_cv.RandomGaussianBlur",
    "keras_cv.RandomCutout",
    "keras_cv.GridMask",
    "keras_cv.RandAugment",
    "keras_cv.AugMix",
    "keras_cv.AutoContrast",
    "keras_cv.ChannelShuffle",
    "keras_cv.Equalization",
    "keras_cv.Posterization",
    "keras_cv.Solarization",
    "keras_cv.MixUp",
    "keras_cv.CutMix",
    "keras_cv.FourierMix",
)
