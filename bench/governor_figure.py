"""Draws four minutes of the bursts for the guide: clocks of the governor and of the clairvoyant schedule, and TTFT.

Usage: python -m bench.governor_figure
"""

from bench.record import ROOT
from freesh_plugin.runtime.governor_signals import GovernorSignals
from models.commands.figure import BLACK, BLUE, ORANGE, new_figure, save
from models.simulator.governor_bench import ALLOWED, CAPACITY_RPS, GovernorRun, clocks_of, policy_of
from models.simulator.governor_clairvoyant import BLOCK_S, clairvoyant_mhz
from models.simulator.governor_model import GovernedEngine, Instance, Told
from models.simulator.governor_policies import ClockPolicy, Scheduled
from models.simulator.governor_workload import Load, draw, shares_of_capacity

FIGURE = ROOT / "docs" / "images" / "clocks.png"
SEED, FIRST_S, LAST_S = 101, 120, 360


def followed(policy: ClockPolicy) -> tuple[list[int], list[float]]:
    """Clock of every second, and the longest TTFT that came in it, 0 where none did."""
    engine = GovernedEngine(Instance(), draw(Load.BURSTS, CAPACITY_RPS, SEED))
    clocks, ttft_s, told = [], [], Told()
    for second in range(LAST_S):
        signals = GovernorSignals(
            second, tuple(told.tbt_s), tuple(told.ttft_s), engine.waiting_age_s, engine.running, engine.waiting
        )
        clocks.append(policy.tick(float(second), signals))
        engine.advance(second + 1.0, clocks[-1])
        told = engine.news()
        ttft_s.append(max(told.ttft_s, default=0.0))
    return clocks, ttft_s


def main() -> None:
    """Run both and draw them one above the other."""
    instance, trace = Instance(), draw(Load.BURSTS, CAPACITY_RPS, SEED)
    clocks = clocks_of(instance)
    governed = followed(policy_of(GovernorRun("miad", Load.BURSTS, SEED), clocks, trace))
    known = followed(Scheduled(clairvoyant_mhz(instance, trace, clocks, ALLOWED[Load.BURSTS]), BLOCK_S))
    figure, (left, right) = new_figure(10.0, 3.4, columns=2)
    seconds = range(FIRST_S, LAST_S)
    for name, colour, (mhz, ttft_s) in (("governor (MIAD)", BLUE, governed), ("clairvoyant schedule", ORANGE, known)):
        left.step(seconds, mhz[FIRST_S:LAST_S], where="post", color=colour, label=name, linewidth=1.6)
        right.step(seconds, ttft_s[FIRST_S:LAST_S], where="post", color=colour, label=name, linewidth=1.6)
    for axes in (left, right):
        for start_s, share in shares_of_capacity(Load.BURSTS):
            if share > 1 and FIRST_S <= start_s < LAST_S:
                axes.axvspan(start_s, start_s + 20, color=BLACK, alpha=0.1, linewidth=0)
        axes.set_xlabel("seconds (grey: 1.3 of capacity, else 0.45)")
    left.set_ylabel("SM clock, MHz")
    left.set_ylim(1000, 2100)
    right.set_ylabel("longest TTFT in the second, s")
    right.axhline(instance.ttft_s, color=BLACK, linewidth=1, linestyle="--")
    right.annotate("SLO", (FIRST_S, instance.ttft_s), xytext=(2, 3), textcoords="offset points", fontsize=9)
    figure.legend(*left.get_legend_handles_labels(), frameon=False, fontsize=9, loc="outside lower center", ncols=2)
    figure.suptitle("Bursts, simulated: times and watts are assumed", fontsize=10)
    save(figure, FIGURE)


if __name__ == "__main__":
    main()
