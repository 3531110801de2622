"""Not Intel's extension: a stand-in in plain torch, so that TGI's FlashCausalLM runs on a CPU in tests.

TGI has flash attention for a CPU only through `intel_extension_for_pytorch`. With this folder on PYTHONPATH, it takes
the extension for installed and runs its own paged blocks, slots, prefix caching and chunking; the kernels are ours.
They follow the published calling conventions, are written for clarity and are slow. Float8 caches and quantisation are
not supported.
"""

import intel_extension_for_pytorch.distributed as distributed  # type: ignore[import-not-found]
import intel_extension_for_pytorch.llm as llm  # type: ignore[import-not-found]

__all__ = ["distributed", "llm"]
__version__ = "0+freesh.standin"
