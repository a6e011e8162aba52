"""Vector code for one machine, written in expressions over the lanes of its registers and compiled as it is needed.

A loop that keeps a dozen sums in registers, or a comparison as one bit a lane, is more than a compiler finds by itself
in loops over arrays. Here it is written down: `Lanes` is one register of floats with its arithmetic, `Mask` one bit a
lane, and `Code.loop` runs a body while values stay in registers from one pass to the next. LLVM, through llvmlite,
makes machine code of it in about a tenth of a second, for the widest registers that the machine has. A compiled
function is called with addresses and sizes, and leaves the interpreter's lock to other threads while it runs.

A comparison counts what cannot be compared as true, so that nan is carried on and not masked away.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import llvmlite
from llvmlite import binding, ir

binding.initialize_native_target()
binding.initialize_native_asmprinter()

POINTER = ir.PointerType()
INDEX = ir.IntType(64)
POSITION = ir.IntType(32)
BIT = ir.IntType(1)
FLOATS = {4: ir.FloatType(), 8: ir.DoubleType()}
BYTE_BITS = 8

# A product may be fused with the sum that takes it, and x + 0 is x: this is what turns a masked sum into one
# instruction. Nothing here assumes that values are finite.
RELAXED = ("contract", "nsz")

Function = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Machine:
    """The vector registers of a processor: how many, and of how many bytes."""

    register_bytes: int
    registers: int


@cache
def this_machine() -> Machine:
    """The widest registers of this processor; two or four of a smaller one stand in where it has none so wide."""
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return Machine(64, 32)
    if features.get("avx"):
        return Machine(32, 16)
    return Machine(16, 32 if features.get("neon") else 16)


def compiler() -> str:
    """What compiles the code, and for which registers, in words."""
    return (
        f"compiled by llvmlite {llvmlite.__version__} for registers of {BYTE_BITS * this_machine().register_bytes} bits"
    )


@dataclass(frozen=True, slots=True)
class Lanes:
    """One register of floats, or several used as one."""

    code: Code
    value: Any

    def __add__(self, other: Lanes) -> Lanes:
        return Lanes(self.code, self.code.builder.fadd(self.value, other.value, flags=RELAXED))

    def __mul__(self, other: Lanes) -> Lanes:
        return Lanes(self.code, self.code.builder.fmul(self.value, other.value, flags=RELAXED))

    def __gt__(self, other: Lanes) -> Mask:
        return Mask(self.code, self.code.builder.fcmp_unordered(">", self.value, other.value))

    def pair_sums(self, other: Lanes) -> Lanes:
        """The sums of neighbouring lanes, those of this register first and then those of the other."""
        even, odd = (
            self.code.builder.shuffle_vector(self.value, other.value, _positions(range(first, 2 * self.code.lanes, 2)))
            for first in (0, 1)
        )
        return Lanes(self.code, even) + Lanes(self.code, odd)


@dataclass(frozen=True, slots=True)
class Mask:
    """One bit a lane."""

    code: Code
    value: Any

    def choice(self, one: Lanes, other: Lanes) -> Lanes:
        """The lanes of `one` where the bit is set, and of `other` elsewhere."""
        return Lanes(self.code, self.code.builder.select(self.value, one.value, other.value))


class Code:
    """A function under construction.

    Args:
        sizes: the names of its integer arguments, which come first.
        arrays: the names of its array arguments; no two of them overlap.
        item_bytes: the size of the floats in all arrays.
    """

    def __init__(self, sizes: Sequence[str], arrays: Sequence[str], item_bytes: int) -> None:
        self.lanes = this_machine().register_bytes // item_bytes
        self.item_bytes = item_bytes
        self.scalar = FLOATS[item_bytes]
        self.vector = ir.VectorType(self.scalar, self.lanes)
        self.module = ir.Module()
        self.module.triple = binding.get_process_triple()
        types = [INDEX] * len(sizes) + [POINTER] * len(arrays)
        self.function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), types), "loop")
        for argument in self.function.args[len(sizes) :]:
            argument.add_attribute("noalias")
        self.sizes: tuple[Any, ...] = tuple(self.function.args[: len(sizes)])
        self.arrays: tuple[Any, ...] = tuple(self.function.args[len(sizes) :])
        self.builder = ir.IRBuilder(self.function.append_basic_block())

    @staticmethod
    def bytes_of_mask(lanes: int) -> int:
        """The bytes that a stored mask takes."""
        return max(BYTE_BITS, lanes) // BYTE_BITS

    def index(self, *terms: tuple[Any, ...] | Any) -> Any:
        """The sum of the terms; a tuple is the product of its entries, and a plain number stands for itself."""
        total = ir.Constant(INDEX, 0)
        for term in terms:
            factor = ir.Constant(INDEX, 1)
            for part in term if isinstance(term, tuple) else (term,):
                factor = self.builder.mul(factor, ir.Constant(INDEX, part) if isinstance(part, int) else part)
            total = self.builder.add(total, factor)
        return total

    def filled(self, value: float) -> Lanes:
        """The same number in each lane."""
        return Lanes(self, ir.Constant(self.vector, [value] * self.lanes))

    def loaded(self, array: Any, index: Any) -> Lanes:
        """The entries of an array from an index on."""
        place = self._place(array, index, self.scalar)
        return Lanes(self, self.builder.load(place, typ=self.vector, align=self.item_bytes))

    def spread(self, array: Any, index: Any) -> Lanes:
        """One entry of an array in each lane."""
        place = self._place(array, index, self.scalar)
        entry = self.builder.load(place, typ=self.scalar, align=self.item_bytes)
        nothing = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(nothing, entry, ir.Constant(POSITION, 0))
        return Lanes(self, self.builder.shuffle_vector(first, nothing, _positions([0] * self.lanes)))

    def prefetch(self, array: Any, index: Any, item_bytes: int) -> None:
        """Ask for what lies at an index of an array, to be in the cache later. It may be beyond the array."""
        kind = ir.FunctionType(ir.VoidType(), [POINTER, POSITION, POSITION, POSITION])
        function = self.module.declare_intrinsic("llvm.prefetch.p0", fnty=kind)
        # To be read, into every level of the cache, as data rather than code.
        how = (ir.Constant(POSITION, number) for number in (0, 3, 1))
        self.builder.call(function, [self._place(array, index, ir.IntType(BYTE_BITS * item_bytes)), *how])

    def store(self, value: Lanes, array: Any, index: Any) -> None:
        """Write the lanes to an array from an index on."""
        self.builder.store(value.value, self._place(array, index, self.scalar), align=self.item_bytes)

    def store_first(self, count: int, value: Lanes, array: Any, index: Any) -> None:
        """Write the first lanes to an array, and leave what lies behind them as it is."""
        if count == self.lanes:
            self.store(value, array, index)
            return
        for lane in range(count):
            entry = self.builder.extract_element(value.value, ir.Constant(POSITION, lane))
            self.builder.store(entry, self._place(array, self.index(index, lane), self.scalar), align=self.item_bytes)

    def loaded_mask(self, array: Any, index: Any) -> Mask:
        """The mask at an index of an array of masks."""
        kind = ir.IntType(BYTE_BITS * self.bytes_of_mask(self.lanes))
        bits = self.builder.load(self._place(array, index, kind), typ=kind, align=1)
        if kind.width > self.lanes:
            bits = self.builder.trunc(bits, ir.IntType(self.lanes))
        return Mask(self, self.builder.bitcast(bits, ir.VectorType(BIT, self.lanes)))

    def store_mask(self, mask: Mask, array: Any, index: Any) -> None:
        """Write a mask to an array of masks."""
        kind = ir.IntType(BYTE_BITS * self.bytes_of_mask(self.lanes))
        bits = self.builder.bitcast(mask.value, ir.IntType(self.lanes))
        if kind.width > self.lanes:
            bits = self.builder.zext(bits, kind)
        self.builder.store(bits, self._place(array, index, kind), align=1)

    def loop(
        self, count: Any, start: Sequence[Lanes], body: Callable[[Any, Sequence[Lanes]], Sequence[Lanes]]
    ) -> Sequence[Lanes]:
        """Run `body` for each index below `count`, at least once; return the values it hands from pass to pass."""
        builder, before = self.builder, self.builder.block
        inside, after = builder.append_basic_block(), builder.append_basic_block()
        builder.branch(inside)
        builder.position_at_end(inside)
        index = builder.phi(INDEX)
        carried = [builder.phi(self.vector) for _ in start]
        results = body(index, [Lanes(self, value) for value in carried])
        following = builder.add(index, ir.Constant(INDEX, 1))
        end = builder.block
        initial: list[Any] = [ir.Constant(INDEX, 0), *(value.value for value in start)]
        final: list[Any] = [following, *(value.value for value in results)]
        for node, first, last in zip([index, *carried], initial, final, strict=True):
            node.add_incoming(first, before)
            node.add_incoming(last, end)
        builder.cbranch(builder.icmp_signed("<", following, count), inside, after)
        builder.position_at_end(after)
        return results

    def compiled(self) -> Function:
        """The finished function; it takes its sizes and then the addresses of its arrays, as integers."""
        self.builder.ret_void()
        module = binding.parse_assembly(str(self.module))
        module.verify()
        machine = binding.Target.from_default_triple().create_target_machine(
            cpu=binding.get_host_cpu_name(), features=binding.get_host_cpu_features().flatten(), opt=3
        )
        # The loops are unrolled and in vectors as they are written; only what is common to passes is left to move.
        options = binding.create_pipeline_tuning_options(speed_level=2)
        options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
        builder = binding.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
        engine = binding.create_mcjit_compiler(module, machine)
        engine.finalize_object()
        types = [ctypes.c_int64] * len(self.sizes) + [ctypes.c_void_p] * len(self.arrays)
        function = ctypes.CFUNCTYPE(None, *types)(engine.get_function_address(self.function.name))
        # The machine code lives as long as its engine does.
        function.engine = engine  # type: ignore[attr-defined]
        return function

    def _place(self, array: Any, index: Any, kind: Any) -> Any:
        return self.builder.gep(array, [index], source_etype=kind)


def nested(code: Code, counts: Sequence[Any], body: Callable[..., None], *indices: Any) -> None:
    """Run the body for each tuple of indices below the counts, the last one changing fastest."""
    if not counts:
        body(*indices)
        return

    def at_index(index: Any, _: Sequence[Lanes]) -> list[Lanes]:
        nested(code, counts[1:], body, *indices, index)
        return []

    code.loop(counts[0], [], at_index)


def _positions(numbers: Sequence[int]) -> Any:
    return ir.Constant(ir.VectorType(POSITION, len(numbers)), [ir.Constant(POSITION, number) for number in numbers])
