"""The compiled extension only; everything else about the package is in pyproject.toml.

LENET5_DEBUG_KERNELS=1 builds with every check on: Cython's bounds, wraparound and None checks,
and the C compiler's address and undefined-behaviour sanitizers are left to CFLAGS.
"""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG = os.environ.get("LENET5_DEBUG_KERNELS") == "1"

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": DEBUG,
    "initializedcheck": DEBUG,
    "nonecheck": DEBUG,
    "cdivision": not DEBUG,
    "embedsignature": True,
    "freethreading_compatible": True,
}

kernels = Extension(
    "lenet5._kernels",
    sources=[
        "lenet5/_kernels.pyx",
        # One source of micro-kernels (the *_body.h), compiled once per instruction set.
        "lenet5/kernels_baseline.c",
        "lenet5/kernels_avx2.c",
        "lenet5/kernels_avx512.c",
    ],
    depends=[
        "lenet5/kernels.h",
        "lenet5/vector_body.h",
        "lenet5/winograd_body.h",
        "lenet5/dense_body.h",
        "lenet5/conv_general_body.h",
        "lenet5/conv_body.h",
        "lenet5/conv_pool_body.h",
        "lenet5/table_body.h",
        "lenet5/pool_body.h",
        "lenet5/rbf_body.h",
        "lenet5/activation_body.h",
        "lenet5/loss_body.h",
        "lenet5/regularize_body.h",
        "lenet5/kernels_table.h",
        "lenet5/kernels_isa.h",
        "lenet5/augment_body.h",
        "lenet5/photo_body.h",
        "lenet5/gather_body.h",
        "lenet5/network_body.h",
        "lenet5/single_body.h",
        "lenet5/update_body.h",
        "lenet5/single_training_body.h",
        "lenet5/training_body.h",
        "lenet5/team.h",
        "lenet5/strokes.h",
    ],
    extra_compile_args=[
        *(["-O1", "-g"] if DEBUG else ["-O3", "-g0"]),
        # a * b + c becomes one fused instruction where there is one: same bits in every path.
        "-ffp-contract=fast",
        "-fno-math-errno",
        "-fno-trapping-math",
        "-Wno-psabi",
    ],
)

pieces = Extension(
    "lenet5.ocr._oversegmentation",
    sources=["lenet5/ocr/_oversegmentation.pyx"],
    depends=["lenet5/ocr/oversegment.h"],
    extra_compile_args=kernels.extra_compile_args,
)

setup(ext_modules=cythonize([kernels, pieces], compiler_directives=DIRECTIVES, force=DEBUG))
