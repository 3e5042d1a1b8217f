"""Bootstraps and permutation tests by brute force -> resampling.json.

usage: python resampling.py [--data DIR] [--out FILE] [--cross-check]

Needs numpy and scipy; --cross-check needs wildboottest and compares the enumerated p-values and statistics with it.
Every fixed effect is a column of a dense matrix, and every draw is a refit of the whole regression on the drawn outcome with
its own cluster-robust error. Random draws use the Philox4x32-10 generator written out below from its paper.
"""
import argparse, csv, json, os
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def philox(key, counter):
    """Salmon et al. (2011), Philox4x32, 10 rounds."""
    m0, m1, mask = 0xD2511F53, 0xCD9E8D57, 0xFFFFFFFF
    k0, k1 = key & mask, (key >> 32) & mask
    c0, c1, c2, c3 = counter
    for _ in range(10):
        a, b = m0 * c0, m1 * c2
        c0, c1, c2, c3 = (b >> 32) ^ c1 ^ k0, b & mask, (a >> 32) ^ c3 ^ k1, a & mask
        k0, k1 = (k0 + 0x9E3779B9) & mask, (k1 + 0xBB67AE85) & mask
    return c0, c1, c2, c3


def weights(kind, seed, draws, clusters):
    """draws x clusters."""
    v = np.empty((draws, clusters))
    for g in range(clusters):
        for b in range(draws):
            if kind == "rademacher":
                words = philox(seed, (g, b // 128, 1, 0))
                lane = b % 128
                v[b, g] = -1.0 if (words[lane // 32] >> (lane % 32)) & 1 else 1.0
            else:
                bits = philox(seed, (g, b // 4, 2, 0))[b % 4]
                if kind == "webb":
                    v[b, g] = [-np.sqrt(1.5), -1, -np.sqrt(.5), np.sqrt(.5), 1, np.sqrt(1.5)][(bits * 6) >> 32]
                else:
                    low = bits < (np.sqrt(5) + 1) / (2 * np.sqrt(5)) * 2.0 ** 32
                    v[b, g] = (1 - np.sqrt(5)) / 2 if low else (1 + np.sqrt(5)) / 2
    return v


def enumerated(clusters):
    return np.array([[-1.0 if (b >> g) & 1 else 1.0 for g in range(clusters)] for b in range(2 ** clusters)])


def codes(*columns):
    keys = list(zip(*columns))
    level = {key: i for i, key in enumerate(sorted(set(keys)))}
    return np.array([level[key] for key in keys])


def read(data, rows):
    with open(os.path.join(data, "sessions.csv")) as f:
        table = list(csv.DictReader(f))[:rows]
    return [row for row in table if row["expertise"] not in ("", "NA")]


def design(rows, x, effects, cluster, outcome, weight):
    """Dense design, names of its tested columns first; singletons dropped."""
    while True:
        drop = np.zeros(len(rows), bool)
        for parts in effects:
            e = codes(*[[r[p] for r in rows] for p in parts])
            drop |= np.bincount(e)[e] == 1
        if not drop.any():
            break
        rows = [r for r, d in zip(rows, drop) if not d]
    columns, names = [], []
    for term in x:
        if term == "expertise":
            for level in "2345":
                columns.append([float(r["expertise"] == level) for r in rows])
                names.append(f"expertise::{level}")
        else:
            columns.append([float(r[term]) for r in rows])
            names.append(term)
    first = True
    for parts in effects:
        e = codes(*[[r[p] for r in rows] for p in parts])
        for level in range(0 if first else 1, e.max() + 1):
            columns.append((e == level).astype(float))
        first = False
    if not effects:
        columns.append(np.ones(len(rows)))
    X = np.array(columns, float).T
    # redundant dummies go, as a generalised inverse would have it
    keep, rank = [], 0
    for j in range(X.shape[1]):
        if np.linalg.matrix_rank(X[:, keep + [j]]) > rank:
            keep.append(j)
            rank += 1
    assert keep[: len(names)] == list(range(len(names)))
    y = np.array([float(r[outcome]) for r in rows])
    w = np.array([float(r[weight]) for r in rows]) if weight else np.ones(len(rows))
    return X[:, keep], y, w, codes([r[cluster] for r in rows]), names


class Fit:
    """Weighted least squares and its cluster-robust error without factor."""

    def __init__(self, X, w, g):
        self.X, self.w, self.g = X, w, g
        self.A = np.linalg.inv((X * w[:, None]).T @ X)
        self.M = self.A @ (X * w[:, None]).T

    def __call__(self, y, j):
        b = self.M @ y
        u = y - self.X @ b
        scores = np.zeros((self.g.max() + 1, self.X.shape[1]))
        np.add.at(scores, self.g, self.X * (self.w * u)[:, None])
        return b[j], np.sqrt(((scores @ self.A[j]) ** 2).sum()), b, u


def draw_statistics(fit, y, j, null, restricted, v):
    estimate, error, b, u = fit(y, j)
    X, w = fit.X, fit.w
    if restricted:
        others = np.delete(np.arange(X.shape[1]), j)
        Xo = X[:, others]
        target = y - null * X[:, j]
        c = np.linalg.solve((Xo * w[:, None]).T @ Xo, (Xo * w[:, None]).T @ target)
        fitted, centre = Xo @ c + null * X[:, j], null
    else:
        fitted, centre = X @ b, estimate
    residual = y - fitted
    out = []
    for signs in v:
        star, error_star, _, _ = fit(fitted + signs[fit.g] * residual, j)
        out.append((star - centre) / error_star)
    return (estimate - null) / error, np.array(out)


def p_value(t, draws, kind="symmetric"):
    tie = 1e-9 * abs(t)
    if kind == "symmetric":
        return float(np.mean(np.abs(draws) > abs(t) + tie))
    return float(min(1.0, 2 * min(np.mean(draws > t + tie), np.mean(draws < t - tie))))


def interval(fit, y, j, restricted, v, level, kind):
    """From the estimate outwards in small steps to the first value rejected, then bisection; refits at every value."""
    estimate, error, _, _ = fit(y, j)
    unrestricted = None if restricted else draw_statistics(fit, y, j, 0.0, False, v)[1]

    def kept(null):
        if restricted:
            t, draws = draw_statistics(fit, y, j, null, True, v)
        else:
            t, draws = (estimate - null) / error, unrestricted
        return p_value(t, draws, kind) > 1 - level

    ends = []
    for side in (-1, 1):
        inside, step = estimate, 0.5
        for _ in range(40):
            outside = inside + side * step * error
            if not kept(outside):
                while abs(outside - inside) > 1e-10 * error:
                    middle = 0.5 * (inside + outside)
                    inside, outside = (middle, outside) if kept(middle) else (inside, middle)
                ends.append(0.5 * (inside + outside))
                break
            inside, step = outside, step * 1.25
        else:
            ends.append(None)
    return ends


CASES = {
    "plain": dict(rows=250, x=["expertise", "prompts"], effects=[], cluster="month", outcome="verified", weight=None),
    "weights": dict(rows=250, x=["expertise", "prompts"], effects=[], cluster="month", outcome="verified", weight="weight"),
    "additive": dict(rows=300, x=["expertise"], effects=[["work_mode"], ["software"]], cluster="month", outcome="verified", weight=None),
    "interacted": dict(rows=400, x=["expertise", "prompts"], effects=[["work_mode", "software"]], cluster="month", outcome="actions", weight="weight"),
    "nested": dict(rows=300, x=["expertise"], effects=[["month"], ["work_mode"]], cluster="month", outcome="verified", weight=None),
}
RANDOM = dict(rows=1200, x=["expertise"], effects=[["work_mode"], ["month"]], cluster="user_id", outcome="verified", weight="weight")


def wild(data, check):
    out = {}
    for name, case in CASES.items():
        X, y, w, g, names = design(read(data, case["rows"]), **{k: v for k, v in case.items() if k != "rows"})
        fit, v = Fit(X, w, g), enumerated(g.max() + 1)
        terms = {}
        for j in (0, len(names) - 1):
            result = dict(estimate=fit(y, j)[0], error=fit(y, j)[1])
            for kind, restricted in (("restricted", True), ("unrestricted", False)):
                t, draws = draw_statistics(fit, y, j, 0.0, restricted, v)
                result[kind] = dict(t=t, draws=draws.tolist(), p=p_value(t, draws), p_equal_tail=p_value(t, draws, "equal-tail"))
                if kind == "restricted" and name != "nested":
                    result[kind]["interval_90"] = interval(fit, y, j, True, v, 0.9, "symmetric")
                    result[kind]["interval_80_equal_tail"] = interval(fit, y, j, True, v, 0.8, "equal-tail")
                    t, draws = draw_statistics(fit, y, j, 0.1, True, v)
                    result[kind]["draws_at_0.1"] = draws.tolist()
                elif kind == "unrestricted":
                    result[kind]["interval_90"] = interval(fit, y, j, False, v, 0.9, "symmetric")
                if check and case["weight"] is None:
                    compare(X, y, g, j, restricted, result[kind])
            terms[names[j]] = result
        out[name] = dict(case, n=len(y), clusters=int(g.max() + 1), terms=terms)
        print("wild", name, len(y), X.shape, g.max() + 1)
    X, y, w, g, names = design(read(data, RANDOM["rows"]), **{k: v for k, v in RANDOM.items() if k != "rows"})
    fit = Fit(X, w, g)
    random = {}
    for kind in ("rademacher", "webb", "mammen"):
        v = weights(kind, 20261121, 150, g.max() + 1)
        random[kind] = {
            "restricted": draw_statistics(fit, y, 1, 0.05, True, v)[1].tolist(),
            "unrestricted": draw_statistics(fit, y, 1, 0.05, False, v)[1].tolist(),
        }
    out["random"] = dict(RANDOM, seed=20261121, null=0.05, term=names[1], n=len(y), clusters=int(g.max() + 1), draws=random)
    return out


def compare(X, y, g, j, restricted, ours):
    """wildboottest: the same statistics; its comparison has no tolerance for ties, so p may differ by the ties."""
    from wildboottest.wildboottest import WildboottestCL
    R = np.zeros(X.shape[1])
    R[j] = 1
    theirs = WildboottestCL(X=X, Y=y, cluster=g, R=R, B=100_000, parallel=False)
    theirs.get_scores(bootstrap_type="11", impose_null=restricted)
    theirs.get_weights(weights_type="rademacher")
    theirs.get_numer(), theirs.get_denom(), theirs.get_tboot(), theirs.get_vcov(), theirs.get_tstat(), theirs.get_pvalue()
    scale = np.sqrt(theirs.ssc)
    finite = np.isfinite(theirs.t_boot)
    difference = np.abs(np.sort(theirs.t_boot[finite] * scale) - np.sort(np.array(ours["draws"])[finite]))
    ties = np.sum(np.abs(np.abs(theirs.t_boot) - abs(theirs.t_stat)) < 1e-9 * abs(theirs.t_stat))
    gap = abs(theirs.pvalue - ours["p"]) * len(theirs.t_boot)
    print("  wildboottest: largest difference of t*", difference.max(), "t", abs(theirs.t_stat * scale - ours["t"]),
          "p", theirs.pvalue, "ours", ours["p"], "ties", ties)
    assert difference.max() < 1e-8 and gap <= ties + 1e-9
    ours["wildboottest_p"], ours["ties"] = float(theirs.pvalue), int(ties)


def link(family, eta):
    """Mean, its derivative, variance."""
    from scipy.stats import norm
    if family == "poisson":
        return np.exp(eta), np.exp(eta), np.exp(eta)
    mu = 1 / (1 + np.exp(-eta)) if family == "logit" else norm.cdf(eta)
    return mu, (mu * (1 - mu) if family == "logit" else norm.pdf(eta)), mu * (1 - mu)


def maximise(family, X, y, w):
    """Fisher scoring from zero with step halving on the deviance's score; returns eta."""
    b = np.zeros(X.shape[1])
    for _ in range(200):
        mu, f, V = link(family, X @ b)
        info = w * f * f / V
        score = X.T @ (w * f / V * (y - mu))
        step = np.linalg.solve((X * info[:, None]).T @ X, score)
        b = b + step * min(1.0, 2.0 / np.abs(X @ step).max())
        if np.abs(step).max() < 1e-13:
            return X @ b
    raise RuntimeError("no convergence")


SCORE = {
    "logit": dict(rows=900, x=["expertise", "prompts"], effects=[["work_mode"]], cluster="month", outcome="verified", weight=None),
    "probit": dict(rows=900, x=["expertise", "prompts"], effects=[], cluster="month", outcome="verified", weight="weight"),
    "poisson": dict(rows=400, x=["expertise", "prompts"], effects=[["work_mode"], ["software"]], cluster="month", outcome="actions", weight="weight"),
}


def score(data):
    out = {}
    for family, case in SCORE.items():
        X, y, w, g, names = design(read(data, case["rows"]), **{k: v for k, v in case.items() if k != "rows"})
        v = enumerated(g.max() + 1)
        terms = {}
        for j in (0, len(names) - 1):
            Xo = np.delete(X, j, axis=1)
            mu, f, V = link(family, maximise(family, Xo, y, w))
            info = w * f * f / V
            x = X[:, j] - Xo @ np.linalg.solve((Xo * info[:, None]).T @ Xo, (Xo * info[:, None]).T @ X[:, j])
            psi = np.zeros(g.max() + 1)
            np.add.at(psi, g, w * x * f / V * (y - mu))
            t = psi.sum() / np.sqrt((psi ** 2).sum())
            draws = v @ psi / np.sqrt((v ** 2) @ psi ** 2)
            terms[names[j]] = dict(t=t, draws=draws.tolist(), p=p_value(t, draws))
        out[family] = dict(case, n=len(y), clusters=int(g.max() + 1), terms=terms)
        print("score", family, len(y), X.shape)
    return out


USERS = {
    "ols": dict(rows=900, x=["expertise", "prompts"], effects=[["work_mode"], ["month"]], cluster="user_id", outcome="verified", weight="weight"),
    "logit": dict(rows=900, x=["expertise", "prompts"], effects=[["work_mode"]], cluster="user_id", outcome="verified", weight=None),
}


def counts(scheme, seed, draw, clusters):
    words = [philox(seed, (g, draw, 3, 0)) for g in range(clusters)]
    if scheme == "multinomial":
        out = np.zeros(clusters)
        for a, b, _, _ in words:
            out[(((a << 32) | b) * clusters) >> 64] += 1
        return out
    u = np.array([(((a << 20) | (b >> 12)) + 0.5) / 2 ** 52 for a, b, _, _ in words])
    if scheme == "exponential":
        return -np.log(u)
    from scipy.stats import poisson
    return poisson.ppf(u, 1)


def users(data):
    """Coefficients of a few draws: the regression weighted by how often each user was drawn."""
    out = {}
    for family, case in USERS.items():
        X, y, w, g, names = design(read(data, case["rows"]), **{k: v for k, v in case.items() if k != "rows"})
        draws = {}
        for scheme in ("multinomial", "exponential", "poisson"):
            draws[scheme] = []
            for draw in range(4):
                m = w * counts(scheme, 7, draw, int(g.max()) + 1)[g]
                keep = m > 0
                Xk, yk, mk = X[keep], y[keep], m[keep]
                if family == "ols":
                    b = np.linalg.lstsq(Xk * np.sqrt(mk)[:, None], yk * np.sqrt(mk), rcond=None)[0]
                else:
                    eta = maximise(family, Xk, yk, mk)
                    b = np.linalg.lstsq(Xk, eta, rcond=None)[0]
                draws[scheme].append(b[: len(names)].tolist())
        out[family] = dict(case, names=names, n=len(y), clusters=int(g.max() + 1), seed=7, draws=draws)
        print("users", family, X.shape, g.max() + 1)
    return out


def permutation():
    """All assignments of a treatment within two blocks of six, three treated in each: t with the HC1 error."""
    from itertools import combinations
    rng = np.random.default_rng(3)
    block = np.repeat([0, 1], 6)
    d = np.tile([1.0, 0, 1, 0, 0, 1], 2)
    y = np.round(0.9 * d + 0.5 * block + rng.normal(size=12), 3)

    def t(d):
        X = np.column_stack([d, block == 0, block == 1]).astype(float)
        A = np.linalg.inv(X.T @ X)
        b = A @ X.T @ y
        u = y - X @ b
        V = 12 / (12 - 3) * A @ (X * (u ** 2)[:, None]).T @ X @ A
        return b[0] / np.sqrt(V[0, 0])

    all_t = []
    for first in combinations(range(6), 3):
        for second in combinations(range(6, 12), 3):
            drawn = np.zeros(12)
            drawn[list(first + second)] = 1
            all_t.append(t(drawn))
    observed = t(d)
    p = float(np.mean(np.abs(all_t) >= abs(observed) * (1 - 1e-9)))
    print("permutation", observed, p)
    return dict(y=y.tolist(), d=d.tolist(), block=block.tolist(), t=observed, p=p, statistics=sorted(all_t))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default=os.path.join(HERE, "..", "data"))
    parser.add_argument("--out", default=os.path.join(HERE, "resampling.json"))
    parser.add_argument("--cross-check", action="store_true")
    arguments = parser.parse_args()
    result = dict(wild=wild(arguments.data, arguments.cross_check), score=score(arguments.data), users=users(arguments.data), permutation=permutation())
    with open(arguments.out, "w") as f:
        json.dump(result, f, indent=None, separators=(",", ":"))
        f.write("\n")
