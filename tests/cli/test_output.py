"""An output that is closed, full or cut short: one message at most, and never a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gamma_calc.cli.main import main

QUESTIONS = {
    "text": ("derive", "init-a"),
    "json": ("schemes", "--json"),
    "long": ("exponents", "init-a", "--steps", "9"),
}


def asked(words: tuple[str, ...], redirection: str) -> subprocess.CompletedProcess[str]:
    """The question asked by a shell that redirects its output."""
    command = f'"$0" -m gamma_calc "$@" {redirection}'
    return subprocess.run(["/bin/sh", "-c", command, sys.executable, *words], capture_output=True, text=True)


@pytest.mark.parametrize("words", QUESTIONS.values(), ids=QUESTIONS)
def test_a_full_output_is_said_in_one_line(words: tuple[str, ...]) -> None:
    found = asked(words, ">/dev/full")
    assert found.returncode == 2
    assert found.stderr == "gamma-calc: cannot write the answer: No space left on device\n"


@pytest.mark.parametrize("words", QUESTIONS.values(), ids=QUESTIONS)
def test_a_closed_output_keeps_the_exit_status(words: tuple[str, ...]) -> None:
    found = asked(words, ">&-")
    assert (found.returncode, found.stderr) == (0, "")


def test_a_closed_output_keeps_the_status_of_bad_input() -> None:
    found = asked(("derive", "init-c"), ">&-")
    assert found.returncode == 2
    assert found.stderr.startswith("gamma-calc: unknown scheme")


def test_a_document_can_go_to_the_standard_output(tmp_path: Path) -> None:
    found = asked(("derive", "init-a", "--json", "--markdown", "/dev/stdout"), f"> {tmp_path / 'all'}")
    assert (found.returncode, found.stderr) == (0, "")
    assert "init-a" in (tmp_path / "all").read_text()


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("derive", "--help")], ids=" ".join)
def test_help_that_cannot_be_written_is_an_error(words: tuple[str, ...]) -> None:
    found = asked(words, ">/dev/full")
    assert (found.returncode, found.stderr) == (2, "gamma-calc: cannot write the answer: No space left on device\n")


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"], ids=["closed", "full"])
def test_an_output_for_errors_that_takes_nothing_keeps_the_status(redirection: str) -> None:
    found = asked(("derive", "init-c", "--json"), redirection)
    assert (found.returncode, found.stdout) == (2, "")


def test_a_plotting_backend_of_the_users_is_no_matter(tmp_path: Path) -> None:
    words = ["region", "init-a", "--align", "aligned=alpha", "--plot", str(tmp_path / "x.svg")]
    command = [sys.executable, "-m", "gamma_calc", *words]
    done = subprocess.run(
        command, env={**os.environ, "MPLBACKEND": "bogus"}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "x.svg").exists()


def test_ctrl_c_while_importing_is_one_line() -> None:
    # Processes in the background of a shell start with SIGINT ignored; a terminal's do not.
    code = (
        "import signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from gamma_calc.cli.main import main\n"
        "class Slow:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'gamma_calc.algebra':\n"
        "            print('importing', flush=True)\n            import time\n            time.sleep(60)\n"
        "sys.meta_path.insert(0, Slow())\nsys.exit(main())"
    )
    command = [sys.executable, "-c", code, "derive", "init-a"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "importing\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (130, "gamma-calc: interrupted\n")


def test_an_error_of_its_own_is_one_line_and_no_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gamma_calc.cli.derive.derive", lambda *_, **__: 1 // 0)
    assert main(["derive", "init-a"]) == 70
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    assert "an error of gamma_calc itself" in printed.err and "ZeroDivisionError" in printed.err


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (MemoryError(), "too little memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried"), "too little memory"),
        (OSError(24, "Too many open files"), "the system gives no more: Too many open files"),
        (OSError(24, "Too many open files", "font.ttf"), "font.ttf: Too many open files"),
        (ImportError("failed to map segment", name="torch"), "cannot load torch: failed to map segment"),
        (ModuleNotFoundError("no peft", name="peft.tuners"), "needs peft, which is not installed: pip install"),
    ],
    ids=["python", "torch", "files", "file", "library", "extra"],
)
def test_a_machine_that_gives_no_more_is_said_in_one_line(
    problem: Exception, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise problem

    monkeypatch.setattr("gamma_calc.cli.derive.derive", fail)
    assert main(["derive", "init-a"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("gamma-calc: ") and said in error and error.count("\n") == 1


def test_an_error_on_the_way_out_of_a_ctrl_c_is_still_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise AttributeError("a cleanup of what had not begun")

    monkeypatch.setattr("gamma_calc.cli.derive.derive", interrupted)
    assert main(["derive", "init-a"]) == 130
    assert capsys.readouterr().err == "gamma-calc: interrupted\n"


def test_a_path_that_is_no_utf_8_is_printed_with_escapes(tmp_path: Path) -> None:
    words = (b"lint", b"good.json", b"--specs", b"\xff")
    (tmp_path / "good.json").write_text('{"peft_type": "LORA", "r": 8}')
    done = subprocess.run([sys.executable, "-m", "gamma_calc", *words], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    folder = (*(b"crosscheck", b"init-a", b"--widths=4,8", b"--seeds=2", b"--steps=1"), b"--out", b"\xfe")
    done = subprocess.run([sys.executable, "-m", "gamma_calc", *folder], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (3, b"")
    assert done.stdout.endswith(b"Table, plots and derivations: \\udcfe\n")
