"""Ctrl-C ends a command quietly with 130 at any moment, and is never lost."""

import signal
import subprocess
import sys
import textwrap

import pytest
from commandline import ENTRY_POINT, Result, environment, finish, lenet5, start

MODULE = [sys.executable, "-m", "lenet5"]


def python(code: str, cwd, timeout: float = 120) -> Result:
    """Run a script that may import from the folder ``cwd``."""
    code = "import os, signal, sys, time\nfrom lenet5.cli import interrupts\n" + textwrap.dedent(code)
    return finish(start("-c", code, cwd=cwd, command=[sys.executable], env={"PYTHONPATH": str(cwd)}), timeout=timeout)


@pytest.mark.parametrize("command", [ENTRY_POINT, MODULE])
def test_while_the_command_is_still_being_imported(tmp_path, command):
    (tmp_path / "click.py").write_text("import signal, time\nsignal.raise_signal(signal.SIGINT)\ntime.sleep(60)\n")
    result = lenet5("--help", cwd=tmp_path, command=command, PYTHONPATH=str(tmp_path))
    assert result == Result("", "", 130)


def test_while_python_goes_down(tmp_path):
    code = """
        import atexit
        from lenet5.cli.main import main
        atexit.register(signal.raise_signal, signal.SIGINT)
        main(["--version"])
    """
    result = python(code, tmp_path)
    assert (result.code, result.stderr) == (130, "")
    assert result.stdout.startswith("lenet5, version")


WITHIN = """
    try:
        with interrupts.raised():
            {}
            time.sleep(20)
    except KeyboardInterrupt:
        print("raised")
"""


def test_in_a_command_it_is_an_exception(tmp_path):
    assert python(WITHIN.format("signal.raise_signal(signal.SIGINT)"), tmp_path) == Result("raised\n", "", 0)


def test_in_an_import_it_waits_for_the_end(tmp_path):
    """For it is lost in many a module in C."""
    (tmp_path / "careless.py").write_text(
        "import signal, time\n"
        "try:\n    signal.raise_signal(signal.SIGINT)\n    time.sleep(0.1)\n"
        "except BaseException:\n    print('lost')\n"
    )
    assert python(WITHIN.format("import careless"), tmp_path) == Result("raised\n", "", 0)


def test_in_a_destructor_it_comes_again(tmp_path):
    code = "type('Dying', (), {'__del__': lambda self: signal.raise_signal(signal.SIGINT)})()"
    assert python(WITHIN.format(code), tmp_path) == Result("raised\n", "", 0)


def test_other_errors_in_a_destructor_are_shown(tmp_path):
    code = "type('Dying', (), {'__del__': lambda self: 1 / 0})(); raise KeyboardInterrupt"
    assert "ZeroDivisionError" in python(WITHIN.format(code), tmp_path).stderr


@pytest.mark.parametrize("then", ["return 0", "sys.exit(0)", "raise ImportError('replaced')"])
def test_what_discards_or_replaces_it_does_not_change_the_end(tmp_path, then):
    code = f"""
        from lenet5.cli import main

        def careless(*args, **settings):
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                pass
            {then}

        main.cli.main = careless
        main.main([])
    """
    assert python(code, tmp_path) == Result("", "Aborted.\n", 130)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes are not forked")
def test_while_processes_are_started_it_waits(tmp_path):
    """Otherwise one that has been started is waited for without end."""
    code = """
        import multiprocessing
        from lenet5.preprocessing import batch

        def start(process, real=multiprocessing.context.ForkProcess.start):
            real(process)
            os.kill(os.getpid(), signal.SIGINT)

        multiprocessing.context.ForkProcess.start = start
    """
    within = WITHIN.format('list(batch.read_many(["missing.png"] * 300, threads=2))')
    result = python(textwrap.dedent(code) + textwrap.dedent(within), tmp_path)
    assert result == Result("raised\n", "", 0)


def test_what_waited_goes_to_the_handler_that_the_command_has_by_then(tmp_path):
    """As training has, to save first."""
    (tmp_path / "careless.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    code = """
        with interrupts.raised():
            interrupts.SECONDS_TO_WAIT = 60
            import careless
            signal.signal(signal.SIGINT, lambda number, frame: os._exit(77))
            signal.raise_signal(signal.SIGALRM)  # which the timer sends when the wait is over
            time.sleep(20)
    """
    assert python(code, tmp_path).code == 77


def test_a_second_one_ends_what_the_first_began(tmp_path):
    code = """
        with interrupts.raised():
            try:
                signal.raise_signal(signal.SIGINT)
            finally:
                signal.raise_signal(signal.SIGINT)
                time.sleep(20)
    """
    assert python(code, tmp_path) == Result("", "", 130)


def test_what_waits_at_the_end_comes_then_and_never_again(tmp_path):
    (tmp_path / "careless.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    code = """
        interrupts.SECONDS_TO_WAIT = 0.2
        try:
            with interrupts.raised():
                import careless
        except KeyboardInterrupt:
            time.sleep(0.4)
            print("raised")
    """
    assert python(code, tmp_path) == Result("raised\n", "", 0)


def test_where_it_is_ignored_it_stays_so(tmp_path):
    """As in what a shell starts in the background."""
    code = """
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        interrupts.leave_at_once()
        with interrupts.raised():
            signal.raise_signal(signal.SIGINT)
        from lenet5.cli.main import main
        main(["--version"])
    """
    result = python(code, tmp_path)
    assert (result.code, result.stderr) == (0, "")


def test_sigterm_is_quiet(tmp_path):
    (tmp_path / "click.py").write_text("print('here', flush=True)\nimport time\ntime.sleep(60)\n")
    with subprocess.Popen(
        ENTRY_POINT, env=environment(PYTHONPATH=str(tmp_path)), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.terminate()
        assert process.communicate() == (b"", b"")
    assert process.returncode == -signal.SIGTERM  # 143 in a shell
