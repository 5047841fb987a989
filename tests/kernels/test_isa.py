"""Instruction sets: every kernel test on each that the processor has, and none in an object that is for fewer."""

import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from collections import defaultdict
from pathlib import Path

import pytest

from lenet5 import _kernels

CHILD = "LENET5_TEST_ONE_ISA"  # set in the processes that test_everything_compiled starts
FILES = [
    "kernels/test_kernels.py",
    "kernels/test_kernels_family.py",
    "kernels/test_kernels_fcn.py",
    "nn/test_unet.py",
    "training/test_augment.py",
    "kernels/test_single_training.py",
    "nn/test_architectures.py",
    "nn/test_network.py",
    "kernels/test_training_kernel.py",
]


def run_python(isa, *arguments):
    environment = {**os.environ, "LENET5_ISA": isa, CHILD: "1"}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=600, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("isa", [isa for isa in _kernels.ISAS if isa != _kernels.ISA])
def test_everything_compiled(isa, file):
    """Kernels, networks, training and gathering once more for each instruction set that the processor has."""
    path = Path(__file__).parents[1] / file
    child = run_python(isa, "-m", "pytest", "-q", "-x", "-m", "", "-p", "no:cacheprovider", str(path))
    assert child.returncode == 0, child.stdout[-3000:] + child.stderr[-1000:]


def test_the_instruction_set_is_the_one_that_was_asked_for():
    assert (os.environ.get("LENET5_ISA") or _kernels.ISAS[0]) == _kernels.ISA
    assert "baseline" in _kernels.ISAS
    for isa in _kernels.ISAS:
        child = run_python(isa, "-c", "from lenet5 import _kernels; print(_kernels.ISA)")
        assert child.stdout.strip() == isa


def test_an_unknown_instruction_set_is_named():
    child = run_python("vax", "-c", "import lenet5._kernels")
    assert child.returncode == 1
    assert "ValueError: LENET5_ISA is 'vax'; this processor offers" in child.stderr


BITS_OF_A_UNET = """
import hashlib
import numpy as np
from lenet5.nn.unet import UNet
rng = np.random.default_rng(0)
net = UNet()
net.load_state_dict({name: rng.normal(0, 0.1, tensor.shape) for name, tensor in net.state_dict().items()})
print(hashlib.sha256(net.probabilities_of_grey(rng.random((90, 77), np.float32)).tobytes()).hexdigest())
"""


def test_a_unet_gives_the_same_bits_wherever_products_are_fused():
    """Its sums run in one order, whatever the vectors."""
    fused = [isa for isa in _kernels.ISAS if isa != "baseline"]
    answers = {run_python(isa, "-c", BITS_OF_A_UNET).stdout for isa in fused}
    assert len(answers) <= 1
    assert "" not in answers


# ---- what the compiler made ----------------------------------------------------------------------------------------


def objdump(option):
    return subprocess.run(
        ["objdump", option, "--no-show-raw-insn", _kernels.__file__], capture_output=True, text=True, check=True
    ).stdout


def source_of_functions():
    """Address -> the C file that each local function came from, by the symbol table."""
    found, source = {}, ""
    for line in objdump("-t").splitlines():
        if re.search(r" df \*ABS\*\s", line):
            source = line.split()[-1]
        elif match := re.match(r"([0-9a-f]+) l +F \.text\s", line):
            found[int(match[1], 16)] = source
    return found


@pytest.fixture(scope="module")
def instructions():
    """C file -> the lines (address, instruction, operands) that its functions became."""
    if platform.machine() not in ("x86_64", "AMD64") or not sys.platform.startswith("linux"):
        pytest.skip("instruction sets are told apart on x86 and ELF only")
    if not shutil.which("objdump"):
        pytest.skip("no objdump")
    flags = f"{sysconfig.get_config_var('CFLAGS')} {os.environ.get('CFLAGS', '')}"
    if "-march" in flags:
        pytest.skip(f"built for one processor on purpose: {flags}")
    sources, found, source = source_of_functions(), defaultdict(list), None
    if "baseline.c" not in sources.values():
        pytest.skip("the extension has no symbol table")
    for line in objdump("-d").splitlines():
        if match := re.match(r"([0-9a-f]+) <(.*)>:$", line):
            source = sources.get(int(match[1], 16))
        elif "\t" in line and source:
            found[source].append(line.strip())
    return found


VEX = re.compile(r"\tv\w+|%[yz]mm|%k[0-7]\b")
#: Ends of the names of the files of one instruction set.
KINDS = "", "_f64", "_int8"
EVEX = re.compile(r"%zmm|%k[0-7]\b|%[xy]mm(1[6-9]|2\d|3[01])\b")


@pytest.mark.parametrize(
    ("source", "wider"),
    [
        *((f"baseline{kind}.c", VEX) for kind in KINDS),
        ("emulated_int8.c", VEX),
        ("_kernels.c", VEX),
        *((f"avx2{kind}.c", EVEX) for kind in KINDS),
        ("avx512_int8.c", re.compile(r"\tvpdpbusd|\tvperm[it]?2?b\b")),
    ],
)
def test_no_wider_instruction_than_promised(instructions, source, wider):
    """A processor without AVX would stop at the first one."""
    assert len(instructions[source]) > 1000
    assert [line for line in instructions[source] if wider.search(line)][:5] == []


def test_this_test_sees_wide_instructions(instructions):
    assert any("\tvpdpbusd" in line for line in instructions["avx512vnni_int8.c"])
    for element in ("", "_f64"):
        narrow, wide = instructions[f"avx2{element}.c"], instructions[f"avx512{element}.c"]
        assert sum(bool(VEX.search(line)) for line in narrow) > 1000
        assert sum(bool(EVEX.search(line)) for line in wide) > 1000
        assert any("%zmm" in line for line in wide)
        assert any("\tvfmadd" in line for line in narrow)
