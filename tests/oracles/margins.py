"""Average marginal effects by full dummy expansion -> margins.json.

usage: python margins.py [--data DIR] [--out FILE] [--cross-check]

Needs numpy and scipy; --cross-check prints statsmodels' get_margeff beside the textbook case. Every fixed effect is a dummy column; the
gradient of each average in all parameters is a complex step, so no derivative of a mean function is written down but
that of the likelihood. `definitions` states what each number is.
"""
import argparse, csv, json, os
import numpy as np
from scipy import special

HERE = os.path.dirname(os.path.abspath(__file__))

DEFINITIONS = {
    "sample": "first `rows_read` rows of sessions.csv without missing expertise; band as in brute.py. Rows that an effect fits exactly "
              "(singletons; levels of an effect with outcomes all 0 or, if binary, all 1; iterated) leave the estimation and stay in the target.",
    "effect": "T = sum_i pi_i m_i, pi = w/sum w over the target (over the rows at the level for slopes at a level). Numbers: m = F'(eta) b_j. "
              "Levels: F(eta with level k) - F(eta with level 1). Rows fitted exactly: 0 in a binary model, b_j or the shift in a linear one, "
              "y b_j or y (exp(shift_k) - exp(shift_1)) in a Poisson.",
    "fixed": "standard errors sqrt(diag(q sum_g phi_g phi_g')), phi_i = (dT/dtheta)' A^-1 z_i w_i (y - mu) F'/V, A = Z'W F'^2/V Z, "
             "q = G/(G-1) (n-1)/(n-K), K = columns of x + levels of all effects - (effects - 1), n and G of estimation rows.",
    "sampled": "the same with phi_i + pi_i (m_i - T), over the target.",
    "iid": "sqrt of the diagonal of (dT/dtheta)' A^-1 (dT/dtheta) times (n-1)/(n-K), or RSS/(n-K) for least squares: composition fixed.",
}


def mean(family, eta):
    if family == "ols":
        return eta
    if family == "logit":
        return 1 / (1 + np.exp(-eta))
    if family == "poisson":
        return np.exp(eta)
    return special.ndtr(eta.real) + 1j * eta.imag * np.exp(-eta.real ** 2 / 2) / np.sqrt(2 * np.pi) if np.iscomplexobj(eta) else special.ndtr(eta)


def slope(family, eta):
    if family == "ols":
        return np.ones_like(eta)
    if family == "logit":
        return np.exp(-eta) / (1 + np.exp(-eta)) ** 2
    if family == "poisson":
        return np.exp(eta)
    return np.exp(-eta ** 2 / 2) / np.sqrt(2 * np.pi)


def variance(family, mu):
    return {"ols": np.ones_like(mu), "poisson": mu}.get(family, mu * (1 - mu))


def fit(family, z, w, y):
    eta = {"ols": y, "poisson": np.log(y + 0.1)}.get(family, (y - 0.5) * 1.5)
    theta = None
    for _ in range(200):
        mu, f = mean(family, eta), slope(family, eta)
        info = w * f * f / variance(family, mu)
        work = eta + (y - mu) / f
        q, r = np.linalg.qr(z * np.sqrt(info)[:, None])
        new = np.linalg.solve(r, q.T @ (np.sqrt(info) * work))
        eta = z @ new
        if theta is not None and np.abs(new - theta).max() < 1e-13 * (1 + np.abs(new).max()):
            break
        theta = new
    return new, eta


def codes(values):
    return np.unique(np.array([str(v) for v in values]), return_inverse=True)[1]


def independent(z):
    kept, q = [], np.zeros((len(z), 0))
    for j in range(z.shape[1]):
        r = z[:, j] - q @ (q.T @ z[:, j])
        r -= q @ (q.T @ r)
        if np.linalg.norm(r) > 1e-8 * max(np.linalg.norm(z[:, j]), 1e-300):
            kept.append(j)
            q = np.column_stack([q, r / np.linalg.norm(r)])
    return kept


def case(rows, family, outcome, effects, weighted):
    y = np.array([float(r[outcome]) for r in rows])
    w = np.array([float(r["weight"]) if weighted else 1.0 for r in rows])
    level = np.array([int(r["expertise"]) for r in rows])
    software = np.array([int(r["software"]) for r in rows])
    actions = np.array([float(r["actions"]) for r in rows]) / 10
    user = codes([r["user_id"] for r in rows])
    fe = [codes(["^".join(str(r[c]) for c in effect.split("^")) for r in rows]) for effect in effects]
    x = np.column_stack([(level == k).astype(float) for k in range(2, 6)]
                        + [np.log([float(r["prompts"]) for r in rows]), np.where(software == 0, actions, 0.0), np.where(software == 1, actions, 0.0)])
    keep = np.ones(len(y), bool)
    while True:
        before = keep.sum()
        for c in fe:
            for j in np.unique(c[keep]):
                at = keep & (c == j)
                bad = at.sum() == 1
                if family != "ols":
                    bad |= (y[at] == 0).all() or (family != "poisson" and (y[at] == 1).all())
                if bad:
                    keep[at] = False
        if keep.sum() == before:
            break
    dummies = np.column_stack([(c[keep][:, None] == np.unique(c[keep])[None, :]).astype(float) for c in fe])
    p = x.shape[1]
    z = np.column_stack([x[keep], dummies])
    order = list(range(p, z.shape[1])) + list(range(p))  # effects first
    columns = sorted(np.array(order)[independent(z[:, order])])
    assert columns[:p] == list(range(p))
    z = z[:, columns]
    theta, eta = fit(family, z, w[keep], y[keep])
    target = np.ones(len(y), bool)

    def effect_rows(theta, j):
        """m of every row for effect j."""
        b = theta[:p]
        eta = z @ theta
        out = np.zeros(len(y), theta.dtype)
        if j < 4:
            own = np.append(0, b[:4])[level - 1]
            to, back = b[j] - own, -own
            out[keep] = mean(family, eta + to[keep]) - mean(family, eta + back[keep])
            exact = {"ols": to - back, "poisson": y * (np.exp(to) - np.exp(back))}.get(family, np.zeros(len(y)))
        else:
            out[keep] = slope(family, eta) * b[j]
            exact = {"ols": b[j] * np.ones(len(y)), "poisson": y * b[j]}.get(family, np.zeros(len(y)))
        out[~keep] = exact[~keep]
        return out

    mu, f = mean(family, eta), slope(family, eta)
    v = variance(family, mu)
    A = z.T @ (z * (w[keep] * f * f / v)[:, None])
    scores = z * (w[keep] * (y[keep] - mu) * f / v)[:, None]
    inverse = np.linalg.inv(A)
    n, K = int(keep.sum()), p + sum(len(np.unique(c[keep])) for c in fe) - (len(fe) - 1)
    G = len(np.unique(user[keep]))
    q = G / (G - 1) * (n - 1) / (n - K)
    estimates, fixed, sampled, iid = [], [], [], []
    for j in range(p):
        over = target if j < 5 else (software == j - 5)
        pi = w * over / (w * over).sum()
        m = effect_rows(theta, j)
        T = pi @ m
        gradient = np.array([(pi @ effect_rows(theta + 1e-30j * np.eye(len(theta))[a], j)).imag / 1e-30 for a in range(len(theta))])
        phi = np.zeros(len(y))
        phi[keep] = scores @ (inverse @ gradient)
        by = lambda phi: q * (np.bincount(user, phi) ** 2).sum()
        estimates.append(float(T))
        fixed.append(float(np.sqrt(by(phi))))
        sampled.append(float(np.sqrt(by(phi + pi * (m - T)))))
        factor = (w[keep] * (y[keep] - mu) ** 2).sum() / (n - K) if family == "ols" else (n - 1) / (n - K)
        iid.append(float(np.sqrt(factor * gradient @ inverse @ gradient)))
    return {"n": n, "K": K, "G": G, "effect": estimates, "fixed": fixed, "sampled": sampled, "iid": iid}


def mroz(path, family):
    with open(path) as f:
        rows = list(csv.DictReader(f))
    names = ["nwifeinc", "educ", "exper", "expersq", "age", "kidslt6", "kidsge6"]
    y = np.array([float(r["inlf"]) for r in rows])
    z = np.column_stack([np.ones(len(y))] + [[float(r[c]) for r in rows] for c in names])
    w = np.ones(len(y))
    theta, eta = fit(family, z, w, y)
    mu, f = mean(family, eta), slope(family, eta)
    A = z.T @ (z * (f * f / variance(family, mu))[:, None])
    out = {"effect": [], "bare": []}
    for j in range(1, z.shape[1]):
        T = lambda t: (slope(family, z @ t) * t[j]).mean()
        gradient = np.array([T(theta + 1e-30j * np.eye(len(theta))[a]).imag / 1e-30 for a in range(len(theta))])
        out["effect"].append(float(T(theta)))
        out["bare"].append(float(np.sqrt(gradient @ np.linalg.solve(A, gradient))))
    return {"names": names, "rows": len(y)} | out


def cross_check(path):
    import pandas as pd
    import statsmodels.formula.api as smf
    data = pd.read_csv(path)
    for name in ["logit", "probit", "poisson"]:
        found = getattr(smf, name)("inlf ~ nwifeinc + educ + exper + expersq + age + kidslt6 + kidsge6", data).fit(disp=0, tol=1e-12)
        margins = found.get_margeff()
        ours = mroz(path, name)
        print(name, np.abs(margins.margeff / ours["effect"] - 1).max(), np.abs(margins.margeff_se / ours["bare"] - 1).max(), margins.margeff[5], margins.margeff_se[5])


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--data", default=os.path.join(HERE, "..", "data"))
    arguments.add_argument("--out", default=os.path.join(HERE, "margins.json"))
    arguments.add_argument("--cross-check", action="store_true")
    arguments = arguments.parse_args()
    with open(os.path.join(arguments.data, "sessions.csv")) as f:
        rows = [r for _, r in zip(range(2500), csv.DictReader(f)) if r["expertise"]]
    for r in rows:
        r["band"] = 1 + sum(float(r["task_value"]) >= cut for cut in (200, 1000, 5000))
    cases = {}
    for family, outcome, effects, weighted in [
        ("ols", "verified", ["work_mode^band^month", "software"], False),
        ("logit", "verified", ["work_mode^band^month", "software"], False),
        ("logit", "verified", ["work_mode", "month"], True),
        ("probit", "verified", ["work_mode^band", "month"], False),
        ("poisson", "actions", ["work_mode^band^month", "software"], False),
    ]:
        name = f"{family}{'_weighted' if weighted else ''}"
        cases[name] = {"formula": f"{outcome} ~ i(expertise, ref = 1) + log(prompts) + i(software, tens) | {' + '.join(effects)}", "family": family,
                       "rows_read": 2500, "weights": weighted} | case(rows, family, outcome, effects, weighted)
        print(name, cases[name]["n"], cases[name]["K"], cases[name]["G"], flush=True)
    path = os.path.join(arguments.data, "mroz.csv")
    out = {"definitions": DEFINITIONS, "cases": cases, "mroz": {family: mroz(path, family) for family in ("logit", "probit", "poisson")}}
    if arguments.cross_check:
        cross_check(path)
    with open(arguments.out, "w") as f:
        json.dump(out, f, indent=1)


main()
