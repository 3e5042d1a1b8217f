"""Every cluster deleted and everything refitted, with every effect as dummies -> refits.json.

usage: python variance.py [--data DIR] [--out FILE] [--diagnostics]

Needs numpy. Linear algebra in 80-bit floats. Least squares are refitted without each cluster; likelihoods (logit, probit, Poisson) take
one step of scoring from the full maximum on the dummy design, and their rates the first derivative. Levels that a deletion empties lose
their column. `--diagnostics` does all in doubles (seconds, to about 1e-10) and writes the key `diagnostics` alone into the file.
"""
import argparse, json, os
from math import erf
import numpy as np
from brute import LD, LEVELS, code, cross, load, plain

HERE = os.path.dirname(os.path.abspath(__file__))
DEFINITIONS = {
    "G": "clusters with a row that is not a singleton",
    "coef": "coefficients of the regressors in order `names`",
    "rates": "mean over the rows (weights w) of the prediction with expertise at k; singletons keep a dummy of their own, separated rows "
             "have their outcome",
    "cr3": "(G-1)/G * sum over all clusters of d d', d = theta(-g) - theta; rates: over the remaining rows (sampled), or over all rows "
           "(fixed)",
    "cr3j": "(G-1)/G * (sum d d' - (sum d)(sum d)'/G)",
    "hc3": "sum d d' with every row a cluster",
    "diagnostics": "of coefficients, rates, differences to level 1, adjacent differences: with r_i = sqrt(om_i) z_i' A^-1 c (om the weight, or "
                   "information, of row i; c the number as a combination of theta) over the rows of the fit, leverage L_g = sum_g r^2 / sum "
                   "r^2, `effective` = (sum v)^2 / sum v^2 for v_g = sum_g r^2, `correlated` the same for v_g = (sum_g r^2 + (sum_g "
                   "r)^2) / 2, `variation` that of L, `change` the largest |d| of a cluster (rates sampled)",
}
CASES = {
    "weighted_additive": dict(rows=500, fe=["work_mode", "band"], extra=["log(prompts)"], weighted=True),
    "cells_with_singletons": dict(rows=400, fe=["work_mode^band^month"]),
    "nested_in_clusters": dict(rows=500, fe=["work_mode^band", "month"], cluster="work_mode"),
    "large_clusters": dict(rows=600, fe=["work_mode", "band"], extra=["log(prompts)"], weighted=True, cluster="month", fixed=True),
    "no_effects": dict(rows=500, fe=[], extra=["log(prompts)"], cluster="work_mode", fixed=True),
    "own_slopes": dict(rows=600, fe=["work_mode"], extra=["log(prompts)"], slopes=True, cluster="month", fixed=True),
    "own_slopes_by_user": dict(rows=600, fe=["work_mode^month"], extra=["log(prompts)"], slopes=True),
    "rows": dict(rows=400, fe=["work_mode", "month"], weighted=True, cluster=None),
    "logit_user": dict(rows=700, fe=["work_mode", "band"], extra=["log(prompts)"], family="logit", weighted=True),
    "logit_cells_month": dict(rows=900, fe=["work_mode^band"], family="logit", cluster="month"),
    "probit_user": dict(rows=500, fe=["work_mode"], extra=["log(prompts)"], family="probit"),
    "poisson_user": dict(rows=500, fe=["work_mode", "month"], family="poisson", outcome="prompts"),
}


ZERO = 1e-15


def solve(a, b):
    """Solution of a x = b for a positive semidefinite a; columns of zeros are left out. Scaled Cholesky, refined in 80 bits."""
    kept = np.flatnonzero(np.diag(a) > 0)
    k, rhs = a[np.ix_(kept, kept)], b[kept]
    scale = np.diag(k) ** -LD(0.5)
    k, rhs = k * scale[:, None] * scale[None, :], rhs * scale
    low = np.linalg.cholesky(k.astype(float))
    assert np.diag(low).min() > 1e-4, "dependent columns"
    inverse = np.linalg.inv(low)
    once = lambda v: (inverse.T @ (inverse @ v.astype(float))).astype(LD)
    v = once(rhs)
    for _ in range(2):
        v = v + once(rhs - k @ v)
    x = np.zeros(len(a), dtype=LD)
    x[kept] = v * scale
    return x, set(range(len(a))) - set(kept)


SQRT2 = 1.4142135623730951


def family_parts(name):
    """mean, derivative and variance of the mean at a linear predictor."""
    if name == "logit":
        mean = lambda e: 1 / (1 + np.exp(-e))
        return mean, lambda e: mean(e) * (1 - mean(e)), lambda m: m * (1 - m)
    if name == "poisson":
        return np.exp, np.exp, lambda m: m
    mean = lambda e: np.array([0.5 * (1 + erf(float(x) / SQRT2)) for x in e], dtype=LD)
    return mean, lambda e: np.exp(-e * e / 2) / np.sqrt(2 * np.pi), lambda m: m * (1 - m)


def singletons(fes, keep):
    keep = keep.copy()
    while True:
        before = keep.sum()
        for c in fes:
            size = np.bincount(c[keep], minlength=c.max() + 1)
            keep &= size[c] != 1
        if keep.sum() == before:
            return keep


def run(d, rows, fe, extra=(), weighted=False, cluster="user_id", family="ols", outcome="verified", slopes=False, fixed=False):
    n = len(d["verified"])
    y = (d[outcome] if outcome == "verified" else np.exp(d["log(prompts)"]).round()).astype(LD)
    w = (d["weight"] if weighted else np.ones(n)).astype(LD)
    level = d["expertise"]
    g = np.arange(n) if cluster is None else code(d[cluster])
    fes = [code(*(d[name] for name in f.split("^"))) for f in fe]
    keep = singletons(fes, np.ones(n, dtype=bool)) if fes else np.ones(n, dtype=bool)
    if family != "ols":
        while True:
            before = keep.sum()
            for c in fes:
                total = np.bincount(c[keep], minlength=c.max() + 1)
                ones = np.bincount(c[keep], weights=y[keep].astype(float), minlength=c.max() + 1)
                bad = ones == 0
                if family != "poisson":
                    bad |= ones == total
                keep &= ~bad[c]
            keep = singletons(fes, keep)
            if keep.sum() == before:
                break
    # least squares keep singletons, each with its own dummy: they fit exactly and stay in the target
    use = np.ones(n, dtype=bool) if family == "ols" else keep

    def focal(lev, at):
        base = np.stack([(lev == k).astype(LD) for k in LEVELS[1:]], axis=1)
        x = [base]
        if slopes:
            x.append(base * d["log(prompts)"][at].astype(LD)[:, None])
        return np.concatenate(x, axis=1)
    where = np.flatnonzero(use)
    dummies = [(np.unique(c[use], return_inverse=True)[1][:, None] == np.arange(len(np.unique(c[use])))[None, :]).astype(LD) for c in fes]
    if not fes:
        dummies = [np.ones((len(where), 1), dtype=LD)]
    rest = [d[name][use].astype(LD)[:, None] for name in extra] + dummies[:1] + [x[:, 1:] for x in dummies[1:]]
    build = lambda lev: np.concatenate([focal(lev, where)] + rest, axis=1)
    z = build(level[use])
    at = [build(np.full(len(where), k)) for k in LEVELS]
    yu, wu, gu = y[use], w[use], g[use]
    p = 4 * (2 if slopes else 1) + len(extra)
    shown = ([p] if not fes else []) + list(range(p))
    names = (["(Intercept)"] if not fes else []) + [f"expertise::{k}" for k in LEVELS[1:]] \
        + ([f"expertise::{k}:log(prompts)" for k in LEVELS[1:]] if slopes else []) + list(extra)
    G = len(np.unique(g[keep]))
    coefs, rates, rates_fixed = [], [], []
    lost = np.zeros(len(shown), dtype=int)
    total = w.sum()
    sums = [(wu[:, None] * a).sum(axis=0) for a in at]
    if family == "ols":
        a, b = cross(z, wu[:, None] * z), z.T @ (wu * yu)
        theta, _ = solve(a, b)
        full_rates = np.array([s @ theta / total for s in sums])
    else:
        mean, slope, variance = family_parts(family)
        theta = np.zeros(z.shape[1], dtype=LD)
        if family == "poisson":
            theta, _ = solve(cross(z, wu[:, None] * z), z.T @ (wu * np.log(yu + LD(0.5))))
        for _ in range(100):
            e = z @ theta
            f, v = slope(e), variance(mean(e))
            step, _ = solve(cross(z, (wu * f * f / v)[:, None] * z), z.T @ (wu * f / v * (yu - mean(e))))
            theta = theta + step
            if np.abs(step).max() < 1e-17:
                break
        e = z @ theta
        f, v = slope(e), variance(mean(e))
        om, res = wu * f * f / v, wu * f / v * (yu - mean(e))
        a = cross(z, om[:, None] * z)
        # separated rows have their outcome at every level; a Poisson's are zero
        m = np.repeat(y[:, None], 5, axis=1)
        grad = []
        for j in range(5):
            m[use, j] = mean(at[j] @ theta)
            grad.append(at[j].T @ (wu * slope(at[j] @ theta)) / total)
        full_rates = np.array([(w * m[:, j]).sum() / total for j in range(5)])
    for c in np.unique(g):
        i = gu == c
        zg = z[i]
        if family == "ols":
            ag, bg = a - zg.T @ (wu[i, None] * zg), b - zg.T @ (wu[i] * yu[i])
            ag[np.abs(ag) < ZERO * np.abs(a).max()] = 0
            t, dropped = solve(ag, bg)
            remaining = total - wu[i].sum()
            rates.append(np.array([(sums[j] - (wu[i, None] * at[j][i]).sum(axis=0)) @ t / remaining for j in range(5)]))
            rates_fixed.append(np.array([s @ t / total for s in sums]))
            coefs.append(t[shown])
        else:
            ag = a - zg.T @ (om[i, None] * zg)
            ag[np.abs(ag) < ZERO * np.abs(a).max()] = 0
            step, dropped = solve(ag, -(zg.T @ res[i]))
            coefs.append(theta[shown] + step[shown])
            out = g == c
            share = w[out].sum() / total
            comp = np.array([(w[out] * (m[out, j] - full_rates[j])).sum() / total for j in range(5)])
            rates.append(full_rates + np.array([grad[j] @ step for j in range(5)]) - comp / (1 - share))
            rates_fixed.append(full_rates + np.array([grad[j] @ step for j in range(5)]))
        lost += np.isin(shown, list(dropped))
    result = {"names": names, "G": G, "n": int(keep.sum()), "coef": theta[shown], "rates": full_rates, "lost": lost.tolist()}
    assert not lost.any(), lost
    om_fit = wu if family == "ols" else om
    gradients = [s / total for s in sums] if family == "ols" else grad
    unit = np.eye(z.shape[1], dtype=LD)
    numbers = [unit[j] for j in shown] + gradients
    dev = np.concatenate([np.array(coefs) - theta[shown], np.array(rates) - full_rates], axis=1)
    p0 = len(shown)
    pairs = [(k, 0) for k in range(1, 5)] + [(k, k - 1) for k in range(1, 5)]
    numbers += [gradients[i] - gradients[j] for i, j in pairs]
    dev = np.concatenate([dev] + [(dev[:, p0 + i] - dev[:, p0 + j])[:, None] for i, j in pairs], axis=1)
    inside = keep[use]
    groups = np.unique(gu[inside], return_inverse=True)[1]
    spread = {key: [] for key in ("largest", "variation", "effective", "correlated")}
    for c in numbers:
        r = (np.sqrt(om_fit) * (z @ solve(a, c)[0]))[inside]
        square, line = np.zeros(G, dtype=LD), np.zeros(G, dtype=LD)
        np.add.at(square, groups, r * r)
        np.add.at(line, groups, r)
        star = lambda v: v.sum() ** 2 / (v * v).sum()
        share = square / square.sum()
        spread["largest"].append(share.max())
        spread["variation"].append(share.std() / share.mean())
        spread["effective"].append(star(square))
        spread["correlated"].append(star((square + line * line) / 2))
    result["diagnostics"] = {**spread, "change": np.abs(dev).max(axis=0)}
    kinds = [("coef", coefs, theta[shown]), ("rates_sampled", rates, full_rates)] + ([("rates_fixed", rates_fixed, full_rates)] if fixed else [])
    for name, values, full in kinds:
        dev = np.array(values) - full
        s, line, q = dev.T @ dev, dev.sum(axis=0), LD(G - 1) / G
        result[name + "_cov"] = {"hc3": s} if cluster is None else {"cr3": q * s, "cr3j": q * (s - np.outer(line, line) / G)}
    return result


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--data", default=os.path.join(HERE, "../data"))
    ap.add_argument("--out", default=os.path.join(HERE, "refits.json"))
    ap.add_argument("--only")
    ap.add_argument("--diagnostics", action="store_true")
    args = ap.parse_args()
    if args.diagnostics:
        LD, ZERO = np.float64, 1e-12
        known = json.load(open(args.out))
        for name, case in CASES.items():
            result = plain(run(load(args.data, case["rows"]), **case))
            worst = np.abs(np.array(result["coef"]) - known["cases"][name]["coef"]).max()
            assert worst < 1e-9, (name, worst)
            known["cases"][name]["diagnostics"] = result["diagnostics"]
            print(name, worst, flush=True)
        known["definitions"] = DEFINITIONS
        json.dump(known, open(args.out, "w"), indent=1)
        raise SystemExit
    cases = {}
    for name, case in CASES.items():
        if args.only and args.only not in name:
            continue
        result = run(load(args.data, case["rows"]), **case)
        cases[name] = {"spec": {k: v for k, v in case.items()}, **plain(result)}
        print(name, result["n"], result["G"], [float(x) for x in result["coef"][:2]], flush=True)
    json.dump({"definitions": DEFINITIONS, "cases": cases}, open(args.out, "w"), indent=1)
