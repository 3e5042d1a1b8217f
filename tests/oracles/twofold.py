"""Differences between two groups, by regressions and by cells -> twofold.json.

usage: python twofold.py [--data DIR] [--out FILE] [--cross-check]

Needs numpy; --cross-check prints statsmodels' OaxacaBlinder beside it. Every number is a plain function of the rows' weights; its influence
by user is the derivative in that user's weight, by a complex step. `definitions` states what each number is.
"""
import argparse, csv, json, os
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np
from gelbach import HERE, band

DEFINITIONS = {
    "groups": "b less a: software == 1 less software == 0, and month 2026-04 less 2025-10; first `rows` rows of sessions.csv with expertise.",
    "oaxaca": "[explained, unexplained, then both for the intercept and each variable]; levels as deviations from their mean coefficient.",
    "kitagawa": "[difference, rates, composition, cells of a only, cells of b only].",
    "se": "sqrt(G/(G-1) sum_g phi_g^2), phi_g the derivative of the number in the weight of user g.",
}


def read(data, rows):
    with open(os.path.join(data, "sessions.csv")) as f:
        found = [r for r, _ in zip(csv.DictReader(f), range(rows))]
    return [r for r in found if r["expertise"] not in ("", "NA")]


def variable(rows, name):
    """Columns of all levels, or the number."""
    if name == "log(prompts)":
        return np.log(np.array([[float(r["prompts"])] for r in rows])), False
    values = [band(float(r["task_value"])) if name == "band" else r[name] for r in rows]
    levels = sorted(set(values))
    return np.array([[1.0 * (v == l) for l in levels] for v in values]), True


def oaxaca(rows, names, is_b, y, w, reference):
    blocks = [variable(rows, name) for name in names]
    full = np.column_stack([np.ones(len(rows))] + [b for b, _ in blocks])
    ends = np.cumsum([1] + [b.shape[1] for b, _ in blocks])
    ranges = [range(0, 1)] + [range(s, e) for s, e in zip(ends[:-1], ends[1:])]
    factors = [r for r, (_, f) in zip(ranges[1:], blocks) if f]
    keep = [j for j in range(full.shape[1]) if all(j != f[0] for f in factors)]
    def beta(rows_of, w, dummy=False):
        z = full[:, keep]
        if dummy:
            z = np.column_stack([z, is_b])
        ww = w * rows_of
        raw = np.linalg.solve(z.T @ (ww[:, None] * z), z.T @ (ww * y))
        out = np.zeros(full.shape[1], dtype=raw.dtype)
        out[keep] = raw[:len(keep)]
        for f in factors:
            mean = out[list(f)].sum() / len(f)
            out[list(f)] -= mean
            out[0] += mean
        return out
    a_rows, b_rows = 1.0 - is_b, 1.0 * is_b
    def numbers(w):
        xa, xb = (full * (w * a_rows)[:, None]).sum(0) / (w * a_rows).sum(), (full * (w * b_rows)[:, None]).sum(0) / (w * b_rows).sum()
        ba, bb = beta(a_rows, w), beta(b_rows, w)
        star = {"a": ba, "b": bb}.get(reference)
        if star is None:
            star = beta(np.ones(len(y)), w, reference == "dummy")
        e = [(xb - xa)[list(r)] @ star[list(r)] for r in ranges]
        u = [xb[list(r)] @ (bb - star)[list(r)] + xa[list(r)] @ (star - ba)[list(r)] for r in ranges]
        return np.array([sum(e), sum(u)] + [v for pair in zip(e, u) for v in pair])
    return numbers


def kitagawa(rows, by, is_b, y):
    keys = [tuple(band(float(r["task_value"])) if p == "band" else r[p] for p in by) for r in rows]
    levels = sorted(set(keys))
    code = np.array([levels.index(k) for k in keys])
    ind = np.eye(len(levels))[code]
    def numbers(w):
        wt = [ind.T @ (w * g) for g in (1 - is_b, is_b)]
        st = [ind.T @ (w * g * y) for g in (1 - is_b, is_b)]
        both = (ind.T @ (1.0 - is_b) > 0) & (ind.T @ (1.0 * is_b) > 0)
        p = [t[both] / t[both].sum() for t in wt]
        r = [s[both] / t[both] for s, t in zip(st, wt)]
        mean, inside = [s.sum() / t.sum() for s, t in zip(st, wt)], [s[both].sum() / t[both].sum() for s, t in zip(st, wt)]
        return np.array([mean[1] - mean[0], ((p[0] + p[1]) / 2 * (r[1] - r[0])).sum(), ((r[0] + r[1]) / 2 * (p[1] - p[0])).sum(),
                         inside[0] - mean[0], mean[1] - inside[1]])
    return numbers, len(levels)


def errors(numbers, w, ids):
    g = ids.max() + 1
    total = 0
    for user in range(g):
        step = w.astype(complex)
        step[ids == user] *= 1 + 1e-30j
        total = total + (numbers(step).imag / 1e-30) ** 2
    return np.sqrt(g / (g - 1) * total)


def main(data):
    out = {"definitions": DEFINITIONS, "oaxaca": {}, "kitagawa": {}}
    rows = read(data, 700)
    y = np.array([float(r["verified"]) for r in rows])
    is_b = np.array([float(r["software"]) for r in rows])
    ids = np.unique([r["user_id"] for r in rows], return_inverse=True)[1]
    names = ["log(prompts)", "expertise", "work_mode", "month"]
    for label, reference, w in [("a", "a", np.ones(len(y))), ("b", "b", np.ones(len(y))), ("pooled", "pooled", np.ones(len(y))),
                                ("dummy", "dummy", np.ones(len(y))), ("weighted", "dummy", np.array([float(r["weight"]) for r in rows]))]:
        numbers = oaxaca(rows, names, is_b, y, w, reference)
        out["oaxaca"][label] = dict(values=numbers(w).tolist(), se=errors(numbers, w, ids).tolist())
    for label, rows, by, month, weighted in [("mode", read(data, 700), ["work_mode"], False, False),
                                             ("cells", read(data, 700), ["work_mode", "band", "month"], False, True),
                                             ("months", read(data, 1500), ["work_mode", "band"], True, False)]:
        if month:
            rows = [r for r in rows if r["month"] in ("2025-10", "2026-04")]
        y = np.array([float(r["verified"]) for r in rows])
        is_b = np.array([float(r["month"] == "2026-04") if month else float(r["software"]) for r in rows])
        w = np.array([float(r["weight"]) for r in rows]) if weighted else np.ones(len(y))
        ids = np.unique([r["user_id"] for r in rows], return_inverse=True)[1]
        numbers, cells = kitagawa(rows, by, is_b, y)
        out["kitagawa"][label] = dict(values=numbers(w).tolist(), se=errors(numbers, w, ids).tolist(), cells=cells)
    return out


def cross_check(data):
    from statsmodels.stats.oaxaca import OaxacaBlinder
    rows = read(data, 700)
    y = np.array([float(r["verified"]) for r in rows])
    is_b = np.array([float(r["software"]) for r in rows])
    z = [np.ones(len(y))]
    for name in ["log(prompts)", "expertise", "work_mode", "month"]:
        c, factor = variable(rows, name)
        z.append(c[:, 1:] if factor else c)
    x = np.column_stack([z[0], is_b] + z[1:])
    # statsmodels subtracts the other way round
    for kind in ("pooled", "neumark"):
        print(kind, OaxacaBlinder(y, x, 1, hasconst=True, swap=False).two_fold(two_fold_type=kind).params)
    print({k: v["values"][:2] for k, v in main(data)["oaxaca"].items()})


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default=os.path.join(HERE, "..", "data"))
    parser.add_argument("--out", default=os.path.join(HERE, "twofold.json"))
    parser.add_argument("--cross-check", action="store_true")
    args = parser.parse_args()
    if args.cross_check:
        cross_check(args.data)
    else:
        json.dump(main(args.data), open(args.out, "w"), indent=1)
