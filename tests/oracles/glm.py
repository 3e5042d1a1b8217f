"""Probit and Poisson reference results by full dummy expansion -> glm.json.

usage: python glm.py [--data DIR] [--out FILE]

Needs numpy and scipy; where statsmodels and Rscript (with sandwich) are found, the same cases are fitted there too, and the
largest gap is written beside ours (`statsmodels`, `r`). Every fixed effect is a column of a dense matrix and every number
follows from one plain formula. The `definitions` block of the JSON states what each number is.
"""
import argparse, csv, json, os, shutil, subprocess, tempfile
import numpy as np
from scipy.special import gammaln, log_ndtr, ndtr

HERE = os.path.dirname(os.path.abspath(__file__))
LEVELS = [1, 2, 3, 4, 5]

DEFINITIONS = {
    "sample": "As in brute.json. Rows that count in the fit: no singletons, no levels of a fixed effect whose outcome is all 0 (or all 1, "
              "probit), both repeated until nothing changes.",
    "coef": "Coefficients of x in order `names`, at a zero of the score to rounding.",
    "coef_corrected": "coef + H^-1 B, B = 1/2 sum over levels of all effects of (sum w f' f/V x~) / (sum Omega), x~ the residual of x on the "
                      "dummies with weights Omega = w f^2/V, H = x~'Omega x~; probits with effects.",
    "vcov_cluster": "G/(G-1) (n-1)/(n-K) A^-1 [sum_g s_g s_g'] A^-1 with A = Z'diag(w f^2/V)Z (expected information) over all dummies and "
                    "s_g the sum over rows of user g of w z (y - mu) f/V.",
    "vcov_iid": "(n-1)/(n-K) A^-1.",
    "vcov_hc1": "n/(n-K) A^-1 [sum_i s_i s_i'] A^-1.",
    "deviance, log_likelihood": "As R's glm: of rows, with weights; the Poisson's log likelihood with ln Gamma(y + 1).",
    "rates": "Mean over all rows with expertise, weights w, of the prediction with expertise set to k. Rows outside the fit: probit y for "
             "every k; Poisson y exp(change of the linear predictor), a singleton with y > 0 having a dummy of its own.",
    "rates_vcov.fixed": "J V J', J the gradient of the rates in all parameters by central differences of the summed predictions, V the "
                        "full-dummy vcov of vcov_cluster.",
    "rates_vcov.sampled": "q sum_g (.)(.)' of phi_i = J A^-1 s_i + w_i (m_i - R)/W over all rows.",
    "r": "Largest relative gap to R glm (epsilon 1e-14) with sandwich::vcovCL(type = 'HC1'): coefficients, errors, deviance, log likelihood. R"
         " stops a probit by its deviance, so 1e-8 is left there; with fractional weights its binomial likelihood rounds them.",
    "statsmodels": "Largest gap of the coefficients to statsmodels GLM.",
}


def load(folder, rows):
    with open(os.path.join(folder, "sessions.csv")) as f:
        table = [row for row, _ in zip(csv.DictReader(f), range(rows))]
    table = [row for row in table if row["expertise"] not in ("", "NA")]
    for row in table:
        row["band"] = str(1 + sum(float(row["task_value"]) >= cut for cut in (200, 1000, 5000)))
    return table


def code(table, effect):
    names = ["|".join(row[part] for part in effect.split("^")) for row in table]
    levels = sorted(set(names))
    return np.array([levels.index(name) for name in names])


def family_of(name):
    if name == "probit":
        f = lambda eta: np.exp(-0.5 * eta * eta) / np.sqrt(2 * np.pi)
        return ndtr, f, lambda eta: ndtr(eta) * ndtr(-eta)
    return np.exp, np.exp, np.exp


def log_likelihood(name, y, eta):
    if name == "probit":
        return np.where(y == 1, log_ndtr(eta), log_ndtr(-eta))
    return y * eta - np.exp(eta) - gammaln(y + 1)


def fit(name, y, z, w):
    """Newton with the expected information; QR keeps the digits."""
    mean, slope, variance = family_of(name)
    theta = np.zeros(z.shape[1])
    eta = np.where(y == 1, 0.67, -0.67) if name == "probit" else np.log(y + 0.1)
    for _ in range(300):
        root = np.sqrt(w / variance(eta)) * slope(eta)
        new = np.linalg.lstsq(z * root[:, None], root * (eta + (y - mean(eta)) / slope(eta)), rcond=1e-13)[0]
        step = np.max(np.abs(z @ (new - theta)))
        theta = new
        eta = z @ theta
        if step < 1e-14:
            break
    assert step < 1e-11, step
    return theta, eta


def run(table, outcome, name, effects, extra=(), weighted=False):
    y = np.array([float(row[outcome]) for row in table])
    w = np.array([float(row["weight"]) for row in table]) if weighted else np.ones(len(y))
    level = np.array([int(row["expertise"]) for row in table])
    user = code(table, "user_id")
    codes = [code(table, effect) for effect in effects]
    extras = [np.log([float(row[e[4:-1]]) for row in table]) for e in extra]
    keep, single = np.ones(len(y), bool), np.zeros(len(y), bool)
    while True:
        drop = np.zeros(len(y), bool)
        for c in codes:
            size = np.bincount(c, keep * 1.0)[c]
            total = np.bincount(c, keep * y)[c]
            alone = keep & (size == 1)
            single |= alone & (y > 0)
            drop |= alone | (keep & (total == 0)) | (keep & (total == size) if name == "probit" else False)
        if not drop.any():
            break
        keep &= ~drop
    names = ["expertise::%d" % k for k in LEVELS[1:]] + list(extra)
    if not effects:
        names = ["(Intercept)"] + names

    # a Poisson singleton with y > 0 keeps a dummy of its own: zero residual, but its prediction moves with the level
    rows = keep | single if name == "poisson" else keep

    def design(at):
        columns = [] if effects else [np.ones(rows.sum())]
        columns += [(at[rows] == k) * 1.0 for k in LEVELS[1:]] + [e[rows] for e in extras]
        kept = keep[rows]
        for number, c in enumerate(codes):
            present = np.unique(c[keep])
            for l in present[1:] if number else present:
                columns.append((c[rows] == l) * kept)
        for i in np.flatnonzero(~kept):
            columns.append((np.arange(len(kept)) == i) * 1.0)
        return np.array(columns).T

    z = design(level)
    yy, ww, kept = y[rows], w[rows], keep[rows]
    mean, slope, variance = family_of(name)
    theta, eta = fit(name, yy, z, ww)
    p = len(names)
    n = int(keep.sum())
    singles = int((~kept).sum())
    K = z.shape[1] - singles
    a = z.T @ (z * (ww * slope(eta) ** 2 / variance(eta))[:, None])
    inverse = np.linalg.inv(a)
    score = z * (ww * (yy - mean(eta)) * slope(eta) / variance(eta))[:, None]
    groups = np.unique(user[rows][kept])
    G = len(groups)
    q = G / (G - 1) * (n - 1) / (n - K)
    by_user = np.zeros((user.max() + 1, z.shape[1]))
    np.add.at(by_user, user[rows], score)
    bread = inverse[:p]
    out = {
        "names": names, "n": n, "K": K, "G": G, "n_target": len(y), "coef": theta[:p],
        "vcov_cluster": q * bread @ by_user.T @ by_user @ bread.T,
        "vcov_iid": (n - 1) / (n - K) * inverse[:p, :p],
        "vcov_hc1": n / (n - K) * bread @ score.T @ score @ bread.T,
    }
    ll = ww * log_likelihood(name, yy, eta)
    best = np.log(np.where(yy > 0, yy, 1)) * yy - yy - gammaln(yy + 1) if name == "poisson" else 0 * yy
    out["log_likelihood"] = ll[kept].sum()
    out["deviance"] = 2 * (ww * best - ll)[kept].sum()

    if name == "probit" and effects:
        omega = ww * slope(eta) ** 2 / variance(eta)
        root = np.sqrt(omega)[:, None]
        dummies, x = z[:, p:], z[:, :p]
        rest = x - dummies @ np.linalg.lstsq(root * dummies, root * x, rcond=1e-13)[0]
        numerator = ww * slope(eta) / variance(eta) * -eta * slope(eta)
        bias = np.zeros(p)
        for c in codes:
            for l in np.unique(c[rows]):
                of = c[rows] == l
                bias += 0.5 * numerator[of] @ rest[of] / omega[of].sum()
        out["coef_corrected"] = theta[:p] + np.linalg.solve(rest.T @ (rest * omega[:, None]), bias)

    # rates
    W = w.sum()
    designs = [design(np.full(len(y), k)) for k in LEVELS]

    def predicted(theta):
        m = np.repeat(y[:, None], len(LEVELS), 1)
        for k, d in enumerate(designs):
            m[rows, k] = mean(d @ theta)
        return m

    m = predicted(theta)
    rates = w @ m / W
    jacobian = np.array([(ww * slope(d @ theta)) @ d / W for d in designs])
    for j in range(min(len(theta), 8)):  # the gradient against differences of the summed predictions
        h = np.zeros(len(theta)); h[j] = 1e-5
        numeric = (w @ predicted(theta + h) - w @ predicted(theta - h)) / W / 2e-5
        assert np.max(np.abs(numeric - jacobian[:, j])) < 1e-7 * (1 + np.max(np.abs(jacobian)))
    through = np.zeros((len(y), len(LEVELS)))
    through[rows] = score @ (jacobian @ inverse).T
    phi = through + w[:, None] * (m - rates) / W
    def meat(values):
        sums = np.zeros((user.max() + 1, len(LEVELS)))
        np.add.at(sums, user, values)
        return q * sums.T @ sums
    out["rates"] = rates
    out["rates_vcov"] = {"fixed": meat(through), "sampled": meat(phi)}
    out.update(cross(name, yy[kept], z[kept][:, :K], ww[kept], user[rows][kept], out, p))
    return out


def cross(name, y, z, w, user, ours, p):
    found = {}
    coef, errors = ours["coef"], np.sqrt(np.diag(ours["vcov_cluster"]))
    try:
        import statsmodels.api as sm
        family = sm.families.Poisson() if name == "poisson" else sm.families.Binomial(sm.families.links.Probit())
        other = sm.GLM(y, z, family=family, var_weights=w).fit(tol=1e-14, maxiter=200)
        found["statsmodels"] = float(np.max(np.abs(other.params[:p] / coef - 1)))
    except ImportError:
        pass
    if shutil.which("Rscript"):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "d.csv")
            np.savetxt(path, np.column_stack([y, w, user, z]), delimiter=",", fmt="%.17g")
            script = """suppressMessages(library(sandwich)); d <- as.matrix(read.csv("%s", header = FALSE)); z <- d[, -(1:3)]
m <- suppressWarnings(glm(d[, 1] ~ z - 1, weights = d[, 2], family = %s, control = list(epsilon = 1e-14, maxit = 200)))
v <- vcovCL(m, cluster = d[, 3], type = "HC1")
cat(format(c(coef(m)[1:%d], sqrt(diag(v))[1:%d], deviance(m), as.numeric(logLik(m))), digits = 17), sep = "\\n")
""" % (path, "poisson" if name == "poisson" else 'binomial("probit")', p, p)
            result = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True)
            assert result.returncode == 0, result.stderr
            values = np.array([float(v) for v in result.stdout.split()])
            gap = [np.max(np.abs(values[:p] / coef - 1)), np.max(np.abs(values[p:2 * p] / errors - 1)),
                   abs(values[2 * p] / ours["deviance"] - 1), abs(values[2 * p + 1] / ours["log_likelihood"] - 1)]
            found["r"] = dict(zip(["coef", "std_error", "deviance", "log_likelihood"], map(float, gap)))
    return found


ADD = ["work_mode", "band", "month"]
CASES = [  # id, rows read, outcome, options
    ("probit_nofe", 24000, "verified", dict(name="probit", effects=[])),
    ("probit_additive", 24000, "verified", dict(name="probit", effects=ADD)),
    ("probit_weighted", 12000, "verified", dict(name="probit", effects=ADD, extra=("log(prompts)",), weighted=True)),
    ("probit_cell_month_4k", 4000, "verified", dict(name="probit", effects=["work_mode^band^month"])),
    ("poisson_nofe", 24000, "actions", dict(name="poisson", effects=[])),
    ("poisson_additive", 12000, "actions", dict(name="poisson", effects=ADD, extra=("log(prompts)",))),
    ("poisson_weighted", 12000, "actions", dict(name="poisson", effects=ADD, weighted=True)),
    ("poisson_binary_cell_month_4k", 4000, "verified", dict(name="poisson", effects=["work_mode^band^month"])),
    ("poisson_binary_two_cells_2k", 2000, "verified", dict(name="poisson", effects=["work_mode^band^month", "task_occupation"])),
    ("poisson_binary_cell_month_4k_weighted", 4000, "verified",
     dict(name="poisson", effects=["work_mode^band^month"], weighted=True)),
]


def plain(v):
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    return v.tolist() if isinstance(v, (np.ndarray, np.generic)) else v


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default=os.path.join(HERE, "..", "data"))
    parser.add_argument("--out", default=os.path.join(HERE, "glm.json"))
    a = parser.parse_args()
    cases = {}
    for id, rows, outcome, options in CASES:
        right = " + ".join(["i(expertise, ref=1)"] + list(options.get("extra", ())))
        effects = " | " + " + ".join(options["effects"]) if options["effects"] else ""
        head = {"formula": "%s ~ %s%s" % (outcome, right, effects), "family": options["name"], "rows_read": rows,
                "weighted": options.get("weighted", False)}
        cases[id] = head | plain(run(load(a.data, rows), outcome, **options))
        print(id, cases[id]["n"], cases[id].get("statsmodels"), cases[id].get("r"), flush=True)
    with open(a.out, "w") as f:
        f.write(json.dumps({"definitions": DEFINITIONS, "cases": cases}, indent=1) + "\n")


main()
