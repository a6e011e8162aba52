"""A Trainer with a scheme's optimiser keeps its rates, and one without is told so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Trainer, TrainingArguments

from gamma_calc.errors import BadInput
from gamma_calc.huggingface import Probe, SchemeCallback, init_lora_, lora_adapters, scheme_optimizer
from tests.huggingface.models import llama, wrapped

RATES = {"base_width": 64, "learning_rate_b": 2e-3}


class Tokens(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        ids = (torch.arange(6) * (index + 1)) % 32
        return {"input_ids": ids, "labels": ids}


def trainer(folder: Path, **options: Any) -> Trainer:
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=2,
        per_device_train_batch_size=2,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
        dataloader_pin_memory=False,
    )
    return Trainer(args=arguments, train_dataset=Tokens(), **options)


def test_a_trainer_takes_the_optimiser_and_keeps_its_rates(tmp_path: Path) -> None:
    model = init_lora_(wrapped(llama()), "lora-plus-a")
    optimizer = scheme_optimizer(model, "lora-plus-a", 1e-3, **RATES)
    before = [each.B.clone() for each in lora_adapters(model)]
    callback = SchemeCallback("lora-plus-a", 1e-3, **RATES)
    with Probe(model, optimizer) as probe:
        trainer(tmp_path, model=model, optimizers=(optimizer, None), callbacks=[callback]).train()
    assert {each.t for each in probe.observations} == {1, 2}
    assert [group["initial_lr"] for group in optimizer.param_groups] == pytest.approx([4e-3, 2e-3])
    assert all(not torch.equal(old, each.B) for old, each in zip(before, lora_adapters(model), strict=True))


def test_a_trainer_that_makes_its_own_optimiser_is_told(tmp_path: Path) -> None:
    model = init_lora_(wrapped(llama()), "lora-plus-a")
    subject = trainer(tmp_path, model=model, callbacks=[SchemeCallback("lora-plus-a", 1e-3, **RATES)])
    with pytest.raises(BadInput, match=r"lora_A.*found 5e-05, expected 0.004 \(lora_A width 16\).*scheme_optimizer"):
        subject.train()
