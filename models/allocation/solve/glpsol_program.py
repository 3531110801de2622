"""A small `glpsol` over the swiglpk wheel, run as a program of its own: GLPK is GPL-3 and never enters our process.

It takes the options that the planner uses: --glp FILE, --write FILE, --mipgap G, --tmlim S, --cuts, --version.
"""

import argparse
import sys

import swiglpk as glpk


def main() -> int:
    """Read, solve, write; as glpsol, status 0 whatever the solver found, 1 when a file is not to be read or written."""
    options = _options()
    problem = glpk.glp_create_prob()
    if glpk.glp_read_prob(problem, 0, options.glp) != 0:
        return 1
    if glpk.glp_get_num_int(problem):
        _search(problem, options)
        return int(bool(glpk.glp_write_mip(problem, options.write)))
    _simplex(problem, options)
    return int(bool(glpk.glp_write_sol(problem, options.write)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="glpsol", description=__doc__)
    parser.add_argument("--glp", required=True)
    parser.add_argument("--write", required=True)
    parser.add_argument("--mipgap", type=float, default=0.0)
    parser.add_argument("--tmlim", type=int, default=0)
    parser.add_argument("--cuts", action="store_true")
    parser.add_argument("--version", action="version", version=f"GLPSOL (swiglpk) {glpk.glp_version()}")
    return parser.parse_args()


def _simplex(problem: object, options: argparse.Namespace) -> None:
    control = glpk.glp_smcp()
    glpk.glp_init_smcp(control)
    control.presolve = glpk.GLP_ON
    if options.tmlim:
        control.tm_lim = options.tmlim * 1000
    glpk.glp_simplex(problem, control)


def _search(problem: object, options: argparse.Namespace) -> None:
    control = glpk.glp_iocp()
    glpk.glp_init_iocp(control)
    control.presolve = glpk.GLP_ON
    control.mip_gap = options.mipgap
    if options.tmlim:
        control.tm_lim = options.tmlim * 1000
    if options.cuts:
        control.gmi_cuts = control.mir_cuts = control.cov_cuts = control.clq_cuts = glpk.GLP_ON
    glpk.glp_intopt(problem, control)


if __name__ == "__main__":
    sys.exit(main())
