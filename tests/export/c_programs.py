"""Compiles written C files with whatever compilers are here, and runs them natively or in an emulator."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lenet5.export import write
from lenet5.export.c_run import MAIN

#: The vector table and reset of a Cortex-M, before the C library's own start.
START = """\
#include <stdint.h>
extern void _start(void);
static void reset(void)
{
#ifdef __ARM_FP
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* floating point is off after a reset */
#endif
    _start();
}
__attribute__((section(".vectors"), used)) void (*const vectors[])(void) = {(void (*)(void))0x20400000, reset};
"""
#: Writes how many ticks of 40 instructions one image takes: emulated time is a nanosecond for each instruction, and the
#: processor's timer has 25 MHz.
COUNT = """\
#include "lenet5.h"
#include <stdio.h>

static volatile uint32_t *const systick = (volatile uint32_t *)0xE000E010; /* control, reload, value */

int main(void)
{
    static uint8_t image[LENET5_INPUT];
    static lenet5_score scores[LENET5_CLASSES];
    if (fread(image, 1, sizeof image, stdin) != sizeof image)
        return 1;
    systick[1] = 0xFFFFFF;
    systick[2] = 0;
    systick[0] = 5;
    const uint32_t before = systick[2];
    lenet5_predict(image, scores);
    printf("%lu", (unsigned long)((before - systick[2]) & 0xFFFFFF));
    return 0;
}
"""
#: The instructions of ARM for pairs of products, in plain C, so that their code runs on every processor.
ACLE = """\
#include <stdint.h>
typedef int32_t int8x4_t, int16x2_t;

static inline int32_t low(int32_t x) { return (int16_t)x; }
static inline int32_t high(int32_t x) { return (int16_t)(x >> 16); }
static inline int32_t __sxtb16(int32_t x)
{
    return (int32_t)((uint32_t)(int8_t)high(x) << 16 | (uint16_t)(int8_t)x);
}
static inline int32_t __smlad(int32_t x, int32_t y, int32_t sum)
{
    return low(x) * low(y) + high(x) * high(y) + sum;
}
static inline int32_t __smlabt(int32_t x, int32_t y, int32_t sum) { return low(x) * high(y) + sum; }
"""
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O2")


@dataclass(frozen=True)
class Target:
    """A compiler with its options, and what runs its programs."""

    name: str
    compiler: tuple[str, ...]
    linker: tuple[str, ...] = ()
    emulator: tuple[str, ...] = ()

    def need(self, *more: str) -> None:
        """Skip the test where a program is missing."""
        for program in (self.compiler[0], *more):
            if not shutil.which(program):
                pytest.skip(f"{program} is not installed")


def arm(core, board, *options):
    """A Cortex-M. Its program speaks to the host by semihosting."""
    streams = ("-nographic", "-monitor", "none", "-serial", "none")
    emulator = ("qemu-system-arm", "-M", board, *streams, "-semihosting-config", "enable=on,target=native", "-kernel")
    linker = ("start.c", "--specs=rdimon.specs", "-Wl,--section-start=.vectors=0")
    return Target(core, ("arm-none-eabi-gcc", f"-mcpu={core}", "-mthumb", *options), linker, emulator)


NATIVE = Target("native", ("cc" if shutil.which("cc") else "gcc",))
TARGETS = (
    Target("gcc", ("gcc",)),
    Target("clang", ("clang",)),
    arm("cortex-m0", "mps2-an385"),  # an M3, which has all instructions of an M0
    arm("cortex-m4", "mps2-an386", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
    arm("cortex-m7", "mps2-an500", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
    Target("riscv64", ("riscv64-linux-gnu-gcc",), ("-static",), ("qemu-riscv64",)),
)
AVR = Target("atmega1284p", ("avr-gcc", "-mmcu=atmega1284p"))
EMULATED = tuple(target for target in TARGETS if target.emulator)


def with_pairs(folder: Path) -> Target:
    """This machine in the place of an ARM with pairs of products."""
    (folder / "arm_acle.h").write_text(ACLE)
    return Target("pairs", (*NATIVE.compiler, "-I.", "-D__ARM_FEATURE_DSP", "-D__ARM_FEATURE_SIMD32"))


def strict(target: Target, folder: Path, *options: str) -> None:
    """Compile lenet5.c alone, with every warning an error."""
    target.need()
    done = subprocess.run(
        [*target.compiler, *STRICT, *options, "-c", folder / "lenet5.c", "-o", folder / f"{target.name}.o"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def sections(target: Target, folder: Path, *options: str) -> tuple[int, int, int]:
    """Bytes of code with constants, of initialised data and of buffers of lenet5.c."""
    strict(target, folder, *options)
    target.need("arm-none-eabi-size")
    command = ["arm-none-eabi-size", folder / f"{target.name}.o"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    text, data, bss = map(int, shown.stdout.splitlines()[1].split()[:3])
    return text, data, bss


def instructions(target: Target, folder: Path, X: np.ndarray, *options: str) -> int:
    """How many instructions an emulated processor takes for one image, to within 80."""
    target.need(target.emulator[0])
    for name, text in {"count.c": COUNT, "start.c": START}.items():
        (folder / name).write_text(text)
    command = [*target.compiler, *STRICT, *options, "lenet5.c", "count.c", "-o", "count.elf", *target.linker]
    subprocess.run(command, check=True, cwd=folder)
    run = [*target.emulator[:-1], "-icount", "shift=0", target.emulator[-1], folder / "count.elf"]
    return 40 * int(subprocess.run(run, input=X.tobytes(), capture_output=True, check=True, timeout=120).stdout)


def scores(target: Target, folder: Path, X: np.ndarray, dtype=np.float32) -> np.ndarray:
    """What the C file says to images, which emulated programs get through their standard input, too."""
    target.need(*target.emulator[:1])
    for name, text in {"main.c": MAIN, "start.c": START}.items():
        (folder / name).write_text(text)
    program = f"{target.name}.elf"
    command = [*target.compiler, *STRICT, "lenet5.c", "main.c", "-o", program, *target.linker]
    subprocess.run(command, check=True, cwd=folder)
    run = [*target.emulator, folder / program]
    done = subprocess.run(run, input=X.tobytes(), capture_output=True, check=True, timeout=120)
    return np.frombuffer(done.stdout, dtype).reshape(len(X), -1)


def written(model, folder: Path, to: str = "c") -> Path:
    write(model, folder, to)
    return folder
