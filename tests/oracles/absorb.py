"""Regressions with many absorbed levels, solved with every dummy written out -> absorb.json (data included).

usage: python absorb.py [--out FILE] [--cross-check]

Needs numpy; pandas and pyfixest to compare. Designs are small copies of what makes huge effects hard: badly connected graphs, ties between effects, nesting, one huge
level, levels of one or two rows, slopes by level, small and large units. The normal equations of the full dummy design are solved with
a float64 eigendecomposition as the approximate inverse and residuals in 80-bit floats, repeated until nothing changes, so the numbers
are exact to about 1e-16 relative whatever the conditioning of these designs (see `check`, and `definitions` for what each number is).
"""
import argparse, json, os, sys
import numpy as np
from brute import HERE, LD, inverse_spd, plain

DEFINITIONS = {
    "columns": "The data, one list per column, rows in order. Effects and clusters are integer codes from 0; not every code need occur. "
               "Numbers are the shortest decimals of the doubles.",
    "effects": "Absorbed effects: the column of codes, whether each level has an intercept (`constant`), and the columns with a slope at "
               "each level.",
    "n": "Rows left after dropping, until nothing changes: rows whose level of an effect holds no other row (singletons); logit: rows of "
         "levels whose outcome is all 0 or all 1; Poisson: rows of levels whose outcome is all 0.",
    "dropped": "Regressors that the effects span; the others are in `names`.",
    "levels": "Distinct levels of each effect among the n rows.",
    "rank_effects, rank_all": "Exact rank of the dummies (and dummies times slope variables) D, and of [X D] with the kept X: singular values of "
                              "the columns scaled to unit length. `check.gap`: smallest one counted and largest one not counted.",
    "k_iid": "Parameters as fixest counts them: columns of X + sum over effects with intercepts of levels - (their number - 1) + levels times "
             "slope variables of each effect. Not the rank: see both.",
    "k": "The same, but effects nested in a cluster variable (each level inside one cluster) count nothing, and one parameter if all are nested.",
    "coef": "Coefficients of `names`.",
    "se_iid": "OLS: sqrt diag of rss/(n - k_iid) (X~'WX~)^-1. GLM: sqrt diag of (n-1)/(n - k_iid) times the inverse information.",
    "se_cluster": "sqrt diag of q (X~'WX~)^-1 [sum_g s_g s_g'] (X~'WX~)^-1, q = G/(G-1) (n-1)/(n-k), X~ = X less its projection on D in the metric W; "
                  "several cluster variables: alternating sum over all subsets, one factor with the smallest G. GLM: W is the expected information.",
    "rss, within_r2": "OLS: weighted sum of squared residuals; 1 - rss / weighted sum of squares of y less its projection on D.",
    "deviance": "Logit and Poisson.",
}


# --- designs ------------------------------------------------------------------------------------------------------------------
def place(rng, n, levels):
    """Codes that use every level."""
    code = np.concatenate([np.arange(levels), rng.integers(0, levels, n - levels)])
    rng.shuffle(code)
    return code


def panel(rng, workers, years, firms, move, market):
    """Worker-firm panel with rare moves, nearly all inside a market: worker, firm, year by row."""
    firm = np.empty((workers, years), dtype=int)
    firm[:, 0] = rng.integers(0, firms, workers)
    for t in range(1, years):
        now = firm[:, t - 1]
        anywhere = np.where(rng.random(workers) < 0.97, np.minimum(now // market * market + rng.integers(0, market, workers), firms - 1),
                            rng.integers(0, firms, workers))
        firm[:, t] = np.where(rng.random(workers) < move, anywhere, now)
    return np.repeat(np.arange(workers), years), firm.ravel(), np.tile(np.arange(years), workers)


def outcomes(rng, columns, effects, x, scale=1.0, glm=False, slopes=(), noise=1.0):
    """Adds regressors and outcomes that depend on everything: y, and for `glm` binary and count."""
    n = len(columns[effects[0]])
    index = np.zeros(n)
    drift = np.zeros(n)
    for e in effects:
        own = rng.normal(size=columns[e].max() + 1)[columns[e]]
        index += own
        drift += 0.5 * own
    for e, name in slopes:
        columns[name] = np.round(rng.normal(size=n) + 0.3 * drift, 3)
        index += rng.normal(size=columns[e].max() + 1)[columns[e]] * columns[name]
    for j, name in enumerate(x):
        column = rng.normal(size=n) + drift
        columns[name] = np.round(column, 3)
        index += (1.0, -0.4, 0.2)[j] * columns[name]
    y = np.round(index + noise * rng.normal(size=n), 3)
    if scale != 1.0:
        y = np.array([float(f"{v:.3f}e{round(np.log10(scale))}") for v in y])
        for name in x:
            columns[name] = np.array([float(f"{v:.3f}e{round(np.log10(scale))}") for v in columns[name]])
    columns["y"] = y
    if glm:
        columns["binary"] = (rng.random(n) < 1 / (1 + np.exp(-0.7 * index))).astype(int)
        columns["count"] = rng.poisson(np.exp(np.clip(0.4 * index, -4, 3)))
    return columns


def designs():
    """name -> (columns, dict(effects, x, clusters, weights, families, remark))."""
    out = {}

    def add(name, columns, effects, x, clusters, remark, weights=None, families=("ols",)):
        spec = [dict(name=e, constant=True, slopes=[]) if isinstance(e, str) else e for e in effects]
        out[name] = (columns, dict(effects=spec, x=x, clusters=clusters, weights=weights, families=families, remark=remark))

    all_families = ("ols", "logit", "poisson")
    rng = np.random.default_rng(101)
    c = {"f": place(rng, 700, 40), "g": place(rng, 700, 25), "c": place(rng, 700, 60)}
    outcomes(rng, c, ["f", "g"], ["x1", "x2"], glm=True)
    add("two_connected", c, ["f", "g"], ["x1", "x2"], ["c"], "two effects, one component, clusters across both", families=all_families)

    rng = np.random.default_rng(102)
    part = np.sort(rng.integers(0, 5, 600))
    c = {"f": part * 12 + rng.integers(0, 12, 600), "g": part * 6 + rng.integers(0, 6, 600)}
    outcomes(rng, c, ["f", "g"], ["x1"], glm=True)
    add("disconnected", c, ["f", "g"], ["x1"], ["f"], "five components: the two effects lose five degrees of freedom, not one", families=all_families)

    rng = np.random.default_rng(103)
    f = place(rng, 600, 50)
    c = {"f": f, "g": f % 8, "h": place(rng, 600, 9)}
    outcomes(rng, c, ["f", "h"], ["x1", "x2"])
    add("nested", c, ["f", "g", "h"], ["x1", "x2"], ["g"], "f lies within g, which is also the cluster")

    rng = np.random.default_rng(104)
    row = np.arange(1200)
    c = {"indiv": row // 10, "firm": row % 12, "year": row % 10}
    outcomes(rng, c, ["indiv", "firm", "year"], ["x1", "x2"], glm=True)
    c["z"] = (c["year"] % 2 + 0.5 * (c["firm"] % 3)).round(3)
    add("tied_three", c, ["indiv", "firm", "year"], ["x1", "x2", "z"], ["indiv"],
        "firm modulo 2 is year modulo 2, so the effects lose more than two degrees of freedom; z is spanned by them", families=all_families)

    rng = np.random.default_rng(105)
    f = np.where(rng.random(900) < 0.6, 0, 1 + rng.integers(0, 90, 900))
    c = {"f": f, "g": place(rng, 900, 70), "c": place(rng, 900, 40)}
    outcomes(rng, c, ["f", "g"], ["x1"])
    add("huge_level", c, ["f", "g"], ["x1"], ["c"], "one level of f holds 60 % of the rows")

    rng = np.random.default_rng(106)
    step = np.arange(250)
    edges = np.concatenate([np.stack([step, step], 1), np.stack([step, (step + 1) % 250], 1)])
    edges = edges[np.repeat(np.arange(500), 1 + rng.integers(0, 2, 500))]
    c = {"f": edges[:, 0], "g": edges[:, 1]}
    outcomes(rng, c, ["f", "g"], ["x1", "x2"])
    add("ring", c, ["f", "g"], ["x1", "x2"], ["f"], "a cycle through 500 levels: the normal equations have a condition number of about 4e4")

    rng = np.random.default_rng(107)
    step = np.arange(250)
    edges = np.concatenate([np.stack([step, step], 1), np.stack([step[:-1], step[1:]], 1)])
    many = 1 + rng.integers(0, 2, len(edges))
    many[[0, 249]] = 2  # an end with one row would be a singleton, and then the next
    edges = edges[np.repeat(np.arange(len(edges)), many)]
    c = {"f": edges[:, 0], "g": edges[:, 1], "c": place(rng, len(edges), 30)}
    outcomes(rng, c, ["f", "g"], ["x1"])
    # a regressor that drifts along the path is nearly spanned by the effects
    c["x2"] = np.round(np.cumsum(rng.normal(size=250))[c["f"]] + 0.05 * rng.normal(size=len(edges)), 3)
    add("path", c, ["f", "g"], ["x1", "x2"], ["c"], "a path through 500 levels; x2 is nearly spanned by the effects")

    rng = np.random.default_rng(108)
    worker, firm, year = panel(rng, 250, 6, 40, 0.12, 10)
    c = {"worker": worker, "firm": firm, "year": year}
    outcomes(rng, c, ["worker", "firm", "year"], ["x1", "x2"])
    add("worker_firm", c, ["worker", "firm", "year"], ["x1", "x2"], ["worker"], "rare moves, nearly all inside a market of ten firms")

    rng = np.random.default_rng(109)
    c = {"f": rng.integers(0, 230, 420), "g": rng.integers(0, 130, 420)}
    c["c"] = c["g"] // 3
    outcomes(rng, c, ["f", "g"], ["x1"])
    add("small_levels", c, ["f", "g"], ["x1"], ["c"], "levels of one to three rows; dropping singletons makes new ones")

    rng = np.random.default_rng(110)
    c = {"f": place(rng, 600, 45), "g": place(rng, 600, 30), "w": np.round(np.exp(rng.normal(size=600)), 2) + 0.01, "c": place(rng, 600, 50)}
    outcomes(rng, c, ["f", "g"], ["x1", "x2"], glm=True)
    add("weights", c, ["f", "g"], ["x1", "x2"], ["c"], "uneven weights", weights="w", families=all_families)

    for name, scale, seed in (("scale_down", 1e-6, 111), ("scale_up", 1e6, 112)):
        rng = np.random.default_rng(seed)
        worker, firm, _ = panel(rng, 120, 5, 20, 0.15, 5)
        c = outcomes(rng, {"worker": worker, "firm": firm}, ["worker", "firm"], ["x1", "x2"], scale=scale)
        add(name, c, ["worker", "firm"], ["x1", "x2"], ["worker"], f"outcome and regressors in units of {scale:g}")

    for name, constant, seed in (("slopes", True, 113), ("slopes_only", False, 114)):
        rng = np.random.default_rng(seed)
        c = {"f": place(rng, 700, 35), "g": place(rng, 700, 20), "c": place(rng, 700, 45)}
        outcomes(rng, c, ["f", "g"], ["x1", "x2"], slopes=[("f", "z")])
        add(name, c, [dict(name="f", constant=constant, slopes=["z"]), "g"], ["x1", "x2"], ["c"],
            "f[z] + g: intercept and slope" if constant else "f[[z]] + g: slope without intercept")

    rng = np.random.default_rng(115)
    worker, firm, year = panel(rng, 200, 5, 30, 0.2, 15)
    c = {"worker": worker, "firm": firm, "year": year, "region": firm // 3}
    outcomes(rng, c, ["worker", "firm"], ["x1", "x2"])
    add("multiway", c, ["worker", "firm"], ["x1", "x2"], ["worker", "region"], "two ways of clustering; each effect is nested in one")
    return out


# --- the exact answer ---------------------------------------------------------------------------------------------------------
def kept_rows(columns, spec, y, family):
    keep = np.ones(len(y), dtype=bool)
    while True:
        before = keep.sum()
        for e in spec["effects"]:
            code = columns[e["name"]]
            rows = np.bincount(code[keep], minlength=code.max() + 1)
            keep &= rows[code] != 1
            if family != "ols":
                rows = np.bincount(code[keep], minlength=code.max() + 1)
                total = np.bincount(code[keep], weights=y[keep], minlength=code.max() + 1)
                keep &= (total != 0)[code]
                if family == "logit":
                    keep &= (total != rows)[code]
        if keep.sum() == before:
            return keep


def dummies(columns, spec, keep):
    parts, levels = [], []
    for e in spec["effects"]:
        _, code = np.unique(columns[e["name"]][keep], return_inverse=True)
        one = (code[:, None] == np.arange(code.max() + 1)).astype(float)
        levels.append(code.max() + 1)
        if e["constant"]:
            parts.append(one)
        parts += [one * columns[s][keep][:, None] for s in e["slopes"]]
    return np.concatenate(parts, axis=1), levels


def rank(z):
    """Rank by singular values of the columns at unit length, and the gap around it."""
    s = np.linalg.svd(z / np.linalg.norm(z, axis=0), compute_uv=False)
    r = int((s > 1e-8 * s[0]).sum())
    below = s[r] / s[0] if r < len(s) else 0.0
    assert s[r - 1] > 1e-5 * s[0] and below < 1e-12, (s[r - 1] / s[0], below)
    return r, [s[r - 1] / s[0], below]


class Normal:
    """min |v - Z a|_w for any v: approximate inverse in float64, residuals in 80 bits, until nothing changes."""

    def __init__(self, z, w):
        self.z, self.w = z.astype(LD), w.astype(LD)
        self.scale = np.sqrt((w[:, None] * z**2).sum(axis=0)).astype(float)
        unit = (z / self.scale) * np.sqrt(w.astype(float))[:, None]
        value, self.vector = np.linalg.eigh(unit.T @ unit)
        large = value > 1e-11 * value[-1]
        self.inverse = np.where(large, 1 / np.where(large, value, 1), 0)
        self.left = 0.0

    def approximate(self, score):
        unit = (score / self.scale).astype(float)
        return (self.vector @ (self.inverse * (self.vector.T @ unit))).astype(LD) / self.scale

    def solve(self, v):
        a, r = np.zeros(self.z.shape[1], dtype=LD), v.astype(LD)
        size = np.sqrt((self.w * r**2).sum())
        for _ in range(30):
            score = self.z.T @ (self.w * r)
            left = np.abs(score / self.scale).max() / size
            if left < 1e-18:
                break
            step = self.approximate(score)
            a, r = a + step, r - self.z @ step
        self.left = max(self.left, float(left))
        assert left < 1e-16, left
        return a, r


def newton(z, y, w, family):
    """Maximum likelihood over the full dummy design: eta and the largest score left."""
    y, w, z80 = y.astype(LD), w.astype(LD), z.astype(LD)
    centre = (w * y).sum() / w.sum()
    eta = np.full(len(y), np.log(centre / (1 - centre)) if family == "logit" else np.log(centre), dtype=LD)
    mean = (lambda e: 1 / (1 + np.exp(-e))) if family == "logit" else np.exp
    for steps in range(100):
        mu = mean(eta)
        normal = Normal(z, (w * (mu * (1 - mu) if family == "logit" else mu)).astype(float))
        score = z80.T @ (w * (y - mu))
        left = np.abs(score / normal.scale).max() / np.sqrt(w.sum())
        if left < 2e-18:
            break
        step = z80 @ normal.approximate(score)
        eta = eta + step / max(1, np.abs(step).max() / 3)
    assert left < 1e-16 and np.abs(eta).max() < 30, (left, np.abs(eta).max())
    return eta, mean(eta), steps, float(left)


def meat(psi, codes):
    """Sum over clusters of the outer products of summed influence, and the number of clusters."""
    _, code = np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True)
    code = code.ravel()
    sums = np.zeros((code.max() + 1, psi.shape[1]), dtype=LD)
    np.add.at(sums, code, psi)
    return sums.T @ sums, code.max() + 1


def clustered(psi, clusters):
    total, smallest, counts = 0, None, []
    for mask in range(1, 1 << len(clusters)):
        subset = [c for i, c in enumerate(clusters) if mask >> i & 1]
        part, g = meat(psi, subset)
        total = total + (part if len(subset) % 2 else -part)
        smallest = g if smallest is None else min(smallest, g)
        if len(subset) == 1:
            counts.append(int(g))
    return total, int(smallest), counts


def parameters(columns, spec, keep, levels, p, clusters):
    """k_iid and k."""
    nested = []
    for e in spec["effects"]:
        code = columns[e["name"]][keep]
        within = lambda c: len(np.unique(np.stack([code, c], axis=1), axis=0)) == len(np.unique(code))
        nested.append(any(within(c) for c in clusters))

    def count(skip):
        own = [l for l, e, s in zip(levels, spec["effects"], skip) if e["constant"] and not s]
        slopes = sum(l * len(e["slopes"]) for l, e, s in zip(levels, spec["effects"], skip) if not s)
        return p + sum(own) - max(len(own) - 1, 0) + slopes + (1 if all(skip) else 0)

    return count([False] * len(levels)), count(nested), nested


def solve(columns, spec, family):
    y = columns[{"ols": "y", "logit": "binary", "poisson": "count"}[family]].astype(float)
    keep = kept_rows(columns, spec, y, family)
    y, n = y[keep], int(keep.sum())
    w = columns[spec["weights"]][keep] if spec["weights"] else np.ones(n)
    d, levels = dummies(columns, spec, keep)
    clusters = [columns[c][keep] for c in spec["clusters"]]
    out = {"family": family, "n": n, "levels": [int(l) for l in levels]}
    check = {}

    absorb = Normal(d, w)
    names, dropped = [], []
    for name in spec["x"]:
        v = columns[name][keep]
        _, r = absorb.solve(v)
        share = float(np.sqrt((w * r**2).sum() / (w * (v - v.mean()) ** 2).sum()))
        assert share > 1e-3 or share < 1e-14, share
        (names if share > 1e-3 else dropped).append(name)
    x = np.stack([columns[name][keep] for name in names], axis=1)
    z = np.concatenate([x, d], axis=1)
    p = len(names)
    out["names"], out["dropped"] = names, dropped
    out["rank_effects"], gap_d = rank(d)
    out["rank_all"], gap_z = rank(z)
    assert out["rank_all"] == out["rank_effects"] + p
    check["gap"] = [min(gap_d[0], gap_z[0]), max(gap_d[1], gap_z[1])]

    if family == "ols":
        full = Normal(z, w)
        theta, residual = full.solve(y)
        information, coef = w.astype(LD), theta[:p]
        left = full.left
    else:
        eta, mu, check["steps"], left = newton(z, y, w, family)
        information = w * (mu * (1 - mu) if family == "logit" else mu)
        theta, off = Normal(z, information.astype(float)).solve(eta)
        check["eta"] = float(np.abs(off).max())
        coef, residual = theta[:p], (y - mu) / (mu * (1 - mu) if family == "logit" else mu)
    absorb = Normal(d, information.astype(float))
    absorb.w = information  # approximate inverse for rounded weights, residuals for the weights themselves
    tilde = np.stack([absorb.solve(x[:, j])[1] for j in range(p)], axis=1)
    gram = tilde.T @ (information[:, None] * tilde)
    size = np.sqrt(np.diag(gram))
    inverse = inverse_spd(gram / np.outer(size, size))[0] / np.outer(size, size)
    psi = (tilde * (information * residual)[:, None]) @ inverse
    check["left"] = max(left, absorb.left)
    check["score"] = float(np.abs(psi.sum(axis=0) / np.sqrt((psi**2).sum(axis=0))).max())

    k_iid, k, nested = parameters(columns, spec, keep, levels, p, clusters)
    matrix, g, counts = clustered(psi, clusters)
    factor = LD(g) / (g - 1) * LD(n - 1) / (n - k)
    out.update(coef=coef, se_cluster=np.sqrt(np.diag(matrix) * factor), k=k, k_iid=k_iid, nested=nested, clusters=counts, smallest_g=g)
    if family == "ols":
        rss = (information * residual**2).sum()
        _, within = absorb.solve(y)
        out.update(se_iid=np.sqrt(np.diag(inverse) * rss / (n - k_iid)), rss=rss, within_r2=1 - rss / (information * within**2).sum())
    else:
        out["se_iid"] = np.sqrt(np.diag(inverse) * LD(n - 1) / (n - k_iid))
        log = lambda a: np.log(np.where(a > 0, a, 1))
        if family == "logit":
            part = y * log(mu) + (1 - y) * log(1 - mu)
            out["deviance"] = -2 * (w * part).sum()
        else:
            out["deviance"] = 2 * (w * (y * (log(y.astype(LD)) - eta) - (y - mu))).sum()
    out["check"] = check
    return out


def cross_check(columns, spec, fit):
    """Largest relative deviation of pyfixest, at tight tolerances, from a fit here; nothing where it lacks the model."""
    import warnings
    import pandas as pd, pyfixest as pf
    warnings.simplefilter("ignore")
    if any(e["slopes"] or not e["constant"] for e in spec["effects"]) or (spec["weights"] and fit["family"] != "ols"):
        return None
    left = {"ols": "y", "logit": "binary", "poisson": "count"}[fit["family"]]
    text = f"{left} ~ {' + '.join(fit['names'])} | {' + '.join(e['name'] for e in spec['effects'])}"
    table = pd.DataFrame(columns)
    tight = dict(demeaner=pf.LsmrDemeaner(fixef_atol=1e-14, fixef_btol=1e-14))
    out = {}
    for kind, vcov in (("cluster", {"CRV1": " + ".join(spec["clusters"])}), ("iid", "iid")):
        if fit["family"] == "ols":
            m = pf.feols(text, table, vcov=vcov, weights=spec["weights"], **tight)
        elif fit["family"] == "logit":
            m = pf.feglm(text, table, family="logit", vcov=vcov, separation_check=["fe"], iwls_tol=1e-13, iwls_maxiter=100, **tight)
        else:
            m = pf.fepois(text, table, vcov=vcov, separation_check=["fe"], iwls_tol=1e-13, iwls_maxiter=100, **tight)
        gap = lambda a, b: float(np.abs(np.asarray(a, float) / np.asarray(b, float) - 1).max())
        out["n"] = int(m._N)
        out["coef"] = gap(m.coef().to_numpy(), fit["coef"])
        out[f"se_{kind}"] = gap(m.se().to_numpy(), fit[f"se_{kind}"])
    return out


# --- the file -----------------------------------------------------------------------------------------------------------------
def compact(v):
    """The shortest text of a list of numbers: whole numbers without a point."""
    return "[" + ",".join(repr(int(x)) if float(x).is_integer() and abs(x) < 1e9 else repr(float(x)) for x in v) + "]"


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--out", default=os.path.join(HERE, "absorb.json"))
    a.add_argument("--cross-check", action="store_true", help="compare with pyfixest and print (nothing is written)")
    a = a.parse_args()
    if np.finfo(LD).nmant < 63:
        sys.exit("np.longdouble is no wider than double on this machine")
    head = {"about": {"script": "absorb.py", "arithmetic": "80-bit residuals, printed as the nearest double"}, "definitions": DEFINITIONS}
    cases = []
    for name, (columns, spec) in designs().items():
        fits = []
        for family in spec.pop("families"):
            r = solve(columns, spec, family)
            c = r["check"]
            print(f"{name} {family}: n {r['n']} of {len(columns['y'])} levels {r['levels']} rank {r['rank_effects']} k {r['k']}/{r['k_iid']} "
                  f"coef {np.round(r['coef'].astype(float), 4)} left {c['left']:.0e} score {c['score']:.0e} gap {c['gap'][0]:.0e} {c['gap'][1]:.0e}", flush=True)
            fits.append(plain(r))
            if a.cross_check:
                try:
                    print("  pyfixest:", cross_check(columns, spec, fits[-1]), flush=True)
                except ValueError as error:  # it calls small regressors collinear
                    print("  pyfixest:", " ".join(str(error).split()), flush=True)
        data = ",\n".join(f'      {json.dumps(k)}: {compact(v)}' for k, v in columns.items())
        solved = ",\n".join("      " + json.dumps(f) for f in fits)
        cases.append(f'    {json.dumps(name)}: {{\n      "spec": {json.dumps(spec)},\n      "columns": {{\n{data}\n      }},\n      "fits": [\n{solved}\n      ]\n    }}')
    text = json.dumps(head, indent=2)[:-2] + ',\n  "cases": {\n' + ",\n".join(cases) + "\n  }\n}\n"
    json.loads(text)
    if not a.cross_check:
        with open(a.out, "w") as f:
            f.write(text)
    print(f"{len(text) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
