"""The errors FREESH raises: one family, each message with value, limit and unit.

FreeshError
├── ConfigError      a setting or command-line value
├── ScenarioError    a scenario folder
├── ProfileError     a token-level profile
├── PlanError        a plan document
├── ForecastError    history or columns a forecast needs
├── SourceError      a provider of carbon, traffic or prices
├── AllocationError  a program that cannot be built or solved
├── SimulationError  a run of the simulated fleet that cannot be, or that loses something (models)
├── SchedulerError, DecisionLogError   what the scheduler was told, or was logged, cannot be (runtime)
├── ShardError, BatchLost              a shard's call, and the batch that was lost over it (adapters, services)
├── ExactIdsError, FrameError          what came over the wire to a shard, or between our processes (adapters)
├── GpuError, GpuDriverError           a GPU, or NVIDIA's driver as a whole, does not answer as it should (core)
├── HelperFrameError                   what came over the wire between an owner of clocks and their helper (adapters)
├── EngineChangedError                 shards came back as another model (services)
└── FrontError, ChildError             a process of ours is gone (services)

None derives from RuntimeError: TGI shuts a shard down when one escapes into it.
"""


class FreeshError(Exception):
    """Base of everything FREESH raises on purpose."""


class ConfigError(FreeshError):
    """A setting that is missing, unknown or out of range."""


class ScenarioError(FreeshError):
    """A scenario that cannot be read: names file, row, column, value and limit."""


class ProfileError(FreeshError):
    """A token-level profile that contradicts itself, or is asked for what was not measured."""


class PlanError(FreeshError):
    """A plan document that is malformed, forged, out of order or too old."""


class ForecastError(FreeshError):
    """History that is too short, of another kind, or lacks a column."""


class SourceError(FreeshError):
    """A provider that failed, timed out or answered something implausible."""


class AllocationError(FreeshError):
    """An allocation that cannot be built or solved as asked."""
