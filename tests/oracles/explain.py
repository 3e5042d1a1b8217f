"""Sensitivity of coefficients, fits without a part, and the users that carry a coefficient -> explain.json.

usage: python explain.py [--data DIR] [--out FILE]

Needs numpy and scipy. Everything is least squares on dense dummies; partial R2 are squared correlations of residuals, Oster's
roots are those of numpy's companion matrix, differences of fits have the covariance of stacked moments, and users
are left out by refits. `definitions` states what each number is.
"""
import argparse, csv, json, os
import numpy as np
from scipy import stats
from gelbach import HERE, band, dummies, read, without_singletons

DEFINITIONS = {
    "sensitivity": "rows, long and short regressions as in gelbach.json (`effects` unweighted, `weighted` with weight and month in the short one). "
                   "partial_r2 = squared correlation of y and the level's dummy, both residual of all other columns; robustness values from it; "
                   "benchmarks: partial R2 of a control as one minus the ratio of residual sums of squares with and without it.",
    "oster": "largest R2 min(1, 1.3 R2 of the long regression); real roots of the cubic in beta for each delta; delta for beta = 0.",
    "leave_out": "difference of expertise::5 in the fit without a control, or without the rows of a level, from the whole; its error is "
                 "sqrt(sum_g (sqrt(q_b) phi_b - sqrt(q_a) phi_a)^2) with phi summed by user, q = G/(G-1) (n-1)/(n-K).",
    "influential": "users sorted by phi (the sum of their rows' (X'X)^-1 x u times the sign of the coefficient), and the first number of them whose "
                   "sum exceeds the coefficient; then every number of users along the order refitted, the first that changes the sign; the same for insignificance.",
}


def design(rows, focal, parts, y="verified"):
    columns = [dummies([int(r["expertise"]) for r in rows])] if focal == "levels" else [np.array([[float(r[focal])] for r in rows])]
    columns.append(np.ones((len(rows), 1)))
    named = {}
    for part in parts:
        if part == "band":
            c = dummies([band(float(r["task_value"])) for r in rows])
        elif part == "log(prompts)":
            c = np.log(np.array([[float(r["prompts"])] for r in rows]))
        else:
            c = dummies([r[part] for r in rows])
        named[part] = range(sum(x.shape[1] for x in columns), sum(x.shape[1] for x in columns) + c.shape[1])
        columns.append(c)
    return np.column_stack(columns), named, np.array([float(r[y]) for r in rows])


def residual(z, v, w):
    s = np.sqrt(w)[:, None]
    zz, vv = z * s, (v if v.ndim > 1 else v[:, None]) * s
    return (vv - zz @ np.linalg.lstsq(zz, vv, rcond=None)[0]).squeeze()


def rss(z, v, w):
    return float((residual(z, v, w) ** 2).sum())


def sensitivity(rows, parts, base, w):
    z, named, y = design(rows, "levels", parts)
    n, p = z.shape
    df = n - p
    k = 4
    out = []
    mean = (w * y).sum() / w.sum()
    tss = float((w * (y - mean) ** 2).sum())
    for j in range(k):
        rest = np.delete(z, j, 1)
        ry, rd = residual(rest, y, w), residual(rest, z[:, j], w)
        beta = float(ry @ rd / (rd @ rd))
        partial = float((ry @ rd) ** 2 / ((ry @ ry) * (rd @ rd)))
        t = np.sqrt(partial / (1 - partial) * df)
        f, fc = t / np.sqrt(df), stats.t.ppf(0.975, df - 1) / np.sqrt(df - 1)
        rv = lambda f: 0.5 * (np.sqrt(f ** 4 + 4 * f * f) - f * f)
        rva = 0.0 if f <= fc else ((f * f - fc * fc) / (1 + f * f) if f > 1 / fc else rv(f - fc))
        se = abs(beta) / t
        marks = []
        for part in [q for q in parts if q not in base]:
            keep = [c for c in range(p) if c not in named[part]]
            r2y = 1 - rss(z, y, w) / rss(z[:, keep], y, w)
            others = [c for c in keep if c != j]
            r2d = 1 - rss(rest, z[:, j], w) / rss(z[:, others], z[:, j], w)
            for m in (1, 2, 3):
                dz = m * r2d / (1 - r2d)
                shared = m * r2d ** 2 / ((1 - m * r2d) * (1 - r2d))
                yz = min(1.0, ((np.sqrt(m) + np.sqrt(shared)) / np.sqrt(1 - shared)) ** 2 * r2y / (1 - r2y))
                bias = se * np.sqrt(df) * np.sqrt(yz * dz / (1 - dz))
                marks.append(dict(group=part, k=m, r2_regressor=dz, r2_outcome=yz, estimate=np.sign(beta) * (abs(beta) - bias),
                                  se=se * np.sqrt(df / (df - 1) * (1 - yz) / (1 - dz))))
        short = [c for c in range(p) if all(c not in named[q] for q in parts if q not in base)]
        at = short.index(j)
        zs = z[:, short]
        rest_s = np.delete(zs, at, 1)
        rys, rds = residual(rest_s, y, w), residual(rest_s, z[:, j], w)
        b0 = float(rys @ rds / (rds @ rds))
        r0, r1 = 1 - rss(zs, y, w) / tss, 1 - rss(z, y, w) / tss
        rmax = min(1.0, 1.3 * r1)
        s, tau, d = float(rds @ rds), float(rd @ rd), b0 - beta
        def roots(delta):
            c = [s * tau - tau * tau, 2 * s * tau * d, (r1 - r0) * tss * tau + s * tau * d * d, 0.0]
            u = [s * tau - tau * tau, s * tau * d, (rmax - r1) * tss * (s - tau), (rmax - r1) * tss * s * d]
            # delta of one has no cubic term, but for rounding
            c = np.array(c) - delta * np.array(u)
            found = np.roots(c[1:] if delta == 1 else c)
            return sorted(float(beta - x.real) for x in found if abs(x.imag) < 1e-9 * max(1, abs(x)))
        nu = beta
        left = nu * (r1 - r0) * tss * tau + nu * s * tau * d * d + 2 * nu ** 2 * s * tau * d + nu ** 3 * (s * tau - tau * tau)
        right = (rmax - r1) * tss * (s * d + nu * (s - tau)) + nu ** 2 * s * tau * d + nu ** 3 * (s * tau - tau * tau)
        out.append(dict(estimate=beta, iid_se=se, df=df, partial_r2=partial, rv=rv(f), rv_alpha=rva, benchmarks=marks,
                        beta_short=b0, r2_short=r0, r2_long=r1, r_max=rmax, delta=left / right, roots_1=roots(1.0), roots_half=roots(0.5)))
    return out


def fit(rows, focal, parts, y="verified"):
    """Coefficients of interest, influence by user, factor."""
    z, _, y = design(rows, focal, parts, y)
    n, p = z.shape
    bread = np.linalg.inv(z.T @ z)
    beta = bread @ z.T @ y
    u = y - z @ beta
    phi = (z * u[:, None]) @ bread
    by = {}
    for r, row in zip(rows, phi):
        by[r["user_id"]] = by.get(r["user_id"], 0) + row
    g = len(by)
    return beta, by, g / (g - 1) * (n - 1) / (n - p)


def leave_out(rows):
    parts = ["work_mode", "month"]
    j = 3
    whole, phi, q = fit(without_singletons(rows, parts), "levels", parts)
    out = []
    def add(label, rows, parts):
        b, psi, r = fit(without_singletons(rows, parts), "levels", parts)
        users = set(phi) | set(psi)
        zero = np.zeros(60)
        v = sum((np.sqrt(r) * psi.get(g, zero)[j] - np.sqrt(q) * phi.get(g, zero)[j]) ** 2 for g in users)
        out.append(dict(left=label, estimate=float(b[j]), change=float(b[j] - whole[j]), se=float(np.sqrt(v)), rows=len(rows)))
    for part in parts:
        add("control:" + part, rows, [p for p in parts if p != part])
    for month in sorted(set(r["month"] for r in rows)):
        add("month:" + month, [r for r in rows if r["month"] != month], parts)
    return out


def influential(rows, focal, parts):
    beta, phi, q = fit(rows, focal, parts)
    b = float(beta[0])
    se = float(np.sqrt(q * sum(v[0] ** 2 for v in phi.values())))
    g = len(phi)
    c = stats.t.ppf(0.975, g - 1)
    sign = np.sign(b)
    size = {u: sign * v[0] for u, v in phi.items()}
    gains = {"sign": lambda p: p, "insignificant": lambda p: p - c * q * p * p / (2 * se), "significant": lambda p: c * q * p * p / (2 * se) - p}
    def reached(goal, value, error):
        value *= sign
        return {"sign": value < 0, "insignificant": abs(value) <= c * error, "significant": value > c * error}[goal]
    out = dict(estimate=b, se=se, users=g, goals={})
    for goal in ("sign", "insignificant" if abs(b) > c * se else "significant"):
        order = sorted((u for u in size if gains[goal](size[u]) > 0), key=lambda u: -gains[goal](size[u]))
        value, variance, predicted = b, se * se, None
        for m, u in enumerate(order, 1):
            value -= sign * size[u]
            variance -= q * size[u] ** 2
            if reached(goal, value, np.sqrt(max(variance, 0))):
                predicted = m
                break
        def refit(m):
            gone = set(order[:m])
            beta, phi, q = fit([r for r in rows if r["user_id"] not in gone], focal, parts)
            return float(beta[0]), float(np.sqrt(q * sum(v[0] ** 2 for v in phi.values())))
        first = next(m for m in range(1, len(order) // 2) if reached(goal, *refit(m)))
        out["goals"][goal] = dict(predicted=predicted, refit=refit(predicted), confirmed=bool(reached(goal, *refit(predicted))), first=first, first_refit=refit(first),
                                  users=order[:5])
    return out


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default=os.path.join(HERE, "..", "data"))
    parser.add_argument("--out", default=os.path.join(HERE, "explain.json"))
    args = parser.parse_args()
    rows = read(args.data, 4000)
    effects = without_singletons(rows, ["work_mode", "month", "task_occupation"])
    few = read(args.data, 3000)
    w = np.array([float(r["weight"]) for r in few])
    small = read(args.data, 1500)
    with open(os.path.join(args.data, "sessions.csv")) as f:
        everyone = [r for r, _ in zip(csv.DictReader(f), range(1500))]
    json.dump(dict(definitions=DEFINITIONS,
                   effects=sensitivity(effects, ["work_mode", "month", "task_occupation"], [], np.ones(len(effects))),
                   weighted=sensitivity(few, ["log(prompts)", "month", "band"], ["month"], w),
                   leave_out=leave_out(rows),
                   influential=influential(small, "expertise", ["work_mode"]),
                   insignificant=influential(everyone, "prompts", ["work_mode"])), open(args.out, "w"), indent=1)
