"""The steps from the reference to FREESH: each policy has one thing more than the one before it, all else equal."""

from models.evaluate.outlook import BLIND
from models.evaluate.policies.planned import asking, planned
from models.evaluate.policies.settings import FCFS_STATIC, LLF_STATIC
from models.evaluate.site import ONE_CLASS

MARGIN_OF = "freesh"
"""All steps keep capacity for what FREESH's plans keep it for, so that no step is another margin."""

RIGHT_SIZED = planned(
    "layer_right_sized",
    "The reference with as many instances as one pool without classes needs, for least energy.",
    asking(MARGIN_OF, objective="energy", carbon=BLIND, partitions=(ONE_CLASS.name,), governed=False),
    FCFS_STATIC,
)

WITH_CLASSES = planned(
    "layer_classes",
    "That, and the partition into classes chosen.",
    asking(MARGIN_OF, objective="energy", carbon=BLIND, governed=False),
    FCFS_STATIC,
)

WITH_CARBON = planned(
    "layer_carbon",
    "That, for least carbon by forecast.",
    asking(MARGIN_OF, governed=False),
    FCFS_STATIC,
)

WITH_LLF = planned(
    "layer_llf",
    "That, and least laxity first.",
    asking(MARGIN_OF, governed=False),
    LLF_STATIC,
)
"""With the clock governed, and planned for, it is FREESH."""
