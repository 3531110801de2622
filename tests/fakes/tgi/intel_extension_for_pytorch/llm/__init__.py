"""Layers of large language models."""

import intel_extension_for_pytorch.llm.functional as functional  # type: ignore[import-not-found]
import intel_extension_for_pytorch.llm.modules as modules  # type: ignore[import-not-found]

__all__ = ["functional", "modules"]
