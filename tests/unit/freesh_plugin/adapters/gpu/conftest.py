"""The fake driver, for the tests beside this file."""

from tests.fakes.nvml.fixtures import fake_driver, nvml_library

__all__ = ["fake_driver", "nvml_library"]
