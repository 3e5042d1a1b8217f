"""Adjusted rates for other targets by full dummy expansion -> targets.json.

usage: python targets.py [--data DIR] [--out FILE]

Needs numpy and pandas. Every fixed effect is a column (that of a row alone in its cell too), the target is a set of row weights, and the
influence is that of the delta method on all parameters: J A^-1 z_i w_i (y_i - mu_i), plus pi_i (m_i(k) - R_k) for a sampled target.
"""
import argparse, json, os
import numpy as np, pandas as pd

HERE = os.path.dirname(os.path.abspath(__file__))
TARGETS = {
    'month == "2026-04"': lambda d: d.month == "2026-04",
    "software == 0 and prompts > 5": lambda d: (d.software == 0) & (d.prompts > 5),
    "expertise >= 3": lambda d: d.expertise >= 3,
}


def dummies(keys):
    codes, levels = pd.factorize(keys, sort=True)
    z = np.zeros((len(codes), len(levels)))
    z[np.arange(len(codes)), codes] = 1
    return z


def fit(z, y, w, logit):
    if not logit:
        q, r = np.linalg.qr(z * np.sqrt(w)[:, None])
        theta = np.linalg.solve(r, q.T @ (y * np.sqrt(w)))
        return theta, z @ theta, w.copy()
    theta = np.zeros(z.shape[1])
    for _ in range(12):
        mu = 1 / (1 + np.exp(-z @ theta))
        step = np.linalg.solve((z.T * (w * mu * (1 - mu))) @ z, z.T @ (w * (y - mu)))
        theta += step
    mu = 1 / (1 + np.exp(-z @ theta))
    return theta, mu, w * mu * (1 - mu)


def case(d, effects, logit, weighted, target, log_prompts):
    y, w = d.verified.to_numpy(float), d.weight.to_numpy(float) if weighted else np.ones(len(d))
    parts = [(d.expertise == l).to_numpy(float)[:, None] for l in (2, 3, 4, 5)]
    if log_prompts:
        parts.append(np.log(d.prompts.to_numpy(float))[:, None])
    fe = [dummies(d[cols].astype(str).agg("|".join, axis=1)) for cols in effects]
    n_x = sum(p.shape[1] for p in parts)
    full = np.hstack(parts + [f if i == 0 else f[:, 1:] for i, f in enumerate(fe)])
    # rows alone in a level are fitted exactly; rows of a logit's level without variation go to their limit
    alone = np.zeros(len(d), bool)
    for f in fe:
        ones, size = (f * y[:, None]).sum(0), f.sum(0)
        bad = (size == 1) | ((ones == 0) | (ones == size) if logit else False)
        alone |= f[:, bad].sum(1) > 0
    keep = ~alone
    z = full[np.ix_(keep, np.r_[np.arange(n_x), n_x + np.flatnonzero(full[keep][:, n_x:].sum(0) > 0)])]
    theta, mu, omega = fit(z, y[keep], w[keep], logit)
    bread = np.linalg.inv((z.T * omega) @ z)
    users = d.user_id.to_numpy()
    g, n, k = len(set(users[keep])), int(keep.sum()), z.shape[1]
    q = g / (g - 1) * (n - 1) / (n - k)
    pi = w * TARGETS[target](d).to_numpy(float)
    pi /= pi.sum()
    beta = np.concatenate([[0], theta[:4]])
    rates, fixed, sampled = [], [], []
    own = d.expertise.to_numpy(int)
    for level in range(1, 6):
        zk = z.copy()
        zk[:, :4] = 0
        if level > 1:
            zk[:, level - 2] = 1
        eta = zk @ theta
        m = np.empty(len(d))
        m[keep] = 1 / (1 + np.exp(-eta)) if logit else eta
        # outside the fit: the own dummy takes what is left in a linear model, the limit in a logit
        m[alone] = y[alone] if logit else y[alone] + beta[level - 1] - beta[own[alone] - 1]
        rate = pi @ m
        slope = m[keep] * (1 - m[keep]) if logit else np.ones(n)
        gradient = (pi[keep] * slope) @ zk
        phi = np.zeros(len(d))
        phi[keep] = (z @ bread @ gradient) * w[keep] * (y[keep] - mu)
        if not logit:
            # its prediction at another level moves with the coefficients
            extra = np.zeros(z.shape[1])
            for i in np.flatnonzero(alone):
                if level > 1:
                    extra[level - 2] += pi[i]
                if own[i] > 1:
                    extra[own[i] - 2] -= pi[i]
            phi[keep] += (z @ bread @ extra) * w[keep] * (y[keep] - mu)
        rates.append(rate)
        fixed.append(phi)
        sampled.append(phi + pi * (m - rate))

    def cov(phis):
        s = pd.DataFrame(np.column_stack(phis)).groupby(users).sum().to_numpy()
        return (q * s.T @ s).tolist()

    return {"n": n, "k": k, "g": g, "target_rows": int((pi > 0).sum()), "rates": rates, "fixed": cov(fixed), "sampled": cov(sampled)}


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--data", default=os.path.join(HERE, "..", "data"))
    a.add_argument("--out", default=os.path.join(HERE, "targets.json"))
    a = a.parse_args()
    d = pd.read_csv(os.path.join(a.data, "sessions.csv"))
    d["band"] = np.searchsorted([200, 1000, 5000], d.task_value, side="right")
    designs = [
        ("verified ~ i(expertise, ref = 1) | work_mode + band", [["work_mode"], ["band"]], False, 8000),
        ("verified ~ i(expertise, ref = 1) + log(prompts) | work_mode^band", [["work_mode", "band"]], False, 8000),
        ("verified ~ i(expertise, ref = 1) | work_mode^band^month", [["work_mode", "band", "month"]], True, 4000),
    ]
    out = []
    for formula, effects, weighted, first in designs:
        rows = d.head(first)
        rows = rows[rows.expertise.notna()].reset_index(drop=True)
        for logit in (False, True):
            for target in TARGETS:
                found = case(rows, effects, logit, weighted, target, "log(" in formula)
                out.append({"formula": formula, "family": "logit" if logit else "ols", "weighted": weighted, "first": first, "target": target, **found})
    with open(a.out, "w") as f:
        json.dump({"about": {"script": "targets.py"}, "cases": out}, f, indent=1)
    for c in out:
        print(c["formula"], c["family"], c["target"], c["n"], c["k"], c["target_rows"], c["rates"][:2])


if __name__ == "__main__":
    main()
