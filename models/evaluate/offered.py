"""The requests of an hour, counted: by slot of five minutes, prompt, predicted and true answer, and origin."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from freesh_plugin.core.request import Partition
from freesh_plugin.core.units import STEP_S
from models.domain.workload import Workload, WorkloadRequest


@dataclass(frozen=True)
class Offered:
    """All requests, in order of arrival."""

    requests: tuple[WorkloadRequest, ...]
    duration_s: float

    @classmethod
    def of(cls, workload: Workload) -> "Offered":
        """The requests of a workload."""
        return cls(tuple(workload.requests()), workload.duration_s)

    def rates(self, partition: Partition, start_s: float, steps: int, step_s: int) -> dict[tuple[str, int], float]:
        """(Predicted class, step) to req/s over `steps` from `start_s` on; after the end it is as at last."""
        counts: Counter[tuple[str, int]] = Counter()
        for each in self.requests:
            step = int((each.arrival_s - start_s) // step_s)
            if 0 <= step < steps:
                counts[partition.classify(each.prompt_tokens, each.estimate.q50), step] += 1
        last = min(steps, max(1, int((self.duration_s - start_s) // step_s))) - 1
        return {
            (name, step): counts[name, min(step, last)] / step_s for name in partition.classes for step in range(steps)
        }

    def slots(self) -> Iterator[tuple[int, WorkloadRequest]]:
        """Each request with the slot that it came in."""
        return ((int(each.arrival_s // STEP_S), each) for each in self.requests)

    def by_class(self, partition: Partition) -> Mapping[str, int]:
        """Requests by class of true length."""
        return Counter(partition.classify(each.prompt_tokens, each.answer_tokens) for each in self.requests)
