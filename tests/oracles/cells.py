"""Cell estimators the long way -> cells.json.

usage: python cells.py [--data DIR] [--out FILE]

Needs numpy only. Everything works on rows with dense dummies: propensity scores by regressing level dummies on cell
dummies, rates as ratios of weighted sums over rows, least squares by the normal equations. Influence functions are not
written down at all: phi_i = w_i dT/dw_i, the derivative of the estimator in the weight of row i, by a complex step (exact to
rounding). `definitions` states what each number is.
"""
import argparse, csv, json, os
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
STEP = 1e-40

DEFINITIONS = {
    "sample": "first `rows_read` rows of sessions.csv, rows with missing expertise dropped; band = 1 + number of cut points 200, 1000, "
              "5000 that are <= task_value. Cells are the combinations of all `controls`; level 1 of expertise is the reference.",
    "pl": "least squares on level dummies and the columns of `design` (dummies of each entry), on the rows named.",
    "cw": "R_k = sum_i 1{D=k} w lambda(W) y / p_k(W) over the same without y; lambda = 1/sum_k(v_k/p_k), v_k = pi_k (1 - pi_k) (`shares`) or 1 "
          "(`uniform`), rows in cells with every level. v is held fixed in every derivative and in the jackknife.",
    "ds": "mean over these rows of the fitted values of the regression with every level and cell interacted, level set to k (multe's ATE).",
    "ew": "least squares on level k and cell dummies, rows at level k or 1 in cells that hold both.",
    "own": "sum_i w x~_k D_k tau_k(W) / sum_i w x~_k^2, x~_k the residual of D_k from the other columns of the PL design on these rows.",
    "between": "coefficient of D_k in the PL regression with the reference mean of each cell as outcome.",
    "contamination": "pl - own - between (pl on the rows with overlap).",
    "sampled": "V = q sum_g phi_g phi_g', phi_i = w_i dT/dw_i with the part through (y_i - mean of its cell at its level), which is "
               "(y_i - m) dT/dy_i, multiplied by a = sqrt(N/(N - 1)), N = (sum w)^2/sum w^2 of cell and level; q = G/(G-1), G the users with "
               "rows in cells with every level. `plain`: a = 1. `fixed`: only the part through y. `hc`: every row its own cluster, q = 1.",
    "jackknife": "delete one user, drop cells that lose a level, everything anew but v: (G-1)/G sum (T_(g) - T)^2, G as above.",
    "wald": "d'V^-1 d/rank, d = pl - cw contrasts on the rows with overlap, V sampled.",
}


def load(path, rows):
    out = []
    with open(path) as f:
        for i, row in enumerate(csv.DictReader(f)):
            if i == rows:
                break
            if row["expertise"] == "":
                continue
            row["band"] = 1 + sum(float(row["task_value"]) >= cut for cut in (200, 1000, 5000))
            out.append(row)
    return out


def codes(values):
    _, inverse = np.unique(np.array([str(v) for v in values]), return_inverse=True)
    return inverse


def dummies(c):
    return (c[:, None] == np.unique(c)[None, :]).astype(float)


def drop_collinear(z, keep):
    """Columns of z that add rank, the first `keep` always kept if they can be."""
    kept, q = [], np.zeros((z.shape[0], 0))
    for j in range(z.shape[1]):
        r = z[:, j] - q @ (q.T @ z[:, j])
        r = r - q @ (q.T @ r)
        if np.linalg.norm(r) > 1e-8 * np.linalg.norm(z[:, j]):
            kept.append(j)
            q = np.column_stack([q, r / np.linalg.norm(r)])
    return z[:, kept]


def ols(z, w, y):
    zw = z * w[:, None]
    return np.linalg.solve(zw.T @ z, zw.T @ y)


class Problem:
    def __init__(self, rows, design, controls, weighted):
        self.level = np.array([int(r["expertise"]) for r in rows]) - 1
        self.K = 5
        self.y = np.array([float(r["verified"]) for r in rows])
        self.w = np.array([float(r["weight"]) if weighted else 1.0 for r in rows])
        self.user = codes([r["user_id"] for r in rows])
        self.cell = codes(["|".join(str(r[c]) for c in controls) for r in rows])
        self.design = [codes(["^".join(str(r[c]) for c in part.split("^")) for r in rows]) for part in design]
        self.rows = np.arange(len(rows))

    def overlap(self, keep):
        """Rows in cells that hold every level, among the rows kept."""
        ok = np.zeros(len(self.y), bool)
        for c in np.unique(self.cell[keep]):
            at = keep & (self.cell == c)
            if len(np.unique(self.level[at])) == self.K:
                ok |= at
        return ok

    def means(self, w, y, at):
        """Mean of cell and level of every row at `at`, and tables by (cell, level)."""
        table = {}
        for c in np.unique(self.cell[at]):
            for k in range(self.K):
                i = at & (self.cell == c) & (self.level == k)
                if i.any():
                    table[c, k] = (w[i] @ y[i]) / w[i].sum()
        return table

    def pl_design(self, at):
        d = np.column_stack([(self.level[at] == k).astype(float) for k in range(1, self.K)])
        rest = np.column_stack([dummies(c[at]) for c in self.design] or [np.ones((at.sum(), 1))])
        # columns of the controls first: levels that they span go
        z = drop_collinear(rest, 0)
        return d, z

    def pl(self, w, y, at):
        d, z = self.pl_design(at)
        return ols(np.column_stack([d, z]), w[at], y[at])[: self.K - 1]

    def propensity(self, w, at):
        z = dummies(self.cell[at])
        x = dummies(self.level[at])
        b = ols(z, w[at], x)
        return z @ b  # rows at x K

    def v(self, at, uniform):
        if uniform:
            return np.ones(self.K)
        pi = np.array([self.w[at & (self.level == k)].sum() for k in range(self.K)]) / self.w[at].sum()
        return pi * (1 - pi)

    def cw(self, w, y, at, v):
        p = self.propensity(w, at)
        lam = 1 / (v[None, :] / p).sum(1)
        out = []
        for k in range(self.K):
            i = self.level[at] == k
            weight = w[at][i] * lam[i] / p[i, k]
            out.append((weight @ y[at][i]) / weight.sum())
        return np.array(out)

    def ds(self, w, y, at):
        c = np.unique(self.cell[at], return_inverse=True)[1]
        both = c * self.K + self.level[at]
        z = dummies(both)
        b = ols(z, w[at], y[at])
        return np.array([(w[at] @ b[c * self.K + k]) / w[at].sum() for k in range(self.K)])

    def ew(self, w, y, keep):
        out = []
        for k in range(1, self.K):
            at = np.zeros(len(y), bool)
            for c in np.unique(self.cell[keep]):
                i = keep & (self.cell == c) & ((self.level == k) | (self.level == 0))
                if len(np.unique(self.level[i])) == 2:
                    at |= i
            z = np.column_stack([(self.level[at] == k).astype(float), dummies(self.cell[at])])
            out.append(ols(z, w[at], y[at])[0])
        return np.array(out)

    def own_between(self, w, y, at):
        table = self.means(w, y, at)
        d, z = self.pl_design(at)
        own, between = [], []
        base = np.array([table[c, 0] for c in self.cell[at]])
        for k in range(1, self.K):
            rest = np.column_stack([np.delete(d, k - 1, 1), z])
            x = d[:, k - 1] - rest @ ols(rest, w[at], d[:, k - 1].astype(w.dtype))
            tau = np.array([table[c, k] for c in self.cell[at]]) - base
            s = (w[at] * x) @ x
            own.append((w[at] * x * d[:, k - 1]) @ tau / s)
            between.append((w[at] * x) @ base / s)
        return np.array(own), np.array(between)

    def all(self, w, y, keep, at, v):
        own, between = self.own_between(w, y, at)
        cw, ds, pl = self.cw(w, y, at, v), self.ds(w, y, at), self.pl(w, y, at)
        ew, every = self.ew(w, y, keep), self.pl(w, y, keep)
        return np.concatenate([
            cw, ds, ew, pl, own, pl - own - between, between,
            pl - (cw[1:] - cw[0]), pl - (ds[1:] - ds[0]), every - ew, every - pl, cw[1:] - cw[0], ds[1:] - ds[0],
        ])


NAMES = [("cw", 5), ("ds", 5), ("ew", 4), ("pl", 4), ("own", 4), ("contamination", 4), ("between", 4), ("pl_minus_cw", 4),
         ("pl_minus_ds", 4), ("pl_minus_ew", 4), ("all_minus_overlap", 4), ("cw_contrast", 4), ("ds_contrast", 4)]


def split(vector):
    out, at = {}, 0
    for name, n in NAMES:
        out[name] = [float(x) for x in vector[at:at + n]]
        at += n
    return out


def case(problem, uniform):
    n = len(problem.y)
    keep = np.ones(n, bool)
    at = problem.overlap(keep)
    v = problem.v(at, uniform)
    point = problem.all(problem.w, problem.y, keep, at, v)
    full, noise = np.zeros((n, len(point))), np.zeros((n, len(point)))
    key = problem.cell * problem.K + problem.level
    mean = np.zeros(n)
    big = np.zeros(n)
    for j in np.unique(key):
        i = key == j
        mean[i] = (problem.w[i] @ problem.y[i]) / problem.w[i].sum()
        big[i] = problem.w[i].sum() ** 2 / (problem.w[i] ** 2).sum()
    a = np.where(big > 1 + 1e-12, np.sqrt(big / np.maximum(big - 1, 1e-12)), 1.0)
    w, y = problem.w.astype(complex), problem.y.astype(complex)
    for i in range(n):
        w[i] += 1j * STEP
        full[i] = problem.w[i] * problem.all(w, problem.y, keep, at, v).imag / STEP
        w[i] = problem.w[i]
        if problem.y[i] != mean[i]:
            y[i] += 1j * STEP
            noise[i] = (problem.y[i] - mean[i]) * problem.all(problem.w, y, keep, at, v).imag / STEP
            y[i] = problem.y[i]
    users = len(np.unique(problem.user[at]))
    q = users / (users - 1)

    def variance(phi, by_user=True):
        sums = np.zeros((problem.user.max() + 1, phi.shape[1]))
        if not by_user:
            return phi.T @ phi
        np.add.at(sums, problem.user, phi)
        return q * sums.T @ sums

    corrected = full + (a - 1)[:, None] * noise
    V = variance(corrected)
    at_d = sum(n for name, n in NAMES[:7])
    d, Vd = point[at_d:at_d + 4], V[at_d:at_d + 4, at_d:at_d + 4]
    jack = np.zeros((0, 14))
    for g in np.unique(problem.user):
        left = problem.user != g
        inside = problem.overlap(left)
        if g in problem.user[at]:
            pass
        value = np.concatenate([problem.cw(problem.w, problem.y, inside, v), problem.ds(problem.w, problem.y, inside), problem.ew(problem.w, problem.y, left)])
        jack = np.vstack([jack, value - point[:14]])
    rate_se = (users - 1) / users * (jack ** 2).sum(0)
    cwd = jack[:, 1:5] - jack[:, :1]
    return {
        "rows": n, "rows_used": int(at.sum()), "cells": len(np.unique(problem.cell)), "cells_used": len(np.unique(problem.cell[at])), "G": users,
        "estimate": split(point),
        "sampled": split(np.sqrt(np.diag(V).clip(0))),
        "plain": split(np.sqrt(np.diag(variance(full)).clip(0))),
        "fixed": split(np.sqrt(np.diag(variance(a[:, None] * noise)).clip(0))),
        "hc": split(np.sqrt(np.diag(variance(corrected, False)).clip(0))),
        "cw_vcov": [[float(x) for x in row] for row in V[:5, :5]],
        "wald": float(d @ np.linalg.solve(Vd, d) / 4),
        "jackknife": {"cw": np.sqrt(rate_se[:5]).tolist(), "ds": np.sqrt(rate_se[5:10]).tolist(), "ew": np.sqrt(rate_se[10:]).tolist(),
                      "cw_contrast": np.sqrt((users - 1) / users * (cwd ** 2).sum(0)).tolist()},
    }


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--data", default=os.path.join(HERE, "..", "data"))
    arguments.add_argument("--out", default=os.path.join(HERE, "cells.json"))
    arguments = arguments.parse_args()
    specs = {
        "saturated": (1500, ["work_mode^software"], ["work_mode", "software"], False, False, "verified ~ i(expertise, ref = 1) | work_mode^software"),
        "saturated_uniform": (1500, ["work_mode^software"], ["work_mode", "software"], False, True, "verified ~ i(expertise, ref = 1) | work_mode^software"),
        "additive_weighted": (1200, ["software", "month", "band"], ["software", "month", "band"], True, False,
                              "verified ~ i(expertise, ref = 1) + i(band) | software + month"),
    }
    cases = {}
    for name, (rows, design, controls, weighted, uniform, formula) in specs.items():
        problem = Problem(load(os.path.join(arguments.data, "sessions.csv"), rows), design, controls, weighted)
        cases[name] = {"formula": formula, "rows_read": rows, "weights": weighted, "uniform": uniform} | case(problem, uniform)
        print(name, {k: cases[name][k] for k in ("rows", "rows_used", "cells", "cells_used", "G")}, flush=True)
    with open(arguments.out, "w") as f:
        json.dump({"definitions": DEFINITIONS, "cases": cases}, f, indent=1)


main()
