"""Hypotheses by full dummy expansion, statsmodels, R multcomp and mvtnorm -> hypotheses.json.

usage: python hypotheses.py [--data DIR] [--out FILE]

Needs numpy, scipy, pandas, statsmodels; R with multcomp and mvtnorm. Every fixed effect is a column; double precision, normal equations
by QR. `compared` states how far two ways to the same number are apart.
"""
import argparse, json, os, subprocess, tempfile
import numpy as np, pandas as pd, scipy.stats as st
import statsmodels.api as sm

HERE = os.path.dirname(os.path.abspath(__file__))


def dummies(codes, drop):
    levels = sorted(set(codes))
    return np.column_stack([(codes == l).astype(float) for l in levels[drop:]])


class Fit:
    """Least squares or logit of one outcome on expertise, log prompts and dummies; `phi` is the influence of rows on all parameters."""

    def __init__(self, d, outcome, family):
        self.d, self.y = d.reset_index(drop=True), d[outcome].to_numpy(float)
        d = self.d
        levels = [2, 3, 4, 5]
        self.names = [f"expertise::{l}" for l in levels] + ["log(prompts)"]
        x = np.column_stack([(d.expertise == l).astype(float) for l in levels] + [np.log(d.prompts)])
        self.z = np.column_stack([x, dummies(d.work_mode, 0), dummies(d.band, 1)])
        self.n, self.k = self.z.shape
        if family == "ols":
            self.model = sm.OLS(self.y, self.z)
            q, r = np.linalg.qr(self.z)
            self.theta = np.linalg.solve(r, q.T @ self.y)
            self.mu = self.z @ self.theta
            omega = np.ones(self.n)
        else:
            theta = np.zeros(self.k)
            for _ in range(40):
                mu = 1 / (1 + np.exp(-self.z @ theta))
                theta += np.linalg.solve((self.z.T * (mu * (1 - mu))) @ self.z, self.z.T @ (self.y - mu))
            self.theta, self.mu = theta, 1 / (1 + np.exp(-self.z @ theta))
            omega = self.mu * (1 - self.mu)
            self.model = sm.Logit(self.y, self.z)
        self.family = family
        self.bread = np.linalg.inv((self.z.T * omega) @ self.z)
        self.phi = (self.z @ self.bread) * (self.y - self.mu)[:, None]
        self.users = d.user_id.to_numpy()
        self.g = len(set(self.users))
        self.q = self.g / (self.g - 1) * (self.n - 1) / (self.n - self.k)
        self.rates()

    def rates(self):
        """Adjusted rates with a sampled target, and their influence beside that of the five named coefficients."""
        est, phi = [], []
        for level in [1, 2, 3, 4, 5]:
            z = self.z.copy()
            z[:, :4] = 0
            if level > 1:
                z[:, level - 2] = 1
            eta = z @ self.theta
            m = eta if self.family == "ols" else 1 / (1 + np.exp(-eta))
            slope = np.ones(self.n) if self.family == "ols" else m * (1 - m)
            rate = m.mean()
            est.append(rate)
            phi.append(self.phi @ (z * slope[:, None]).mean(0) + (m - rate) / self.n)
        self.estimates = np.concatenate([self.theta[:5], est])
        rows = np.column_stack([self.phi[:, :5]] + phi)
        self.sums = pd.DataFrame(rows).groupby(self.users).sum()
        s = self.sums.to_numpy()
        self.vcov = self.q * s.T @ s


def wald(est, v, r, value, df):
    r, value = np.atleast_2d(np.array(r, float)), np.array(value, float)
    d = r @ est - value
    w = float(d @ np.linalg.solve(r @ v @ r.T, d))
    m = len(r)
    p = st.f.sf(w / m, m, df) if df else st.chi2.sf(w, m)
    return {"statistic": w / m if df else w, "df": m, "p": float(p), "estimate": (r @ est).tolist(), "se": np.sqrt(np.diag(r @ v @ r.T)).tolist()}


def rows(est, *terms):
    out = []
    for t in terms:
        r = np.zeros(len(est))
        for at, c in t.items():
            r[at] = c
        out.append(r)
    return out


def r_multivariate(corr, t, df):
    """Two-sided critical value, single-step p-values of glht, and P(min <= t) from R."""
    code = f"""
    suppressMessages({{library(mvtnorm); library(multcomp)}}); set.seed(1)
    C <- matrix(c({",".join(repr(float(v)) for v in np.ravel(corr))}), {len(t)}); t <- c({",".join(repr(float(v)) for v in t)}); df <- {df or 0}
    alg <- GenzBretz(maxpts = 2e5, abseps = 1e-5)
    both <- function(c) if (df > 0) pmvt(rep(-c, {len(t)}), rep(c, {len(t)}), df = df, corr = C, algorithm = alg) else pmvnorm(rep(-c, {len(t)}), rep(c, {len(t)}), corr = C, algorithm = alg)
    crit <- uniroot(function(c) both(c) - 0.95, c(1.5, 6), tol = 1e-5)$root
    p <- parm(t, C, df = df); g <- glht(p, linfct = diag({len(t)}))
    single <- as.numeric(summary(g, test = adjusted("single-step", maxpts = 2e5, abseps = 1e-5))$test$pvalues)
    up <- if (df > 0) pmvt(rep(min(t), {len(t)}), rep(Inf, {len(t)}), df = df, corr = C, algorithm = alg) else pmvnorm(rep(min(t), {len(t)}), rep(Inf, {len(t)}), corr = C, algorithm = alg)
    step <- if (length(t) > 5) rep(NA, length(t)) else as.numeric(summary(g, test = adjusted("free", maxpts = 2e5, abseps = 1e-5))$test$pvalues)
    holm <- p.adjust(if (df > 0) 2 * pt(-abs(t), df) else 2 * pnorm(-abs(t)), "holm")
    cat(sprintf("%.12g", c(crit, 1 - up, single, step, holm)), sep = "\\n")
    """
    with tempfile.NamedTemporaryFile("w", suffix=".R", delete=False) as f:
        f.write(code)
    out = [None if v == "NA" else float(v) for v in subprocess.run(["Rscript", f.name], capture_output=True, text=True, check=True).stdout.split()]
    m = len(t)
    return {"critical": out[0], "p_min": out[1], "single_step": out[2:2 + m], "free": out[2 + m:2 + 2 * m], "holm": out[2 + 2 * m:]}


def romano_wolf(corr, t, df, n=1_000_000, seed=5):
    """The step-down of Romano and Wolf (2005), algorithm 4.1, with draws of the limit; plain loops over steps."""
    rng = np.random.default_rng(seed)
    w, e = np.linalg.eigh(corr)
    z = rng.standard_normal((n, len(t))) @ (e * np.sqrt(np.clip(w, 0, None))).T
    if df:
        z /= np.sqrt(rng.chisquare(df, n) / df)[:, None]
    z = np.abs(z)
    left, p, floor = sorted(range(len(t)), key=lambda j: -abs(t[j])), np.zeros(len(t)), 0.0
    while left:
        j = left[0]
        floor = max(floor, (z[:, left].max(1) >= abs(t[j])).mean())
        p[j] = floor
        left = left[1:]
    return p.tolist()


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--data", default=os.path.join(HERE, "..", "data"))
    a.add_argument("--out", default=os.path.join(HERE, "hypotheses.json"))
    a = a.parse_args()
    d = pd.read_csv(os.path.join(a.data, "sessions.csv"))
    d = d[d.expertise.notna()].copy()
    d["band"] = np.searchsorted([200, 1000, 5000], d.task_value, side="right")
    compared = {}

    ols, logit = Fit(d, "verified", "ols"), Fit(d, "verified", "logit")
    part, software = Fit(d, "partial", "ols"), Fit(d[d.software == 1], "verified", "ols")
    fits = {"ols": ols, "logit": logit, "partial": part, "software": software}
    out = {"fits": {k: {"n": f.n, "g": f.g, "k": f.k, "estimates": f.estimates.tolist(), "se": np.sqrt(np.diag(f.vcov)).tolist()} for k, f in fits.items()}}

    # e: coefficients 0..3 of expertise 2..5, 4 log(prompts); 5..9 rates of levels 1..5
    s = np.arange(1, 6)
    bend = [{5 + k + 1: 1, 5 + k: -2, 5 + k - 1: 1} for k in (1, 2, 3)]
    cases = {
        "expertise::3 = expertise::2": ([{1: 1, 0: -1}], [0]),
        "2*log(prompts) - expertise::4 = 0.5": ([{4: 2, 2: -1}], [0.5]),
        "log(prompts) = 0": ([{4: 1}], [0]),
        "expertise::2 = expertise::3 = expertise::4": ([{0: 1, 1: -1}, {1: 1, 2: -1}], [0, 0]),
        "expertise::3 = expertise::2, log(prompts) = 0.01": ([{1: 1, 0: -1}, {4: 1}], [0, 0.01]),
        "expertise": ([{0: 1}, {1: 1}, {2: 1}, {3: 1}], [0] * 4),
        "all": ([{0: 1}, {1: 1}, {2: 1}, {3: 1}, {4: 1}], [0] * 5),
        "level 2 = level 3, level 4 = level 5": ([{6: 1, 7: -1}, {8: 1, 9: -1}], [0, 0]),
        "rate 2 - rate 1 = 0.05": ([{6: 1, 5: -1}], [0.05]),
        "level 3 = 0.5 + (level 1 - level 2) / 2": ([{7: 1, 5: -0.5, 6: 0.5}], [0.5]),
        "adjacent": ([{6 + k: 1, 5 + k: -1} for k in range(4)], [0] * 4),
        "trend": ([{5 + k: float((s[k] - 3) / 10) for k in range(5)}], [0]),
        "linear": (bend, [0] * 3),
        "rate 3 - log(prompts) = 0": ([{7: 1, 4: -1}], [0]),
    }
    out["single"] = {}
    for name in ("ols", "logit"):
        f = fits[name]
        df = f.g - 1 if name == "ols" else None
        out["single"][name] = {text: wald(f.estimates, f.vcov, rows(f.estimates, *terms), value, df) for text, (terms, value) in cases.items()}
    out["pairs"] = {"ols": wald(ols.estimates, ols.vcov, rows(ols.estimates, *[{6 + k: 1, 5 + k: -1} for k in range(4)]), [0] * 4, ols.g - 1)}

    # statsmodels: its own clustered covariance and its wald_test
    codes = pd.factorize(d.user_id)[0]
    fitted = ols.model.fit(cov_type="cluster", cov_kwds={"groups": codes, "use_correction": True}, use_t=True)
    worst = 0.0
    for text, (terms, value) in cases.items():
        if all(at < 5 for t in terms for at in t):
            r = np.zeros((len(terms), ols.k))
            for i, t in enumerate(terms):
                for at, c in t.items():
                    r[i, at] = c
            test = fitted.wald_test((r, np.array(value, float)), use_f=True, scalar=True)
            worst = max(worst, abs(float(test.statistic) / out["single"]["ols"][text]["statistic"] - 1), abs(float(test.pvalue) / out["single"]["ols"][text]["p"] - 1))
    compared["statsmodels wald_test, F(q, G-1), statistic and p, relative"] = worst
    logit_fit = logit.model.fit(disp=0, method="newton", tol=1e-14, cov_type="cluster", cov_kwds={"groups": codes, "use_correction": False})
    r = np.eye(logit.k)[:5]
    test = logit_fit.wald_test(r, use_f=False, scalar=True)
    compared["statsmodels Logit wald_test over q, relative"] = abs(float(test.statistic) / logit.q / out["single"]["logit"]["all"]["statistic"] - 1)

    # across fits: two outcomes on the same rows, a sample and its part, a linear model and a logit
    def joint(f, g):
        users = sorted(set(f.users) | set(g.users))
        both = np.hstack([f.sums.reindex(users).fillna(0).to_numpy() * np.sqrt(f.q), g.sums.reindex(users).fillna(0).to_numpy() * np.sqrt(g.q)])
        return np.concatenate([f.estimates, g.estimates]), both.T @ both

    out["across"] = []
    m = len(ols.estimates)
    for left, right in (("ols", "partial"), ("ols", "software"), ("ols", "logit")):
        est, v = joint(fits[left], fits[right])
        linear = left != "logit" and right != "logit"
        df = min(fits[left].g, fits[right].g) - 1
        case = {"left": left, "right": right, "tests": {}}
        case["tests"]["coefficient"] = wald(est, v, rows(est, {0: 1, m: -1}), [0], df)
        case["tests"]["expertise"] = wald(est, v, rows(est, *[{j: 1, m + j: -1} for j in range(4)]), [0] * 4, df)
        case["tests"]["rate"] = wald(est, v, rows(est, {9: 1, m + 9: -1}), [0], df)
        out["across"].append(case)
        if linear:
            # the stacked regression: one model, block diagonal design, clustered by user; each block times its own factor
            f, g = fits[left], fits[right]
            z = np.zeros((f.n + g.n, f.k + g.k))
            z[:f.n, :f.k], z[f.n:, f.k:] = f.z, g.z
            groups = pd.factorize(np.concatenate([f.users, g.users]))[0]
            stacked = sm.OLS(np.concatenate([f.y, g.y]), z).fit(cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False})
            c = np.asarray(stacked.cov_params())
            at = [0, f.k]
            scale = np.sqrt([f.q, g.q])
            block = c[np.ix_(at, at)] * np.outer(scale, scale)
            se = np.sqrt(block[0, 0] + block[1, 1] - 2 * block[0, 1])
            compared[f"stacked OLS in statsmodels, {left} and {right}, SE of a difference, relative"] = abs(se / case["tests"]["coefficient"]["se"][0] - 1)

    # many at once
    steps = np.array(rows(ols.estimates, *[{6 + k: 1, 5 + k: -1} for k in range(4)]))
    pairs = np.array(rows(ols.estimates, *[{5 + k: 1, 5 + l: -1} for k in range(1, 4) for l in range(k)]))
    out["family"] = []
    for r, few in ((steps, None), (pairs, None), (steps, 7), (np.eye(10)[:5], 3)):
        v = r @ ols.vcov @ r.T
        se = np.sqrt(np.diag(v))
        corr = v / np.outer(se, se)
        # far t have p of zero: halve them until p-values are of every size
        t = (r @ ols.estimates) / se / (1 if few else 3)
        if len(r) > 4:
            t = t / 1.5
        case = {"correlation": corr.tolist(), "t": t.tolist(), "df": few}
        case.update(r_multivariate(corr, t, few))
        case["romano_wolf"] = romano_wolf(corr, t, few)
        if case["free"][0] is not None:
            compared[f"Romano-Wolf by draws against multcomp's step-down (`free`), {len(t)} restrictions, df {few}"] = float(
                np.max(np.abs(np.array(case["romano_wolf"]) - np.array(case["free"]))))
        out["family"].append(case)
    out["compared"] = compared
    out["about"] = {"script": "hypotheses.py", "model": "verified (or partial) ~ i(expertise, ref = 1) + log(prompts) | work_mode + band, cluster user_id, rates by expertise with a sampled target",
                    "single": "statistic is F (W/q) with G-1 for ols, chi-square for logit", "across": "joint covariance sqrt(q_a q_b) times the cross products of the cluster sums; F with the smaller G-1",
                    "family": "critical, single_step, free, p_min by R mvtnorm and multcomp (abseps 1e-5); romano_wolf by a million draws"}
    with open(a.out, "w") as f:
        json.dump(out, f, indent=1)
    print(json.dumps(compared, indent=1))


if __name__ == "__main__":
    main()
