"""The compiled extension only; everything else about the package is in pyproject.toml.

LENET5_DEBUG_KERNELS=1 builds with every check on: Cython's bounds, wraparound and None checks,
and the C compiler's address and undefined-behaviour sanitizers are left to CFLAGS.
"""

import os
from glob import glob

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

C = "lenet5/kernels"
HEADERS = sorted(glob(f"{C}/**/*.h", recursive=True))

kernels = Extension(
    "lenet5._kernels",
    # One source of kernels, compiled once per instruction set.
    sources=["lenet5/_kernels.pyx", f"{C}/isa/baseline.c", f"{C}/isa/avx2.c", f"{C}/isa/avx512.c"],
    depends=HEADERS,
    include_dirs=[C],
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
    "lenet5.strings._pieces",
    sources=["lenet5/strings/_pieces.pyx"],
    depends=HEADERS,
    include_dirs=[C],
    extra_compile_args=kernels.extra_compile_args,
)

setup(ext_modules=cythonize([kernels, pieces], compiler_directives=DIRECTIVES, force=DEBUG))
