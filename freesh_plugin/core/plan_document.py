"""A plan together with the exact text it came in, so that what is stored and served is what was sealed."""

from dataclasses import dataclass

from freesh_plugin.core.errors import PlanError
from freesh_plugin.core.plan import Plan
from freesh_plugin.core.plan_json import decode_plan


@dataclass(frozen=True)
class PlanDocument:
    """A checked plan and its text; fields of a newer minor version live on in the text."""

    plan: Plan
    text: bytes

    @classmethod
    def read(cls, text: bytes) -> "PlanDocument":
        """Check a plan's text.

        Raises:
            PlanError: the first fault, with its path.
        """
        try:
            return cls(plan=decode_plan(text), text=text)
        except RecursionError as error:
            raise PlanError("$: nested too deeply") from error

    @property
    def order(self) -> tuple[int, int]:
        """(epoch, revision): the greater one is the newer plan."""
        return (self.plan.epoch, self.plan.revision)
