"""A plan store in memory, which can be told to fail."""

from freesh_plugin.core.errors import PlanError
from freesh_plugin.core.plan_document import PlanDocument


class FakePlanStore:
    """Implements `PlanStore`; while `full`, saving fails."""

    def __init__(self, *documents: PlanDocument) -> None:
        self.documents = {document.order: document for document in documents}
        self.full = False

    def load(self) -> tuple[PlanDocument, ...]:
        """Oldest first."""
        return tuple(self.documents[order] for order in sorted(self.documents))

    def save(self, document: PlanDocument) -> None:
        """Keep, unless full."""
        if self.full:
            raise PlanError("not stored: No space left on device")
        self.documents[document.order] = document

    def remove(self, document: PlanDocument) -> None:
        """Forget."""
        self.documents.pop(document.order, None)
