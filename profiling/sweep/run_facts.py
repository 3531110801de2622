"""What a sweep ran on: machine, GPUs, driver, engine, model; the same in every row it writes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RunFacts:
    """Where and on what was measured; empty where it could not be told.

    Attributes:
        basis: `measured`, or `simulated` where engine or GPU are.
        machine: Name of the machine.
        gpu: Product name of its GPUs.
        gpus: How many the instance uses; 0 where none could be read.
        driver: Version of the GPU driver.
        engine: Name and version of what serves.
        model: What it serves.
    """

    basis: str
    machine: str
    gpu: str
    gpus: int
    driver: str
    engine: str
    model: str
