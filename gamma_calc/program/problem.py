"""The program of a scheme: the equations of the network that it trains."""

from __future__ import annotations

from gamma_calc.program.lora import lora_module
from gamma_calc.program.models import LoraModule, LoraStack, Perceptron
from gamma_calc.program.perceptron import perceptron
from gamma_calc.program.program import Program
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.stack import lora_stack


def program_of(scheme: Scheme) -> Program:
    """What a scheme trains."""
    match scheme.model:
        case LoraModule():
            return lora_module(scheme)
        case LoraStack() as stack:
            return lora_stack(scheme, stack)
        case Perceptron() as model:
            return perceptron(scheme, model)
    raise TypeError(f"no program for {type(scheme.model).__name__}")
