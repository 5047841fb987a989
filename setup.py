"""The compiled extensions only; everything else about the package is in pyproject.toml.

LENET5_DEBUG_KERNELS=1 builds with every check on: Cython's bounds, wraparound and None checks, and what the kernels
assert of their arguments (kernels/checks.h). The C compiler's sanitizers are left to CFLAGS.
"""

import os
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from glob import glob

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

DEBUG = os.environ.get("LENET5_DEBUG_KERNELS") == "1"

# One wheel serves Python 3.11 and later: the stable ABI has buffers, which memoryviews need, from 3.11 on. Builds of
# Python without the GIL have no stable ABI; they get a wheel of their own, which says that it needs no GIL.
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
LIMITED = not (DEBUG or FREE_THREADED)
MACROS = [("Py_LIMITED_API", "0x030b0000")] if LIMITED else []

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": DEBUG,
    "initializedcheck": DEBUG,
    "nonecheck": DEBUG,
    "cdivision": not DEBUG,
    "embedsignature": True,
    "freethreading_compatible": FREE_THREADED,
}

C = "lenet5/kernels"
MADE_BY_CYTHON = {
    "lenet5/_kernels.c": "lenet5/_kernels.pyx",
    "lenet5/ocr/_oversegmentation.c": "lenet5/ocr/_oversegmentation.pyx",
}
DEPENDS = sorted(path for end in ("h", "py[xd]", "pxi") for path in glob(f"lenet5/**/*.{end}", recursive=True))
ISAS = ("avx512", "avx2", "baseline")
INT8_ISAS = ("avx512vnni", *ISAS, "emulated")
# What is compiled with less than -O3, in less than half the time. What Cython makes only checks, allocates and calls.
# float64 checks gradients. The second option fuses a * b + c as -O3 does, so the bits are the same.
O1 = ["-O1", "-fexpensive-optimizations"]
LESS = {
    "lenet5/_kernels.c": ["-Og"],
    "lenet5/ocr/_oversegmentation.c": O1,
    **{f"{C}/isa/{isa}_f64.c": O1 for isa in ISAS},
    f"{C}/isa/emulated_int8.c": ["-O1"],
}


def run_cython(pyx):
    """In a process of its own: Cython holds the interpreter's lock."""
    directives = [word for name, value in DIRECTIVES.items() for word in ("-X", f"{name}={value}")]
    force = ["--force"] if DEBUG else []
    subprocess.run([sys.executable, "-m", "Cython.Build.Cythonize", "--quiet", *force, *directives, pyx], check=True)


class SideBySide(build_ext):
    """Runs Cython and compiles all sources of all extensions side by side."""

    def build_extensions(self):
        self.parallel = len(self.extensions)
        compile_all = self.compiler.compile

        def compile_one(source, options):
            if source in MADE_BY_CYTHON:
                run_cython(MADE_BY_CYTHON[source])
            flags = [*options["extra_postargs"], *LESS.get(source, [])]
            return compile_all([source], **options | {"extra_postargs": flags})

        def compile_side_by_side(sources, **options):
            objects = pool.map(lambda source: compile_one(source, options), sources)
            return [name for names in objects for name in names]

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            self.compiler.compile = compile_side_by_side
            super().build_extensions()

    def build_extension(self, extension):
        if LIMITED and (self.inplace or self.editable_mode):
            self.remove_shadows(extension)
        super().build_extension(extension)

    def remove_shadows(self, extension):
        """A debug build, or one of before, is named after its Python: it would be imported and not the new one."""
        for path in glob(f"{extension.name.replace('.', '/')}.cpython-*.so"):
            os.remove(path)


kernels = Extension(
    "lenet5._kernels",
    # One source of kernels, compiled once per instruction set and element type.
    sources=[
        "lenet5/_kernels.c",
        *(f"{C}/isa/{isa}{element}.c" for element in ("", "_f64") for isa in ISAS),
        *(f"{C}/isa/{isa}_int8.c" for isa in INT8_ISAS),
    ],
    depends=DEPENDS,
    include_dirs=[C],
    define_macros=MACROS,
    py_limited_api=LIMITED,
    extra_compile_args=[
        *(["-O1", "-g", "-UNDEBUG"] if DEBUG else ["-O3", "-g0", "-DNDEBUG"]),
        # a * b + c becomes one fused instruction where there is one: same bits in every path.
        "-ffp-contract=fast",
        "-fno-math-errno",
        "-fno-trapping-math",
        "-Wno-psabi",
        "-Wno-unused-function",  # float64 is not trained
    ],
)

pieces = Extension(
    "lenet5.ocr._oversegmentation",
    sources=["lenet5/ocr/_oversegmentation.c"],
    depends=DEPENDS,
    include_dirs=[C],
    define_macros=MACROS,
    py_limited_api=LIMITED,
    extra_compile_args=kernels.extra_compile_args,
)

setup(
    ext_modules=[pieces, kernels],
    cmdclass={"build_ext": SideBySide},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if LIMITED else {},
)
