"""Independent reference results by full dummy expansion -> brute.json.

usage: python brute.py [--data DIR] [--out FILE] [--cross-check]

Needs numpy only (--cross-check also needs pandas, pyfixest and statsmodels, and compares a few cases with them).
Every fixed effect is a column of a dense matrix, every number follows from one plain formula, and all linear algebra runs in
80-bit floats (np.longdouble on x86-64), so that the printed doubles are right to about their last digit. Slow on purpose.
The file `definitions` block of the JSON states what each number is.
"""
import argparse, csv, json, os, sys, time
import numpy as np

LD = np.longdouble
HERE = os.path.dirname(os.path.abspath(__file__))
LEVELS = [1, 2, 3, 4, 5]  # expertise; 1 is the reference

DEFINITIONS = {
    "sample": "Rows of sessions.csv in file order (first `rows_read` of them), rows with missing expertise dropped. band = 1 + number "
              "of cut points 200, 1000, 5000 that are <= task_value (left-closed bins). a^b^c is one fixed effect whose levels are the "
              "occurring combinations.",
    "n_target": "Rows of the target population = all rows after dropping missing expertise (singletons and separated rows included).",
    "n": "Rows that count in the fit: n_target minus singletons (level of a fixed effect with one row) and, for logit, minus the rows "
         "of separated levels (outcome all 0 or all 1). No case needs a second pass of dropping.",
    "K": "columns in x (with the intercept when there is no fixed effect) + sum over families of levels among the n rows - (families "
         "- 1). No family is nested in user_id. `K_two_way` differs where a family is nested in the second cluster variable.",
    "G": "Distinct user_id among the n rows.",
    "q": "G/(G-1) * (n-1)/(n-K), one factor for coefficients, rates and every contrast.",
    "coef": "Coefficients of x in order `names` (level k of expertise minus level 1; then other regressors; `(Intercept)` first when "
            "there is no fixed effect).",
    "vcov_cluster": "q * A^-1 [sum_g s_g s_g'] A^-1, the block of `names`; A = Z'WZ (lpm) or Z'W diag(mu(1-mu)) Z (logit) over the "
                    "full dummy design Z; s_g = sum over rows of user g of w_i z_i (y_i - fitted_i).",
    "vcov_iid": "lpm: A^-1 * sum w u^2/(n-K). logit: A^-1 * (n-1)/(n-K), fixest's rule; the plain inverse information is that "
                "divided by (n-1)/(n-K).",
    "vcov_hc1": "n/(n-K) * A^-1 [sum_i s_i s_i'] A^-1.",
    "vcov_two_way": "V(user) + V(task_occupation) - V(both crossed), eigenvalues not clipped, each sandwich bare, all three times the "
                    "one factor Gmin/(Gmin-1) * (n-1)/(n-K_two_way), Gmin = min(users, occupations) (fixest's default).",
    "se_*": "Square roots of the diagonal of the vcov of that name.",
    "rates": "R_k, k = 1..5: mean over the target rows, weights pi_i = w_i / sum w, of m_i(k) = the model's prediction with the "
             "expertise dummies set to level k and everything else as observed. lpm: m_i(k) = z_i(k)'theta; a singleton row keeps "
             "its own dummy, so its m_i(level observed) = y_i. logit: m_i(k) = 1/(1+exp(-z_i(k)'theta)); rows of separated levels "
             "(singletons are always such) have m_i(k) = y_i for every k.",
    "rates_vcov.fixed": "Composition fixed: q * sum_g (.)(.)' over users of phi_i(k) = d_k' A^-1 z_i w_i (y_i - fitted_i), d_k = "
                        "gradient of R_k in theta (lpm: sum pi_i z_i(k); logit: sum pi_i m(1-m) z_i(k) over the n rows). Equal to "
                        "the delta method J V J' on the full dummy vcov. 5 x 5, rows in level order.",
    "rates_vcov.sampled": "Composition sampled: the same with phi_i(k) + pi_i (m_i(k) - R_k), over all target rows (users with only "
                          "singleton or separated rows add terms, q does not change).",
    "rates_vcov.fixed_hc1 / sampled_hc1": "The same phi, each row its own cluster, factor n/(n-K).",
    "rates_vcov.fixed_iid": "J V_iid J' with the full-dummy vcov_iid (singleton dummies, where kept, have variance sigma^2/w_i).",
    "rates_vcov.fixed_two_way / sampled_two_way": "The same phi under the two-way rule of vcov_two_way.",
    "vs_ref": "R_k - R_1, k = 2..5, SE from the rates' vcov of that composition (lpm: equals coef and se_cluster).",
    "adjacent": "R_2-R_1, R_3-R_2, R_4-R_3, R_5-R_4, SE likewise.",
    "ratio": "R_k / R_1, k = 2..5; `log_se_*` = SE of log(R_k/R_1) = sqrt(c'Vc), c = e_k/R_k - e_1/R_1.",
    "jackknife": "Delete one user, refit everything from the remaining rows (emptied fixed-effect levels vanish), target = remaining "
                 "rows. cv3 = (G-1)/G * sum_g (R(-g) - R)(R(-g) - R)', R the full-sample value; cv3j = the same about the mean of "
                 "R(-g). Coefficients likewise. G = all users of the subset.",
    "check": "Self-checks: `score` = largest |Z'W(y - fitted)|; `delta_vs_phi` = largest gap between J V J' (full-dummy vcov) "
             "and q sum phi phi', in units of the standard errors; `min_pivot` = smallest Cholesky pivot after scaling A to unit diagonal.",
}


# --- linear algebra in long double (LAPACK stops at double) -----------------------------------------------------------------
def inverse_spd(a):
    """Inverse by Cholesky after scaling to unit diagonal. Returns (inverse, smallest pivot)."""
    scale = 1 / np.sqrt(np.diag(a))
    l = a * scale[:, None] * scale[None, :]
    p = len(l)
    low = np.zeros_like(l)
    pivot = LD(1)
    for j in range(p):
        d = l[j, j] - low[j, :j] @ low[j, :j]
        pivot = min(pivot, d)
        assert d > 1e-9, "design is rank deficient"
        low[j, j] = np.sqrt(d)
        low[j + 1:, j] = (l[j + 1:, j] - low[j + 1:, :j] @ low[j, :j]) / low[j, j]
    x = np.eye(p, dtype=LD)
    for j in range(p):
        x[j] = (x[j] - low[j, :j] @ x[:j]) / low[j, j]
    inv = x.T @ x
    return inv * scale[:, None] * scale[None, :], pivot


def group_sum(codes, rows):
    """Sums of the rows of a matrix by integer code."""
    out = np.zeros((codes.max() + 1, rows.shape[1]), dtype=LD)
    np.add.at(out, codes, rows)
    return out


def cross(x, y):
    """x'y. Long double products have no BLAS: laying both operands out along the summed index makes them several times faster."""
    return np.matmul(np.ascontiguousarray(x.T), np.ascontiguousarray(y.T).T)


def outer(codes, rows):
    s = rows if codes is None else group_sum(codes, rows)
    return cross(s, s)


def code(*columns):
    """Integer codes of the occurring combinations."""
    keys = list(zip(*columns))
    index = {k: i for i, k in enumerate(sorted(set(keys)))}
    return np.array([index[k] for k in keys])


# --- data -------------------------------------------------------------------------------------------------------------------
def load(folder, rows):
    with open(os.path.join(folder, "sessions.csv"), newline="") as f:
        table = [r for i, r in enumerate(csv.DictReader(f)) if i < rows]
    table = [r for r in table if r["expertise"]]
    col = lambda name, kind: [kind(r[name]) for r in table]
    value = np.array(col("task_value", float))
    d = {name: col(name, str) for name in ("user_id", "month", "work_mode", "task_occupation", "software")}
    d["band"] = list(1 + (value[:, None] >= np.array([200.0, 1000.0, 5000.0])).sum(axis=1))
    d["expertise"] = np.array(col("expertise", int))
    d["verified"] = np.array(col("verified", int))
    d["log(prompts)"] = np.log(np.array(col("prompts", float)))
    d["weight"] = np.array(col("weight", float))
    return d


# --- one case ---------------------------------------------------------------------------------------------------------------
def run(d, family, fe, extra=(), weighted=False, two_way=False):
    n_target = len(d["verified"])
    y = d["verified"].astype(LD)
    w = (d["weight"] if weighted else np.ones(n_target)).astype(LD)
    level = d["expertise"]
    user = code(d["user_id"])
    fes = [code(*(d[name] for name in f.split("^"))) for f in fe]

    # Which rows count in the fit: neither singletons nor (logit) separated levels.
    fit = np.ones(n_target, dtype=bool)
    single = np.zeros(n_target, dtype=bool)
    for c in fes:
        size, ones = np.bincount(c), np.bincount(c, weights=d["verified"])
        single |= (size == 1)[c]
        if family == "logit":
            fit &= ~((ones == 0) | (ones == size))[c]
    fit &= ~single
    for c in fes:  # dropping must not create new singletons or separated levels, else a second pass would be due
        size, ones = np.bincount(c[fit]), np.bincount(c[fit], weights=d["verified"][fit])
        assert not (size == 1).any() and not (family == "logit" and ((size > 0) & ((ones == 0) | (ones == size))).any())

    # Rows of the design: lpm keeps singletons with a dummy of their own (residual 0), logit leaves separated rows out.
    use = np.ones(n_target, dtype=bool) if family == "lpm" else fit
    focal = lambda lev: np.stack([(lev == k).astype(LD) for k in LEVELS[1:]], axis=1)
    dummies = [np.ones((use.sum(), 1), dtype=LD)]
    for c in fes:
        c = np.unique(c[use], return_inverse=True)[1]
        dummies.append((c[:, None] == np.arange(1, c.max() + 1)[None, :]).astype(LD))  # the first level is in the intercept
    others = [d[name][use].astype(LD)[:, None] for name in extra]
    rest = np.concatenate(others + dummies, axis=1)
    z = np.concatenate([focal(level[use]), rest], axis=1)
    z_at = {k: np.concatenate([np.repeat(focal(np.array([k])), use.sum(), axis=0), rest], axis=1) for k in LEVELS}
    yu, wu = y[use], w[use]

    # Fit.
    if family == "lpm":
        a_inv, pivot = inverse_spd(cross(z, wu[:, None] * z))
        theta = a_inv @ (z.T @ (wu * yu))
        theta += a_inv @ (z.T @ (wu * (yu - z @ theta)))  # one step of refinement
        fitted, iterations = z @ theta, 1
    else:
        theta, iterations = np.zeros(z.shape[1], dtype=LD), 0
        for iterations in range(1, 40):
            mu = 1 / (1 + np.exp(-(z @ theta)))
            a_inv, pivot = inverse_spd(cross(z, (wu * mu * (1 - mu))[:, None] * z))
            step = a_inv @ (z.T @ (wu * (yu - mu)))
            theta = theta + step
            if np.abs(step).max() < 1e-16:
                break
        fitted = 1 / (1 + np.exp(-(z @ theta)))
        a_inv, pivot = inverse_spd(cross(z, (wu * fitted * (1 - fitted))[:, None] * z))
    u = yu - fitted
    if family == "lpm":
        u[single[use]] = 0  # exactly zero in theory
    score = z * (wu * u)[:, None]

    # Counts and factors.
    n = int(fit.sum())
    levels = [len(np.unique(c[fit])) for c in fes]
    p = 4 + len(extra) + (0 if fes else 1)
    K = p + sum(levels) - max(len(fes) - 1, 0)
    G = len(np.unique(user[fit]))
    q = LD(G) / (G - 1) * LD(n - 1) / (n - K)
    q_hc1 = LD(n) / (n - K)

    # Coefficients.
    shown = ([4 + len(extra)] if not fes else []) + list(range(4 + len(extra)))
    names = (["(Intercept)"] if not fes else []) + [f"expertise::{k}" for k in LEVELS[1:]] + list(extra)
    user_u = user[use]
    v_full = q * (a_inv @ outer(user_u, score) @ a_inv)
    v_iid = a_inv * ((wu * u * u).sum() / (n - K) if family == "lpm" else LD(n - 1) / (n - K))
    psi = score @ a_inv[:, shown]
    block = lambda v: v[np.ix_(shown, shown)]

    # Rates by g-computation, over the whole target.
    pi = w / w.sum()
    m = np.repeat(y[:, None], 5, axis=1)  # separated rows keep m = y
    grad = np.zeros((z.shape[1], 5), dtype=LD)
    for j, k in enumerate(LEVELS):
        eta = z_at[k] @ theta
        m[use, j] = eta if family == "lpm" else 1 / (1 + np.exp(-eta))
        slope = pi[use] if family == "lpm" else pi[use] * m[use, j] * (1 - m[use, j])
        grad[:, j] = z_at[k].T @ slope
    rates = pi @ m
    phi = np.zeros((n_target, 5), dtype=LD)
    phi[use] = score @ (a_inv @ grad)
    phi_s = phi + pi[:, None] * (m - rates)
    fixed, sampled = q * outer(user, phi), q * outer(user, phi_s)
    delta = grad.T @ v_full @ grad
    v_rates = {"fixed": fixed, "sampled": sampled, "fixed_hc1": q_hc1 * outer(None, phi), "sampled_hc1": q_hc1 * outer(None, phi_s),
               "fixed_iid": grad.T @ v_iid @ grad}
    coef_v = {"cluster": block(v_full), "iid": block(v_iid), "hc1": q_hc1 * outer(None, psi)}

    out = {"n_target": n_target, "n": n, "rows_singleton": int(single.sum()), "rows_separated": int((~fit & ~single).sum()),
           "fe_levels": dict(zip(fe, levels)), "K": K, "G": G, "q": q}
    if two_way:
        occ = code(d["task_occupation"])
        both = code(d["user_id"], d["task_occupation"])
        g_min = min(G, len(np.unique(occ[fit])))
        # A family nested in a cluster variable counts one parameter instead of all its levels.
        nested = [f for f in fe if f == "task_occupation"]
        k2 = K - sum(dict(zip(fe, levels))[f] - 1 for f in nested)
        f2 = LD(g_min) / (g_min - 1) * LD(n - 1) / (n - k2)
        tw = lambda rows, at: f2 * (outer(user[at], rows) + outer(occ[at], rows) - outer(both[at], rows))
        coef_v["two_way"] = tw(psi, use)
        all_rows = np.ones(n_target, dtype=bool)
        v_rates["fixed_two_way"], v_rates["sampled_two_way"] = tw(phi, all_rows), tw(phi_s, all_rows)
        out.update(K_two_way=k2, G_two_way=g_min, nested_families=nested, factor_two_way=f2)

    # Contrasts as linear maps of the rates.
    to_ref = np.array([[-1] + [int(j == i) for j in range(4)] for i in range(4)], dtype=LD)
    step_up = np.array([[int(j == i + 1) - int(j == i) for j in range(5)] for i in range(4)], dtype=LD)
    log_map = np.array([[-1 / rates[0]] + [(1 / rates[k] if j == k else LD(0)) for j in range(1, 5)] for k in range(1, 5)], dtype=LD)
    se = lambda c, v: np.sqrt(np.diag(c @ v @ c.T))
    eye = np.eye(5, dtype=LD)
    out.update({
        "names": names, "coef": theta[shown],
        **{f"se_{k}": np.sqrt(np.diag(v)) for k, v in coef_v.items()},
        **{f"vcov_{k}": v for k, v in coef_v.items()},
        "ybar": pi @ y, "shares": [pi[level == k].sum() for k in LEVELS],
        "rates": rates, **{f"rates_se_{k}": se(eye, v) for k, v in v_rates.items()}, "rates_vcov": v_rates,
        "vs_ref": {"est": to_ref @ rates, "se_fixed": se(to_ref, fixed), "se_sampled": se(to_ref, sampled)},
        "adjacent": {"est": step_up @ rates, "se_fixed": se(step_up, fixed), "se_sampled": se(step_up, sampled)},
        "ratio": {"est": rates[1:] / rates[0], "log_se_fixed": se(log_map, fixed), "log_se_sampled": se(log_map, sampled)},
        "check": {"score": np.abs(score.sum(axis=0)).max(), "min_pivot": pivot,
                  "delta_vs_phi": np.abs((delta - fixed) / np.sqrt(np.outer(np.diag(fixed), np.diag(fixed)))).max(),
                  "iterations": iterations},
    })
    if family == "logit":
        out["loglik"] = (wu * (yu * np.log(fitted) + (1 - yu) * np.log1p(-fitted))).sum()
    return out


def jackknife(d, fe, result):
    """Real refits without each user in turn (lpm, unweighted)."""
    user, level = code(d["user_id"]), d["expertise"]
    y = d["verified"].astype(LD)
    fes = [code(*(d[name] for name in f.split("^"))) for f in fe]
    dum = [(c[:, None] == np.arange(c.max() + 1)[None, :]).astype(LD) for c in fes]
    foc = np.stack([(level == k).astype(LD) for k in LEVELS[1:]], axis=1)
    # First family whole, the others without one level; a level that is emptied loses its column.
    z = np.concatenate([foc] + dum[:1] + [x[:, 1:] for x in dum[1:]], axis=1)
    gram, zy, sums = z.T @ z, z.T @ y, z.sum(axis=0)
    rates, coefs = [], []
    for g in range(user.max() + 1):
        i = user == g
        zg = z[i]
        a, b, s, n = gram - zg.T @ zg, zy - zg.T @ y[i], sums - zg.sum(axis=0), len(y) - i.sum()
        keep = np.diag(a) > 0
        assert keep[:4].all()
        theta = inverse_spd(a[np.ix_(keep, keep)])[0] @ b[keep]
        at = np.repeat(s[None, keep], 5, axis=0) / n  # mean of z over the remaining rows, level set to k
        at[:, :4] = np.concatenate([np.zeros((1, 4)), np.eye(4)]).astype(LD)
        rates.append(at @ theta)
        coefs.append(theta[:4])
    out = {"G": int(user.max() + 1)}
    for name, r, full in (("rates", np.array(rates), result["rates"]), ("coef", np.array(coefs), result["coef"])):
        G = LD(len(r))
        about = lambda centre: (G - 1) / G * ((r - centre).T @ (r - centre))
        cv3, cv3j = about(full), about(r.mean(axis=0))
        out[name] = {"cv3": cv3, "se_cv3": np.sqrt(np.diag(cv3)), "cv3j": cv3j, "se_cv3j": np.sqrt(np.diag(cv3j)),
                     "first_user_deleted": r[0]}
    out["first_user_deleted_id"] = sorted(set(d["user_id"]))[0]
    return out


ADD = ["work_mode", "band", "month", "task_occupation", "software"]
CASES = [  # id, rows read, options of run(), remark
    ("lpm_additive", 24000, dict(family="lpm", fe=ADD, two_way=True), ""),
    ("lpm_additive_weighted", 24000, dict(family="lpm", fe=ADD, weighted=True), ""),
    ("lpm_cell", 24000, dict(family="lpm", fe=["work_mode^band^month"]), "singletons stay in the target, not in n, K, G"),
    ("lpm_cell_weighted", 24000, dict(family="lpm", fe=["work_mode^band^month"], weighted=True), "as lpm_cell"),
    ("lpm_cell_4k", 4000, dict(family="lpm", fe=["work_mode^band^month"]), "as lpm_cell, more singletons"),
    ("lpm_nofe", 24000, dict(family="lpm", fe=[], two_way=True), ""),
    ("lpm_log_prompts", 24000, dict(family="lpm", fe=ADD, extra=("log(prompts)",)), ""),
    ("lpm_two_fe_two_way", 24000, dict(family="lpm", fe=["work_mode", "band"], two_way=True), "no family nested in a cluster variable"),
    ("logit_nofe", 24000, dict(family="logit", fe=[]), ""),
    ("logit_additive", 24000, dict(family="logit", fe=ADD, two_way=True), ""),
    ("logit_additive_weighted", 24000, dict(family="logit", fe=ADD, weighted=True), ""),
    ("logit_log_prompts", 24000, dict(family="logit", fe=ADD, extra=("log(prompts)",)), ""),
    ("logit_cell", 24000, dict(family="logit", fe=["work_mode^band"]), "no separated level here"),
    ("logit_cell_4k", 4000, dict(family="logit", fe=["work_mode^band"]), "one singleton, one separated cell of two rows"),
    ("logit_cell_month_4k", 4000, dict(family="logit", fe=["work_mode^band^month"]), "many separated cells"),
    ("logit_cell_month_4k_weighted", 4000, dict(family="logit", fe=["work_mode^band^month"], weighted=True), "many separated cells"),
    ("lpm_additive_2k", 2000, dict(family="lpm", fe=ADD), "with jackknife"),
    ("lpm_all_in_one_cell_2k", 2000, dict(family="lpm", fe=["^".join(ADD)]), "most cells are singletons; K is near n"),
    ("lpm_cell_2k", 2000, dict(family="lpm", fe=["work_mode^band"]), "with jackknife"),
]


def spec_text(o):
    x = " + ".join(["i(expertise, ref=1)", *o.get("extra", ())])
    return f"verified ~ {x}" + (" | " + " + ".join(o["fe"]) if o["fe"] else "") + " ; cluster user_id" \
        + (" ; weights weight" if o.get("weighted") else "") + (" ; also two-way user_id + task_occupation" if o.get("two_way") else "")


def plain(v):
    """Long doubles to doubles: json then prints the shortest text that reads back to the same double."""
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    if isinstance(v, (list, tuple)):
        return [plain(x) for x in v]
    if isinstance(v, np.ndarray):
        return plain(v.tolist() if v.dtype != LD else [x for x in v])
    if isinstance(v, np.floating):
        return float(v)
    return int(v) if isinstance(v, np.integer) else v


def cross_check(folder, results):
    """Largest relative deviation of pyfixest and statsmodels from the numbers here."""
    import warnings
    import pandas as pd, pyfixest as pf, statsmodels, statsmodels.api as sm
    warnings.simplefilter("ignore")  # singletons dropped, renamed options
    out = {"tools": {"pyfixest": pf.__version__, "statsmodels": statsmodels.__version__, "numpy": np.__version__},
           "note": "largest relative deviation from brute.json; their tolerances, not ours, set these figures"}
    full = pd.read_csv(os.path.join(folder, "sessions.csv"))
    gap = lambda a, b: float(np.abs(np.asarray(a, float) / np.asarray(b, float) - 1).max())
    for name, rows, o, _ in CASES:
        r = results[name]
        t = full.iloc[:rows].dropna(subset=["expertise"]).copy()
        t["band"] = np.digitize(t.task_value, [200, 1000, 5000]) + 1
        t["lp"] = np.log(t.prompts)
        t["lev"] = t.expertise.astype(int)
        x = "i(lev, ref=1)" + (" + lp" if o.get("extra") else "")
        f = f"verified ~ {x}" + (" | " + " + ".join(o["fe"]) if o["fe"] else "")
        rec = {}
        if o["family"] == "lpm":
            kinds = [("cluster", {"CRV1": "user_id"}), ("iid", "iid"), ("hc1", "HC1")]
            if o.get("two_way"):
                kinds.append(("two_way", {"CRV1": "user_id + task_occupation"}))
            for kind, v in kinds:
                m = pf.feols(f, t, vcov=v, weights="weight" if o.get("weighted") else None, fixef_rm="singleton",
                             fixef_tol=1e-12)
                rec["pyfixest_coef"] = gap(m.coef().to_numpy(), r["coef"])
                rec[f"pyfixest_se_{kind}"] = gap(m.se().to_numpy(), r[f"se_{kind}"])
                rec["pyfixest_n"] = int(m._N)
        if not o.get("weighted") and not (r["rows_singleton"] or r["rows_separated"]):
            dums = [pd.get_dummies(t.lev, prefix="lev", drop_first=True)]
            if o.get("extra"):
                dums.append(t[["lp"]])
            for fe in o["fe"]:
                key = t[fe.split("^")].astype(str).agg("^".join, axis=1)
                dums.append(pd.get_dummies(key, prefix=fe, drop_first=True))
            Z = sm.add_constant(pd.concat(dums, axis=1).astype(float))
            groups = code(t.user_id)
            if o["family"] == "lpm":
                m = sm.OLS(t.verified.to_numpy(float), Z.to_numpy()).fit(cov_type="cluster", cov_kwds={"groups": groups})
            else:
                m = sm.Logit(t.verified.to_numpy(float), Z.to_numpy()).fit(disp=0, method="newton", maxiter=100, tol=1e-14,
                                                                          cov_type="cluster", cov_kwds={"groups": groups})
            at = list(range(1, 5 + len(o.get("extra", ())))) if o["fe"] else [0, 1, 2, 3, 4]
            rec["statsmodels_coef"] = gap(m.params[at], r["coef"])
            rec["statsmodels_se_cluster"] = gap(m.bse[at], r["se_cluster"])
        out[name] = rec
        print(name, rec)
    return out


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--data", default=os.path.join(HERE, "..", "data"))
    a.add_argument("--out", default=os.path.join(HERE, "brute.json"))
    a.add_argument("--cross-check", action="store_true")
    a = a.parse_args()
    if np.finfo(LD).nmant < 63:
        sys.exit("np.longdouble is no wider than double on this machine")
    out = {"about": {"script": "brute.py", "data": "sessions.csv", "levels": LEVELS, "reference_level": 1,
                     "arithmetic": "80-bit long double, printed as the nearest double"}, "definitions": DEFINITIONS, "cases": {}}
    tables = {rows: load(a.data, rows) for rows in {c[1] for c in CASES}}
    for name, rows, options, remark in CASES:
        t0 = time.time()
        r = run(tables[rows], **options)
        if remark == "with jackknife":
            r["jackknife"] = jackknife(tables[rows], options["fe"], r)
        head = {"spec": spec_text(options), "family": options["family"], "rows_read": rows, "remark": remark}
        out["cases"][name] = plain({**head, **r})
        print(f"{name}: n {r['n']} K {r['K']} G {r['G']} rates", np.round(r["rates"].astype(float), 5),
              f"score {float(r['check']['score']):.1e} delta/phi {float(r['check']['delta_vs_phi']):.1e} ({time.time() - t0:.0f} s)", flush=True)
    if a.cross_check:
        out["cross_check"] = cross_check(a.data, out["cases"])
    with open(a.out, "w") as f:
        f.write(dump(out) + "\n")


def dump(v, pad=""):
    """JSON with one key a line and number lists on one line, so that diffs stay readable."""
    if isinstance(v, dict):
        inner = ",\n".join(f"{pad}  {json.dumps(k)}: {dump(x, pad + '  ')}" for k, x in v.items())
        return "{\n" + inner + f"\n{pad}}}" if v else "{}"
    return json.dumps(v)


if __name__ == "__main__":
    main()
