"""What a spec file may say, and the one message for each thing that it may not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from gamma_calc.algebra import Affine, parsed_affine
from gamma_calc.errors import BadInput
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.spec_file import LARGEST_FILE, scheme_from, scheme_from_file, scheme_from_text

MINIMAL = '[exponents]\nA = "-1/2"\nB = "zero"\neta_A = "eta"\neta_B = "eta"\n'


def with_exponent(key: str, value: str) -> str:
    lines = [line for line in MINIMAL.splitlines() if not line.startswith(f"{key} =")]
    return "\n".join([*lines, f"{key} = {value}", ""])


def test_defaults() -> None:
    scheme = scheme_from_text(MINIMAL, default_name="mine")
    assert (scheme.name, scheme.optimizer.name, scheme.free, scheme.rates) == ("mine", "adam", ("eta",), ("eta",))
    assert scheme.form("A") == Affine.of(Fraction(-1, 2))
    assert scheme.form("B") is None
    assert [str(scheme[key]) for key in ("scale", "rank", "fan_out", "gradient")] == ["0", "0", "1", "0"]
    assert scheme.is_trained("A") and scheme.is_trained("B")


def test_what_may_be_added_is_absent_unless_named() -> None:
    plain = scheme_from_text(MINIMAL)
    assert [plain.form(key) for key in ("momentum", "decay", "feedback")] == [None, None, None]
    zeros = "".join(f'{key} = "zero"\n' for key in ("momentum", "decay", "feedback"))
    none = scheme_from_text(MINIMAL + zeros)
    assert [none.form(key) for key in ("momentum", "decay", "feedback")] == [None, None, None]
    added = scheme_from_text(MINIMAL + 'momentum = "0"\ndecay = "l - rank"\nrank = "rho"\nfeedback = 0\n')
    assert added.free == ("eta", "rho", "l")
    assert added.rates == ("eta",)
    assert [str(added[key]) for key in ("momentum", "decay", "feedback")] == ["0", "l - rho", "0"]


def test_everything_that_a_file_can_say(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "All of it"\noptimizer = "sgd"\n[exponents]\nA = "p"\nB = "-rank/2"\neta_A = "2*x - 1/2"\n'
        'eta_B = "x/2"\nscale = "-k"\nrank = "rho"\nfan_out = "1/2"\ngradient = "-1"\n'
        '[trained]\nA = false\n[domain]\nbetween = ["0 <= k", "k <= 1", "p + k = 1/2"]\n',
        encoding="utf-8",
    )
    scheme = scheme_from(str(path))
    assert scheme.free == ("p", "rho", "x", "k")
    assert scheme.rates == ("x",)
    assert scheme.form("B") == parsed_affine("-rho/2")
    assert not scheme.is_trained("A")
    assert scheme.domain.contains({"k": 0, "p": Fraction(1, 2), "rho": 1})
    assert not scheme.domain.contains({"k": 2, "p": Fraction(-3, 2), "rho": 1})


@pytest.mark.parametrize("relation", ["=", "=="])
def test_a_domain_can_be_open_and_can_fix_an_exponent(relation: str) -> None:
    given = f'between = ["0 < rank", "k > 1", "p {relation} k"]'
    text = f'[exponents]\nA = "p"\nB = "k"\neta_A = "x"\neta_B = "x"\nrank = "rho"\n[domain]\n{given}\n'
    domain = scheme_from_text(text).domain
    assert str(domain) == "k - p = 0 and p > 1 and rho > 0 and rho <= 1"
    assert scheme_from_text(text).at({"rho": Affine.of(1)}).domain.contains({"p": 2, "k": 2})
    with pytest.raises(BadInput, match="rank > 0"):
        scheme_from_text(text).at({"rho": Affine.of(0)})


def test_rank_in_a_form_is_what_the_rank_stands_for() -> None:
    init_b = CATALOGUE["init-b"]
    assert init_b.form("B") == Affine.of(0)
    assert str(init_b.exponents["B"]) == "-rank/2"


REFUSED = {
    "not-toml": ("A = = 1", ("not TOML",)),
    "deep": ("a = " + "[\n" * 30000, ("nested",)),
    "long-line": (f"a = {'[' * 30000}", ("line 1", "30004 characters")),
    "dotted-key": (".".join(["a"] * 30000) + " = 1", ("line 1", "characters")),
    "long-integer": (with_exponent("A", "1" * 2000), ("A", "30 digits")),
    "long-hexadecimal": (with_exponent("A", "0x" + "f" * 2000), ("A", "30 digits")),
    "long-hexadecimal-name": ("name = 0x" + "f" * 2000 + "\n" + MINIMAL, ("name", "letters")),
    "unknown-top": ('nmae = "x"\n' + MINIMAL, ("nmae", "name")),
    "unknown-key": (MINIMAL + 'etaB = "1"\n', ("etaB", "eta_B")),
    "unknown-optimizer": ('optimizer = "adm"\n' + MINIMAL, ("adm", "adam")),
    "missing": ('[exponents]\nA = "0"\nB = "zero"\neta_A = "e"\n', ("eta_B", "missing")),
    "division-by-zero": (with_exponent("A", '"1/0"'), ("A", "zero")),
    "nan": (with_exponent("A", '"nan"'), ("A", "nan")),
    "huge-float": (with_exponent("A", '"1e400"'), ("A",)),
    "toml-float": (with_exponent("A", "-0.5"), ("A", "-0.5", "-1/2")),
    "toml-inf": (with_exponent("A", "inf"), ("A", "inf")),
    "power-of-ten": (with_exponent("A", '"-5e-1"'), ("A",)),
    "product": (with_exponent("eta_A", '"x*y"'), ("eta_A",)),
    "code": (with_exponent("A", "\"__import__('os')\""), ("A",)),
    "long-number": (with_exponent("A", f'"{"9" * 31}"'), ("A", "30")),
    "reserved": (with_exponent("A", '"gradient + 1"'), ("A", "gradient")),
    "zero-rate": (with_exponent("eta_A", '"zero"'), ("eta_A",)),
    "zero-scale": (with_exponent("scale", '"zero"'), ("scale",)),
    "decay-as-a-name": (with_exponent("eta_A", '"decay"'), ("eta_A", "decay")),
    "misspelt-momentum": (MINIMAL + 'momentun = "0"\n', ("momentun", "momentum")),
    "decay-as-a-number": (MINIMAL + "decay = 0.1\n", ("decay", "0.1")),
    "parentheses": (with_exponent("A", f'"{"(" * 2000}"'), ("A",)),
    "rank-of-itself": (with_exponent("rank", '"rank/2"'), ("rank",)),
    "rank-too-large": (with_exponent("rank", '"2"'), ("rank",)),
    "negative-fan-out": (with_exponent("fan_out", '"-1"'), ("fan_out",)),
    "trained-word": (MINIMAL + '[trained]\nA = "yes"\n', ("trained", "true")),
    "domain-of-nobody": (MINIMAL + '[domain]\nbetween = ["0 <= k"]\n', ("k",)),
    "domain-unequal": (MINIMAL + '[domain]\nbetween = ["eta != 0"]\n', ("<= >= < > =", "'!'")),
    "domain-chain": (MINIMAL + '[domain]\nbetween = ["0 < eta < 1"]\n', ("two inequalities",)),
    "domain-open-and-empty": (MINIMAL + '[domain]\nbetween = ["eta < 0", "0 <= eta"]\n', ("left", "eta < 0")),
    "domain-empty": (MINIMAL + '[domain]\nbetween = ["eta <= 0", "1 <= eta"]\n', ("left",)),
    "domain-shape": (MINIMAL + '[domain]\nbetween = "eta <= 0"\n', ("list",)),
    "name-shape": ('name = "a/b"\n' + MINIMAL, ("name",)),
}


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED)
def test_refusals(text: str, words: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        scheme_from_file(path)
    message = str(caught.value)
    assert str(path) in message
    assert all(word in message for word in words), message
    assert "\n" not in message and len(message) < 500


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        scheme_from(str(tmp_path / "absent.toml"))
    with pytest.raises(BadInput, match="cannot be read"):
        scheme_from(str(tmp_path))
    with pytest.raises(BadInput, match="init-a"):
        scheme_from("init-c")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="UTF-8"):
        scheme_from(str(tmp_path / "bytes.toml"))
    (tmp_path / "large.toml").write_bytes(b"#" * (LARGEST_FILE + 1))
    with pytest.raises(BadInput, match="64 KiB"):
        scheme_from(str(tmp_path / "large.toml"))
    with pytest.raises(BadInput):
        scheme_from("(" * 100_000)
    with pytest.raises(BadInput):
        scheme_from("a\0b.toml")


def test_a_refusal_names_the_whole_path(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    path = folder / "bad.toml"
    path.write_text("", encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        scheme_from_file(path)
    assert str(path) in str(caught.value)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "marked.toml"
    path.write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())
    assert scheme_from_file(path).free == scheme_from_text(MINIMAL).free


def test_the_stem_of_a_file_is_named_where_it_cannot_be_a_name(tmp_path: Path) -> None:
    path = tmp_path / "mein-schéma.toml"
    path.write_text(MINIMAL, encoding="utf-8")
    with pytest.raises(BadInput, match="the file gives no name, and its own, 'mein-schéma', cannot stand for it"):
        scheme_from_file(path)
    path.write_text(f'name = "mine"\n{MINIMAL}', encoding="utf-8")
    assert scheme_from_file(path).name == "mine"
