"""Hostile command lines of every command: one line, the right status, nothing left behind, nothing waited for.

The rows are tables. What is wrong with a SPEC, a value or a path is asked of each command that takes one.
"""

from __future__ import annotations

import codecs
import json
import os
import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gamma_calc import files
from gamma_calc.cli.answering import QUESTIONS
from gamma_calc.cli.main import main
from gamma_calc.errors import LONGEST_MESSAGE

Words = tuple[str, ...]

NOBODY = 65534
SECONDS = 20
"""A refusal takes milliseconds."""

EXPONENTS = {"A": '"-1/2"', "B": '"zero"', "eta_A": '"eta"', "eta_B": '"eta"'}
SWEEP = {
    "experiment": '"probe"',
    "schemes": '["init-a"]',
    "widths": "[4, 8]",
    "seeds": "1",
    "steps": "1",
    "prefactors": "[1]",
    "device": '"cpu"',
}
CONFIG = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q"]}


def toml(exponents: dict[str, str], more: str = "", first: str = "") -> str:
    return "\n".join([first, "[exponents]", *(f"{key} = {value}" for key, value in exponents.items()), more, ""])


def sweep(**changes: str | None) -> str:
    return "".join(f"{key} = {value}\n" for key, value in {**SWEEP, **changes}.items() if value is not None)


def config(**changes: object) -> str:
    return json.dumps({**CONFIG, **changes})


BAD_SPECS: dict[str, str | bytes] = {
    # A scheme's file, and what is wrong with it.
    "empty": "",
    "comment": "# nothing",
    "no-toml": "A = = 1",
    "unclosed": '[exponents]\nA = "',
    "binary": b"\xff\xfe\x00",
    "utf-16": toml(EXPONENTS).encode("utf-16"),
    "null": b'name = "a\0b"',
    "large": b"#" * 70_000,
    "nested": "a = " + "[\n" * 30_000,
    "long-line": "a = " + "[" * 30_000,
    "dotted": ".".join(["a"] * 30_000) + " = 1",
    "table-twice": toml(EXPONENTS) + "[exponents]\n",
    "list-of-tables": "[[exponents]]\nA = 0\n",
    "exponents-text": 'exponents = "A"',
    "exponents-number": "exponents = 3",
    "unknown-table": toml(EXPONENTS, "[exponent]"),
    "unknown-key": toml({**EXPONENTS, "C": "0"}),
    "odd-key": toml({**EXPONENTS, '"\\u001b[31m"': "0"}),
    "missing": toml({key: value for key, value in EXPONENTS.items() if key != "eta_B"}),
    "float": toml({**EXPONENTS, "A": "-0.5"}),
    "infinite": toml({**EXPONENTS, "A": "inf"}),
    "nan": toml({**EXPONENTS, "A": "nan"}),
    "truth": toml({**EXPONENTS, "A": "true"}),
    "date": toml({**EXPONENTS, "A": "1979-05-27"}),
    "list": toml({**EXPONENTS, "A": "[1]"}),
    "table": toml({**EXPONENTS, "A": "{ x = 1 }"}),
    "blank": toml({**EXPONENTS, "A": '" "'}),
    "power-of-ten": toml({**EXPONENTS, "A": '"-5e-1"'}),
    "by-zero": toml({**EXPONENTS, "A": '"1/0"'}),
    "product": toml({**EXPONENTS, "A": '"x*y"'}),
    "code": toml({**EXPONENTS, "A": "\"__import__('os')\""}),
    "digit": toml({**EXPONENTS, "A": '"\u0661"'}),
    "long-integer": toml({**EXPONENTS, "A": "1" * 2000}),
    "long-hexadecimal": toml({**EXPONENTS, "A": "0x" + "f" * 2000}),
    "long-text": toml({**EXPONENTS, "A": f'"{"1+" * 900}1"'}),
    "reserved": toml({**EXPONENTS, "A": '"oo"'}),
    "zero-rate": toml({**EXPONENTS, "eta_A": '"zero"'}),
    "rank-of-two": toml({**EXPONENTS, "rank": "2"}),
    "rank-of-itself": toml({**EXPONENTS, "rank": '"rank"'}),
    "shrinking-axis": toml({**EXPONENTS, "fan_out": "-1"}),
    "name-number": toml(EXPONENTS, first="name = 3"),
    "name-path": toml(EXPONENTS, first='name = "../x"'),
    "name-lines": toml(EXPONENTS, first='name = "a\\nb"'),
    "optimizer-number": toml(EXPONENTS, first="optimizer = 3"),
    "optimizer-list": toml(EXPONENTS, first='optimizer = ["adam"]'),
    "optimizer-unknown": toml(EXPONENTS, first='optimizer = "adm"'),
    "trained-number": toml(EXPONENTS, "[trained]\nA = 1"),
    "trained-unknown": toml(EXPONENTS, "[trained]\nC = true"),
    "trained-list": toml(EXPONENTS, first='trained = ["A"]'),
    "domain-text": toml(EXPONENTS, '[domain]\nbetween = "eta <= 0"'),
    "domain-numbers": toml(EXPONENTS, "[domain]\nbetween = [1]"),
    "domain-chain": toml(EXPONENTS, '[domain]\nbetween = ["0 < eta < 1"]'),
    "domain-empty": toml(EXPONENTS, '[domain]\nbetween = ["eta < 0", "eta > 0"]'),
    "domain-stranger": toml(EXPONENTS, '[domain]\nbetween = ["q > 0"]'),
}
BAD_SWEEPS: dict[str, str | bytes] = {
    "empty": "",
    "binary": b"\xff",
    "large": b"#" * 70_000,
    "nested": "a = " + "[\n" * 30_000,
    "dotted": ".".join(["a"] * 30_000) + " = 1",
    "no-widths": sweep(widths=None),
    "widths-words": sweep(widths='["wide"]'),
    "widths-many": sweep(widths=f"[{', '.join(map(str, range(2, 400)))}]"),
    "widths-huge": sweep(widths="[99999999999]"),
    "seeds-huge": sweep(seeds="1000000000"),
    "seeds-hexadecimal": sweep(seeds="0x" + "f" * 2000),
    "steps-negative": sweep(steps="-1"),
    "prefactor-tiny": sweep(prefactors='["1e-99999999"]'),
    "prefactor-vast": sweep(prefactors='["1e99999999"]'),
    "prefactor-digit": sweep(prefactors='["\u0661"]'),
    "prefactor-zero": sweep(prefactors="[0]"),
    "prefactor-by-zero": sweep(prefactors='["1/0"]'),
    "prefactor-nan": sweep(prefactors="[nan]"),
    "grid-of-everything": sweep(prefactors="{ from = 1e-300, to = 1e300 }"),
    "grid-fine": sweep(prefactors="{ from = 1, to = 2, per_octave = 10000000 }"),
    "both": sweep(rates="[1]"),
    "scheme-unknown": sweep(schemes='["init-q"]'),
    "scheme-absent": sweep(schemes='["absent.toml"]'),
    "scheme-device": sweep(schemes='["/dev/zero"]'),
    "scheme-bad": sweep(schemes='["bad-float.toml"]'),
    "scheme-number": sweep(schemes="[3]"),
    "scheme-vast": sweep(
        schemes='[{ exponents = { A = 9999, B = "zero", eta_A = "e", eta_B = "e" } }]', at="{ e = 0 }"
    ),
    "rate-vast": sweep(at='{ eta = "1000000" }'),
    "rate-tiny": sweep(at='{ eta = "-1000000" }'),
    "axis-vast": sweep(schemes='[{ exponents = { A = 0, B = "zero", eta_A = 0, eta_B = 0, fan_out = 100 } }]'),
    "at-float": sweep(at="{ eta = 0.5 }"),
    "at-stranger": sweep(at="{ q = 1 }"),
    "at-list": sweep(at="[1]"),
    "optimizer": sweep(optimizers="[3]"),
    "dtype": sweep(dtype='"float16"'),
    "unknown-key": sweep(width="[4]"),
    "runs-many": sweep(seeds="1000000", seeds_per_run="1", prefactors="[1, 2, 3]"),
}
BAD_CONFIGS: dict[str, str | bytes] = {
    "empty": "",
    "no-json": "{",
    "binary": b"\xff",
    "list": "[]",
    "number": "3",
    "nothing": "{}",
    "nested": "[" * 100_000,
    "large": b" " * 2**21,
    "other-type": config(peft_type="IA3"),
    "odd-type": config(peft_type="\x1b[31m"),
    "zero-rank": config(r=0),
    "rank-text": config(r="8"),
    "rank-truth": config(r=True),
    "rank-huge": config(r=10**100),
    "rank-digits": '{"peft_type": "LORA", "r": ' + "9" * 5000 + "}",
    "alpha-nan": config(lora_alpha=float("nan")),
    "alpha-infinite": config(lora_alpha=float("inf")),
    "alpha-text": config(lora_alpha="16"),
    "initialisation": config(init_lora_weights="gausian"),
    "initialisation-list": config(init_lora_weights=[1]),
    "pattern": config(rank_pattern={"q": "8"}),
    "targets": config(target_modules=3),
    "bias": config(bias=[]),
}
BAD_CERTIFICATES: dict[str, str | bytes] = {
    "empty": "",
    "no-json": "{",
    "binary": b"\xff",
    "list": "[]",
    "nothing": "{}",
    "text": '"certificate"',
    "nested": "[" * 100_000,
    "large": b" " * (2**22 + 1),
    "float": '{"schema": 1.5}',
    "nan": "NaN",
    "twice": '{"schema": 3, "schema": 3}',
    "digits": '{"schema": ' + "9" * 5000 + "}",
    "other-schema": '{"schema": 99}',
}
ODD_PATHS: dict[str, str] = {
    # What stands for a path where a file is to be read.
    "absent": "absent.toml",
    "long": "o" * 300 + ".toml",
    "longer": "o" * 5000 + ".toml",
    "below-long": "o" * 300 + "/x.toml",
    "folder": "folder.toml",
    "below-a-file": "plain/x.toml",
    "pipe": "pipe.toml",
    "zeros": "/dev/zero",
    "kernel": "/proc/self/mem",
    "loop": "loop.toml",
    "lines": "a\nb.toml",
    "colours": "\x1b[31m.toml",
    "leftwards": "\u202e.toml",
    "no-utf-8": "\udcff.toml",
}
ODD_OUTPUTS: dict[str, str] = {
    # What stands for a file that is to be written.
    "long": "o" * 300,
    "below-long": "o" * 300 + "/x",
    "below-nothing": "absent/x",
    "below-a-file": "plain/x",
    "folder": "folder.toml",
    "pipe": "pipe.toml",
    "full": "/dev/full",
    "read-only": "read-only",
    "loop": "loop.toml",
    "lines": "absent/a\nb",
}
ODD_NAMES: dict[str, str] = {
    "nothing": "",
    "blank": " ",
    "unknown": "init-c",
    "capitals": "INIT-A",
    "trailing": "init-a ",
    "digit": "\u0661",
    "code": "__import__('os')",
    "long-word": "x" * 5000,
    "star": "*",
}
ODD_VALUES: dict[str, Words] = {
    "no-value": ("eta",),
    "no-number": ("eta=",),
    "no-name": ("=1",),
    "by-zero": ("eta=1/0",),
    "exponential": ("eta=1e5",),
    "nan": ("eta=nan",),
    "digit": ("eta=\u0661",),
    "full-width": ("eta=\uff11",),
    "minus-sign": ("eta=\u22121",),
    "31-digits": ("eta=" + "9" * 31,),
    "5000-digits": ("eta=" + "9" * 5000,),
    "itself": ("eta=eta",),
    "escape": ("eta=\x1b[31m",),
    "unknown": ("etha=1",),
    "odd-name": ("__class__=1",),
    "twice": ("eta=1", "eta=1"),
    "equals": ("eta=1=1",),
}
ODD_COUNTS: Words = (
    "0",
    "-1",
    "65",
    "1.5",
    "",
    " ",
    "t",
    "\u0661",
    "\uff11",
    "\u00b2",
    "9" * 5000,
    "1_0",
    "+1",
    "0x1",
    "\x1b",
)
SMALL: Words = ("--widths", "4,8", "--seeds", "2")
ENOUGH: Words = ("--widths", "4,8,16,32,64,256", "--seeds", "3")
"""So much that something would be settled: less is not trained."""

PLACES: Words = ("--lr", "1e-3", "--from-width", "64", "--to-width", "128")

OF_A_SPEC: dict[str, tuple[Words, Words]] = {
    # Before the SPEC, and after it.
    "exponents": (("exponents",), ()),
    "derive": (("derive",), ()),
    "region": (("region",), ()),
    "compare": (("compare", "init-a"), ()),
    "diff": (("diff", "init-a"), ()),
    "transfer": (("transfer",), PLACES),
    "crosscheck": (("crosscheck",), SMALL),
}
DOCUMENTS: Words = ("latex", "markdown", "certificate", "smtlib", "rocq")


def rows() -> Iterator[tuple[str, Words]]:
    for question, (before, after) in OF_A_SPEC.items():
        for name, spec in {**ODD_NAMES, **ODD_PATHS}.items():
            yield f"{question}-{name}", (*before, spec, *after)
        for name, values in ODD_VALUES.items():
            yield f"{question}-at-{name}", (*before, "init-a", *after, *(f"--at={value}" for value in values))
        for option in (
            "--optimizer=adm",
            "--optimizer=",
            "--optimizer=\x1b",
            "--without=A0",
            "--without=",
            "--nothing",
        ):
            yield f"{question}{option}", (*before, "init-a", *after, option)
        for value in ("", "aligned", "=", "aligned=2", "aligned=1/3", "aligned=5e-1", "alinged=1", "aligned=\u0661"):
            yield f"{question}-align-{value}", (*before, "init-a", *after, f"--align={value}")
        yield f"{question}-without-a-spec", (before[0], *after)
        yield f"{question}-many-words", (*before, *["init-a"] * 10_000, *after)
    for name in BAD_SPECS:
        yield f"derive-{name}", ("derive", f"bad-{name}.toml")
    for question in ("exponents", "derive", "region", "diff", "crosscheck"):
        before, after = OF_A_SPEC[question]
        for count in ODD_COUNTS:
            yield f"{question}-steps-{count[:9]!r}", (*before, "init-a", *after, f"--steps={count}")
    for document in DOCUMENTS:
        for name, path in ODD_OUTPUTS.items():
            yield f"derive-{document}-{name}", ("derive", "init-a", f"--{document}", path)
        yield f"derive-{document}-a-dash", ("derive", "init-a", f"--{document}", "-")
    for other in ("x", "./x", "folder.toml/../x", "link-to-x"):
        yield f"derive-one-file-{other}", ("derive", "init-a", "--latex", "x", "--markdown", other)
    yield from rows_of_measurements()
    yield from rows_of_files()


def rows_of_measurements() -> Iterator[tuple[str, Words]]:
    asked = ("crosscheck", "init-a")
    for widths in (
        "",
        "4",
        ",",
        "4,4",
        "8,4",
        "1,2",
        "4;8",
        "4,\u0668",
        "4,9" + "9" * 5000,
        "-4,8",
        ",".join(map(str, range(2, 300))),
    ):
        if widths != "4":
            yield f"widths-{widths[:9]}", (*asked, f"--widths={widths}")
    for count in ODD_COUNTS:
        if count != "65":
            yield f"seeds-{count[:9]!r}", (*asked, f"--seeds={count}")
            yield f"workers-{count[:9]!r}", ("reproduce", "teacher-student", "--quick", f"--workers={count}")
    for name, path in ODD_OUTPUTS.items():
        if name not in ("below-nothing", "folder", "lines"):  # folders can be made there
            yield f"crosscheck-out-{name}", (*asked, *SMALL, "--out", path)
            yield f"reproduce-out-{name}", ("reproduce", "teacher-student", "--quick", "--out", path)
    for value in ("1000000", "-1000000", "999999999999999999999999999999"):
        yield f"crosscheck-rate-{value}", (*asked, *ENOUGH, f"--at=eta={value}")
    for name in ("vast", "tiny", "wide", "wider", "decaying"):
        yield f"crosscheck-{name}", ("crosscheck", f"{name}.toml", *ENOUGH)
    for option in ("--device=tpu", "--dtype=float16", "--data=real", "--against=init-c", "--against=", "--seeds=4097"):
        yield f"crosscheck{option}", (*asked, *SMALL, option)
    for rate in (
        "",
        "0",
        "-1",
        "nan",
        "inf",
        "1e999",
        "1e-999",
        "1_0",
        "\u0661",
        "\uff11",
        "1/0",
        "1/2",
        "0x1",
        "x",
        "1" * 5000,
    ):
        yield f"lr-{rate[:9]!r}", ("transfer", "init-a", "--from-width=64", "--to-width=128", f"--lr={rate}")
        yield f"lint-lr-{rate[:9]!r}", ("lint", "good.json", "--width=64", f"--lr={rate}")
        yield f"loraplus-{rate[:9]!r}", ("lint", "good.json", f"--loraplus-ratio={rate}")
        yield f"rates-{rate[:9]!r}", ("reproduce", "roberta", f"--rates={rate}:1")
    for count in ODD_COUNTS:
        if count != "65":
            yield f"width-{count[:9]!r}", ("transfer", "init-a", "--lr=1", "--from-width=64", f"--to-width={count}")
            yield f"lint-width-{count[:9]!r}", ("lint", "good.json", "--lr=1", f"--width={count}")
            yield f"language-steps-{count[:9]!r}", ("reproduce", "roberta", f"--steps={count}")
    yield "one-rank", ("transfer", "init-a", *PLACES, "--from-rank=2")
    yield "rank-above-width", ("transfer", "init-a", *PLACES, "--from-rank=65", "--to-rank=2")
    yield "rate-beyond-floats", ("transfer", "init-a", "--at=eta=999999", *PLACES)


def rows_of_files() -> Iterator[tuple[str, Words]]:
    for name, path in ODD_PATHS.items():
        yield f"lint-{name}", ("lint", path)
        yield f"verify-{name}", ("verify", path)
        yield f"sweep-{name}", ("sweep", path, "--store", "s")
    for name in BAD_CONFIGS:
        yield f"lint-{name}", ("lint", f"config-{name}.json")
    for name in BAD_CERTIFICATES:
        yield f"verify-{name}", ("verify", f"certificate-{name}.json")
    for name in BAD_SWEEPS:
        yield f"sweep-{name}", ("sweep", f"sweep-{name}.toml", "--store", "s")
    for name, path in ODD_OUTPUTS.items():
        if name not in ("full", "below-nothing", "lines", "read-only"):
            yield (
                f"lint-specs-{name}",
                ("lint", "good.json", "--specs", path if name != "folder" else "folder.toml/x.svg"),
            )
    for name, path in {**ODD_OUTPUTS, "text": "plain", "database": "other.sqlite", "damaged": "damaged.sqlite"}.items():
        yield f"store-{name}", ("sweep", "sweep.toml", "--store", path)
        yield f"runs-{name}", ("runs", path)
    for where in (
        "",
        "spwan",
        "spawn:0",
        "spawn:-1",
        "spawn:9999",
        "spawn:\u0661",
        "dask://",
        "tls://",
        "http://x",
        "\x1b",
    ):
        yield f"executor-{where}", ("sweep", "sweep.toml", "--store", "s", f"--executor={where}")
    yield "sweep-without-a-store", ("sweep", "sweep.toml")
    yield "runs-of-nothing", ("runs", "none.sqlite", "sweep.toml")
    yield "completion-shell", ("completion", "tcsh")
    for option in ("--optimizer=adm", "--alpha=fixt", "--weight-decay=-1", "--without=A5", "--lr=1", "--nothing"):
        yield f"lint{option}", ("lint", "good.json", option)
    for option in ("--condition=stabel", "--condition=", "--plot=x.pdf", "--plot=x", "--plot=x.svg", "--steps=0"):
        yield f"region{option}", ("region", "init-a", option)
    for name in ("long", "lines"):
        yield f"region-plot-{name}", ("region", "two.toml", f"--plot={ODD_OUTPUTS[name]}.svg")
    for words in (
        (),
        ("",),
        ("\x1b[31m",),
        ("x" * 10_000,),
        ("derive init-a",),
        ("--jsn",),
        ("-h=3",),
        ("schemes", "init-a"),
        ("schemes", "--jsn"),
        ("reproduce",),
        ("reproduce", "robrta"),
        ("reproduce", "teacher-student", "--model=built"),
        ("reproduce", "roberta", "--rates=1:0.5"),
        ("reproduce", "roberta", "--targets="),
        ("reproduce", "roberta", "--targets=,"),
        ("reproduce", "roberta", "--schedule=cosine"),
        ("reproduce", "roberta", "--alpha=0"),
        ("reproduce", "roberta", f"--store={'o' * 300}/x"),
        ("model",),
        ("model", "8B"),
        ("model", "x" * 300),
        ("model", "a\0b"),
        ("model", "\x1b[31m"),
        ("model", ".", "--layers=0"),
        ("model", ".", "--scheme=init-aa"),
        ("tune",),
        ("tune", "x" * 300, "--data=x"),
        ("tune", "a\0b", "--data=x"),
        ("tune", "\x1b[31m", "--data=x"),
        ("tune", "gpt2", "--data=x"),
        ("tune", ".", "--data=sst2"),
        ("tune", ".", "--data=x", "--widths=,"),
        ("tune", ".", "--data=x", "--scheme=init-aa"),
        ("transfer", "init-a", "--lr=1", f"--from={'x' * 300}", "--to=."),
        ("transfer", "init-a", "--lr=1", "--from=a\0b", "--to=."),
        ("transfer", "init-a", "--lr=1", "--from=.", "--to=."),
        ("diff", "init-a"),
        ("diff", "init-a", "init-b", "init-ab"),
        ("diff", "init-a", "init-b", "--second-optimizer=adm"),
        ("diff", "init-a", "init-b", "--second-without=A0"),
        ("diff", "init-a", "init-b", "--second-align=x"),
        ("compare",),
        ("verify",),
        ("lint",),
        ("atlas", "init-a"),
        ("atlas", "--source=\x1b[31m"),
        ("explore",),
        ("explore", "init-a"),
        ("explore", "init-a", f"--out={'o' * 300}"),
        ("explore", "init-aa", "--out=x.html"),
    ):
        yield f"words-{' '.join(words)[:40]!r}", words


ROWS = dict(rows())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all the files that the rows name."""
    made = tmp_path_factory.mktemp("hostile")
    contents: dict[str, str | bytes] = {
        "plain": "text",
        "read-only": "before",
        "good.json": config(),
        "sweep.toml": sweep(),
        "two.toml": toml({**EXPONENTS, "eta_B": '"b"'}),
        "vast.toml": toml({**EXPONENTS, "A": "1000"}),
        "tiny.toml": toml({**EXPONENTS, "scale": "-5000"}),
        "wide.toml": toml({**EXPONENTS, "fan_out": "5000"}),
        "wider.toml": toml({**EXPONENTS, "fan_out": "100"}),
        "decaying.toml": toml({**EXPONENTS, "decay": "1000"}),
        "damaged.sqlite": b"SQLite format 3\0" + b"\0" * 4000,
        **{f"bad-{name}.toml": content for name, content in BAD_SPECS.items()},
        **{f"sweep-{name}.toml": content for name, content in BAD_SWEEPS.items()},
        **{f"config-{name}.json": content for name, content in BAD_CONFIGS.items()},
        **{f"certificate-{name}.json": content for name, content in BAD_CERTIFICATES.items()},
    }
    for name, content in contents.items():
        (made / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with sqlite3.connect(made / "other.sqlite") as connection:
        connection.execute("CREATE TABLE run (key TEXT)")
    connection.close()
    (made / "read-only").chmod(0o444)
    (made / "folder.toml").mkdir()
    (made / "folder.toml" / "x.svg").touch()
    (made / "loop.toml").symlink_to("loop.toml")
    (made / "link-to-x").symlink_to("x")
    os.mkfifo(made / "pipe.toml")
    return made


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file with its size and the time of its last change."""
    found = sorted(folder.rglob("*"))
    return {str(each.relative_to(folder)): (each.lstat().st_size, each.lstat().st_mtime_ns) for each in found}


@pytest.fixture
def alarmed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What takes far too long is ended, and a pipe is not waited for as long as a person would."""

    def end(*_: object) -> None:
        raise AssertionError(f"it takes more than {SECONDS} s")

    monkeypatch.setattr(files, "PATIENCE", 0.01)
    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("alarmed")
@pytest.mark.parametrize("words", ROWS.values(), ids=ROWS)
def test_it_is_refused_in_one_line(
    words: Words, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    before = state(folder)
    assert main(words) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    assert_one_line(printed.err)
    assert state(folder) == before


def assert_one_line(error: str) -> None:
    assert error.startswith("gamma-calc: ") and error.endswith("\n") and error.count("\n") == 1
    assert error[:-1].isprintable() and len(error) < LONGEST_MESSAGE + 30


def test_every_command_is_asked() -> None:
    assert {words[0] for words in ROWS.values() if words} > set(QUESTIONS)


OUT_OF_REACH = {
    "derive": ("derive", "private/x.toml"),
    "derive-below": ("derive", "private/x/y.toml"),
    "derive-unreadable": ("derive", "unreadable.toml"),
    "latex": ("derive", "init-a", "--latex", "private/x"),
    "latex-here": ("derive", "init-a", "--latex", "x"),
    "latex-of-another": ("derive", "init-a", "--latex", "unreadable.toml"),
    "lint": ("lint", "private/x"),
    "lint-specs": ("lint", "good.json", "--specs", "private/x/y"),
    "verify": ("verify", "private/x"),
    "crosscheck": ("crosscheck", "init-a", *SMALL, "--out", "private/x/y"),
    "crosscheck-here": ("crosscheck", "init-a", *SMALL, "--out", "x"),
    "sweep": ("sweep", "private/x", "--store", "s"),
    "store": ("sweep", "sweep.toml", "--store", "private/x/y"),
    "store-of-runs": ("runs", "private/x/y"),
    "model": ("model", "private/x"),
    "store-there": ("sweep", "sweep.toml", "--store", "private/x"),
    "store-here": ("sweep", "sweep.toml", "--store", "x"),
    "store-unreadable": ("sweep", "sweep.toml", "--store", "unreadable.toml"),
}


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
@pytest.mark.usefixtures("alarmed")
def test_what_is_out_of_reach_is_refused_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    here, folder = Path.cwd(), Path(tempfile.mkdtemp())
    is_root = os.geteuid() == 0
    try:
        (folder / "private").mkdir(mode=0o600)
        (folder / "good.json").write_text(config())
        (folder / "sweep.toml").write_text(sweep())
        (folder / "unreadable.toml").touch(mode=0o000)
        folder.chmod(0o555)
        os.chdir(folder)
        codecs.lookup("utf-8-sig")  # Python loads it where it is first asked for, from what is out of reach then
        if is_root:
            os.seteuid(NOBODY)
        for name, words in OUT_OF_REACH.items():
            assert main(words) == 2, name
            assert_one_line(capfd.readouterr().err)
            assert sorted(os.listdir(folder)) == ["good.json", "private", "sweep.toml", "unreadable.toml"], name
    finally:
        if is_root:
            os.seteuid(0)
        os.chdir(here)
        folder.chmod(0o755)
        (folder / "private").chmod(0o700)
        shutil.rmtree(folder)


ANSWERED: dict[str, tuple[Words, int]] = {
    "options-between": (("compare", "init-a", "--optimizer", "sgd", "lora-plus-a"), 0),
    "options-between-two": (("diff", "init-a", "--steps=2", "init-b"), 0),
    "options-first": (("derive", "--at=eta=-1/2", "init-a"), 0),
    "after-two-dashes": (("derive", "--json", "--", "init-a"), 0),
    "nowhere": (("derive", "init-a", "--latex", "/dev/null"), 0),
    "false-certificate": (("verify", "false.json"), 1),
    "lint-error": (("lint", "random.json"), 1),
    "few-widths": (("crosscheck", "init-a", *SMALL, "--device=cpu", "init-b", "--steps=1"), 3),
    "against-another": (("crosscheck", "init-a", "--device=cpu", "--against=init-b", "--seeds=4", "--steps=2"), 1),
    "far-beyond-the-edge": (("crosscheck", "init-a", *SMALL, "--device=cpu", "--at=eta=100", "--steps=1"), 3),
}


@pytest.mark.usefixtures("alarmed")
@pytest.mark.parametrize(("words", "status"), ANSWERED.values(), ids=ANSWERED)
def test_what_can_be_answered_has_its_status(
    words: Words, status: int, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert main(["derive", "init-a", "--certificate", "false.json"]) == 0
    (folder / "false.json").write_text((folder / "false.json").read_text().replace("eta <= -1/2", "eta <= 0"))
    (folder / "random.json").write_text(config(init_lora_weights="gaussian"))
    capfd.readouterr()
    assert main(words) == status
    assert "Traceback" not in capfd.readouterr().err
    for name in ("false.json", "random.json"):
        (folder / name).unlink()
