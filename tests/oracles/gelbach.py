"""Gelbach's decomposition by full dummy expansion -> gelbach.json.

usage: python gelbach.py [--data DIR] [--out FILE] [--cross-check]

Needs numpy; --cross-check prints pyfixest's `decompose` beside it. Coefficients are solved in 80-bit floats. Standard errors are those of
stacked moments of the short, auxiliary and long regressions, with a Jacobian by central differences: no influence
function is written down. `definitions` states what each number is.
"""
import argparse, csv, json, os
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
LD = np.longdouble

DEFINITIONS = {
    "sample": "first `rows` rows of sessions.csv without missing expertise; rows alone at a level of an effect leave, repeatedly.",
    "short, long": "coefficients of the focal columns without and with the controls, by least squares; base stays in both.",
    "parts": "per group f, focal coefficients of the regression of Z_f theta_f (theta of the long regression) on the short design.",
    "se": "sqrt(q diag) of J^-1 (sum_g m_g m_g') J^-T for the stacked moments x1 w (y - x1 b_s); z w (y - z theta); x1 w (Z_f theta_f - x1 gamma_f), "
          "q = G/(G-1) (n-1)/(n-K), or n/(n-K) by row; K = columns + levels of all effects - (effects - 1).",
    "fixed": "the same with the moments of the auxiliary regressions taken as zero for every cluster (the design held fixed).",
    "total_se": "standard error of short - long from the same stacked moments.",
}


def solve(a, b):
    """Gauss-Jordan with row pivoting in 80-bit floats."""
    a, b = a.astype(LD).copy(), b.astype(LD).copy()
    n = len(a)
    for j in range(n):
        p = j + np.argmax(np.abs(a[j:, j]))
        a[[j, p]], b[[j, p]] = a[[p, j]], b[[p, j]]
        b[j] /= a[j, j]
        a[j] /= a[j, j].copy()
        for i in range(n):
            if i != j:
                b[i] = b[i] - a[i, j] * b[j]
                a[i] = a[i] - a[i, j] * a[j]
    return b


def ols(z, w, y):
    z, y = z.astype(LD), y.astype(LD)
    theta = solve(z.T @ (w[:, None] * z), z.T @ (w * y))
    return theta + solve(z.T @ (w[:, None] * z), z.T @ (w * (y - z @ theta)))


def dummies(values, drop=True):
    levels = sorted(set(values))
    return np.array([[1.0 if v == l else 0.0 for l in levels[1 if drop else 0:]] for v in values])


def band(v):
    return int(np.searchsorted([200, 1000, 5000], v, side="right"))


def read(data, rows):
    with open(os.path.join(data, "sessions.csv")) as f:
        all_rows = [r for r, _ in zip(csv.DictReader(f), range(rows))]
    return [r for r in all_rows if r["expertise"] not in ("", "NA")]


CASES = {
    "effects": dict(rows=4000, y="verified", focal="levels", base=[], groups={"work_mode": ["work_mode"], "month": ["month"], "task_occupation": ["task_occupation"]},
                    weights=None, cluster="user_id"),
    "grouped": dict(rows=3000, y="verified", focal="levels", base=["month"], groups={"log(prompts)": ["log(prompts)"], "task": ["work_mode", "band"]},
                    weights="weight", cluster="user_id"),
    "numbers": dict(rows=2500, y="prompts", focal="number", base=["software"], groups={"actions": ["actions"], "partial": ["partial"]},
                    weights=None, cluster=None),
}
EFFECTS = {"work_mode", "month", "task_occupation", "band"}


def columns(name, rows):
    if name in EFFECTS:
        values = [band(float(r["task_value"])) if name == "band" else r[name] for r in rows]
        return dummies(values)
    if name == "log(prompts)":
        return np.log(np.array([[float(r["prompts"])] for r in rows]))
    return np.array([[float(r[name])] for r in rows])


def without_singletons(rows, effects):
    while True:
        keep = [True] * len(rows)
        for e in effects:
            values = [band(float(r["task_value"])) if e == "band" else r[e] for r in rows]
            count = {}
            for v in values:
                count[v] = count.get(v, 0) + 1
            keep = [k and count[v] > 1 for k, v in zip(keep, values)]
        if all(keep):
            return rows
        rows = [r for r, k in zip(rows, keep) if k]


def run(case, data):
    effects = [e for names in list(case["groups"].values()) + [case["base"]] for e in names if e in EFFECTS]
    rows = without_singletons(read(data, case["rows"]), effects)
    n = len(rows)
    y = np.array([float(r[case["y"]]) for r in rows])
    w = np.array([float(r[case["weights"]]) for r in rows]) if case["weights"] else np.ones(n)
    focal = dummies([int(r["expertise"]) for r in rows]) if case["focal"] == "levels" else np.array([[float(r["expertise"])] for r in rows])
    k = focal.shape[1]
    x1 = np.column_stack([focal, np.ones(n)] + [columns(b, rows) for b in case["base"]])
    groups = [np.column_stack([columns(c, rows) for c in names]) for names in case["groups"].values()]
    z = np.column_stack([x1] + groups)
    ends = np.cumsum([x1.shape[1]] + [g.shape[1] for g in groups])
    b_short, theta = ols(x1, w, y), ols(z, w, y)
    parts = [ols(x1, w, g.astype(LD) @ theta[s:e]) for g, s, e in zip(groups, ends[:-1], ends[1:])]

    p1, p, f = x1.shape[1], z.shape[1], len(groups)
    def moments(v, fixed=False):
        bs, th = v[:p1], v[p1:p1 + p]
        out = [x1 * (w * (y - x1 @ bs))[:, None], z * (w * (y - z @ th))[:, None]]
        for j, g in enumerate(groups):
            gamma = v[p1 + p + j * p1:][:p1]
            out.append(x1 * (w * (g @ th[ends[j]:ends[j + 1]] - x1 @ gamma))[:, None])
        return np.column_stack(out)
    at = np.concatenate([b_short, theta] + parts).astype(float)
    # the moments are linear in the parameters: central differences are exact but for rounding
    jacobian = np.column_stack([(moments(at + d).sum(0) - moments(at - d).sum(0)) / 2 for d in np.eye(len(at))])
    m = moments(at)
    if case["cluster"]:
        ids = np.unique([r[case["cluster"]] for r in rows], return_inverse=True)[1]
        m = np.array([np.bincount(ids, m[:, j]) for j in range(m.shape[1])]).T
    g = len(m)
    levels = sum(columns(e, rows).shape[1] + 1 for e in effects)
    # a constant of its own only without effects
    k_all = (p - sum(columns(e, rows).shape[1] for e in effects) - (1 if effects else 0)) + (levels - (len(effects) - 1) if effects else 0)
    q = g / (g - 1) * (n - 1) / (n - k_all) if case["cluster"] else n / (n - k_all)
    def errors(m):
        inverse = np.linalg.inv(jacobian)
        phi = -(inverse @ m.T)
        total = phi[:k] - phi[p1:p1 + k]
        rows_of = [phi[p1 + p + j * p1:][:k] for j in range(f)]
        size = lambda a: np.sqrt(q * (a ** 2).sum(1))
        return [size(r).tolist() for r in rows_of], size(total).tolist()
    se, total_se = errors(m)
    held = m.copy()
    held[:, p1 + p:] = 0
    fixed, _ = errors(held)
    short, long = b_short[:k], theta[:k]
    assert np.abs(sum(part[:k] for part in parts) - (short - long)).max() < 1e-15
    return dict(n=n, G=g, K=int(k_all), short=[float(v) for v in short], long=[float(v) for v in long],
                parts=[[float(v) for v in part[:k]] for part in parts], se=se, fixed=fixed, total_se=total_se)


def cross_check(data):
    import pandas as pd, pyfixest as pf
    d = pd.read_csv(os.path.join(data, "sessions.csv"), nrows=4000).dropna(subset=["expertise"])
    fit = pf.feols("verified ~ expertise + C(work_mode) + C(month) + C(task_occupation)", d, vcov={"CRV1": "user_id"})
    names = [c for c in fit._coefnames]
    groups = {g: [c for c in names if g in c] for g in ("work_mode", "month", "task_occupation")}
    fit.decompose(decomp_var="expertise", combine_covariates=groups, only_coef=True)
    print({g: float(np.asarray(v).ravel()[0]) for g, v in fit.GelbachDecompositionResults.results.items()} if isinstance(fit.GelbachDecompositionResults.results, dict) else fit.GelbachDecompositionResults.results)


def linear(data):
    """The case of --cross-check: expertise as a number."""
    case = dict(CASES["effects"], focal="number")
    return run(case, data)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default=os.path.join(HERE, "..", "data"))
    parser.add_argument("--out", default=os.path.join(HERE, "gelbach.json"))
    parser.add_argument("--cross-check", action="store_true")
    args = parser.parse_args()
    if args.cross_check:
        cross_check(args.data)
        print(linear(args.data)["parts"])
    else:
        cases = {name: run(case, args.data) for name, case in CASES.items()}
        json.dump({"definitions": DEFINITIONS, "cases": cases}, open(args.out, "w"), indent=1)
