"""Published figures of language models on A100 and H100, read from a folder of public data sets as they are."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from freesh_plugin.core.errors import ProfileError
from profiling.modelled.gpu_sheet import SHEETS
from profiling.modelled.llm_size import is_known, llm_size
from profiling.modelled.observation import Kind, Observation

FILES = (
    "mlenergy_v2_llm_configs.csv.gz",
    "llm_inference_bench/All_results.csv.gz",
    "llm_inference_bench/power_results.csv",
    "splitwise_perf_model.csv",
    "freesh_authors_mode_profiles.csv",
)
"""What is read, below the folder."""

ASSUMED_PROMPTS = {"chat": 230, "code": 150, "multimodal": 80}
"""Mean tokens of text in the prompts of the ML.ENERGY tasks, which its table does not tell: assumed."""

ASSUMED_CLASS_PROMPTS = {"S": 200, "L": 1000}
"""Prompt tokens of the FREESH authors' classes, which their table does not tell: assumed."""

ENGINES = ("vLLM", "TensorRT-LLM", "Deepspeed-MII")
"""Of LLM-Inference-Bench; llama.cpp computes in other formats and is left out."""


def read_published(folder: Path) -> tuple[Observation, ...]:
    """All figures that a time can be fitted to.

    Raises:
        ProfileError: a file is missing or not as published.
    """
    try:
        return (*_mlenergy(folder), *_inference_bench(folder), *_splitwise(folder), *_freesh_authors(folder))
    except (OSError, KeyError, ValueError, pd.errors.ParserError) as error:
        raise ProfileError(f"{folder}: not the public profiles ({', '.join(FILES)}): {error}") from error


def _mlenergy(folder: Path) -> Iterator[Observation]:
    """ML.ENERGY leaderboard v2 (Apache-2.0): steady serving; time between tokens, power from energy a request."""
    for row in pd.read_csv(folder / FILES[0]).to_dict("records"):
        task = "multimodal" if "mllm" in row["task"] else "code" if "code" in row["task"] else "chat"
        gpus, llm = row["TP"] * row["PP"], llm_size(row["Model"])
        yield Observation(
            source="ML.ENERGY v2 (vLLM)",
            llm=llm,
            gpu=SHEETS["H100" if "H100" in row["GPU"] else "A100-40GB"],
            gpus=gpus,
            tensor_parallel=row["TP"],
            batch=row["Avg BS (reqs)"],
            prompt_tokens=ASSUMED_PROMPTS[task] + llm.image_tokens,
            answer_tokens=row["Avg Output Tokens"],
            kind=Kind.SERVED_STEP,
            time_s=row["Avg TPOT (s)"],
            power_w=row["derived avg power W"] / gpus,
        )


def _inference_bench(folder: Path) -> Iterator[Observation]:
    """LLM-Inference-Bench (BSD-3): runs of whole batches; medians of repeated ones. Power is in milliwatts."""
    key = ["Hardware", "Framework", "Model", "Num of Hardware", "Input Output Length", "Batch Size"]
    runs = pd.read_csv(folder / FILES[1])
    nvidia = runs["Hardware"].isin(["Nvidia A100 GPU", "Nvidia H100 GPU"]) & runs["Framework"].isin(ENGINES)
    medians = runs[nvidia].groupby(key, as_index=False)["Latency"].median()
    powers = pd.read_csv(folder / FILES[2])[[*key, "avg_power"]]
    for row in medians.merge(powers, "left", key).to_dict("records"):
        if is_known(row["Model"]) and row["Latency"] > 0:
            yield Observation(
                source=f"LLM-Inference-Bench ({row['Framework']})",
                llm=llm_size(row["Model"]),
                gpu=SHEETS["H100" if "H100" in row["Hardware"] else "A100-40GB"],
                gpus=row["Num of Hardware"],
                tensor_parallel=row["Num of Hardware"],
                batch=row["Batch Size"],
                prompt_tokens=row["Input Output Length"],
                answer_tokens=row["Input Output Length"],
                kind=Kind.RUN,
                time_s=row["Latency"],
                power_w=None if pd.isna(row["avg_power"]) else row["avg_power"] / 1000,
            )


def _splitwise(folder: Path) -> Iterator[Observation]:
    """splitwise-sim (MIT): prefill and decode steps; means of repeated ones. Power is a share of board power."""
    key = ["model", "hardware", "tensor_parallel", "prompt_size", "batch_size"]
    rows = pd.read_csv(folder / FILES[3])
    rows = rows[rows["hardware"].isin(["a100-80gb", "h100-80gb"]) & (rows["token_size"] == _SPLITWISE_ANSWER)]
    for row in rows.groupby(key, as_index=False).mean(numeric_only=True).to_dict("records"):
        gpu = SHEETS["A100" if "a100" in row["hardware"] else "H100"]
        for kind, time, power in _SPLITWISE_COLUMNS:
            yield Observation(
                source="splitwise-sim",
                llm=llm_size(row["model"]),
                gpu=gpu,
                gpus=row["tensor_parallel"],
                tensor_parallel=row["tensor_parallel"],
                batch=row["batch_size"],
                prompt_tokens=row["prompt_size"],
                answer_tokens=_SPLITWISE_ANSWER,
                kind=kind,
                time_s=row[time] / 1000,
                power_w=row[power] * gpu.board_w if row[power] > 0 else None,  # 0 stands for missing
            )


def _freesh_authors(folder: Path) -> Iterator[Observation]:
    """The FREESH authors' modes (MIT): Llama 3 70B at its highest rate within the SLOs; the batch by Little's law."""
    rows = pd.read_csv(folder / FILES[4])
    rows = rows[(rows["max_qps"] > 0) & (rows["tbt_ms"] > _TYPING_ERROR_MS)]
    for row in rows.to_dict("records"):
        gpus = int(row["mode"][2])
        yield Observation(
            source="FREESH authors",
            llm=llm_size("llama-3-70b"),
            gpu=SHEETS["H100" if "H100" in row["mode"] else "A100"],
            gpus=gpus,
            tensor_parallel=gpus,
            batch=max(row["max_qps"] * row["latency_s"], 1.0),
            prompt_tokens=ASSUMED_CLASS_PROMPTS[row["request_class"][0]],
            answer_tokens=(row["latency_s"] - row["ttft_ms"] / 1000) / row["tbt_ms"] * 1000,
            kind=Kind.SERVED_STEP,
            time_s=row["tbt_ms"] / 1000,
            power_w=row["power_w"] / gpus,
        )


_SPLITWISE_ANSWER = 128
_SPLITWISE_COLUMNS = ((Kind.STEP, "token_time", "average_power"), (Kind.PREFILL, "prompt_time", "peak_power"))
_TYPING_ERROR_MS = 5.0  # a 70B model on four H100 does not decode in 2.0 ms
