"""Descriptive statistics with clustered errors of the sessions table -> describe.json.

usage: python describe.py [--data DIR] [--out FILE]

Means, shares and geometric means are regressions on a constant by statsmodels with clustered covariance; ratios, differences,
trends and quantiles follow from their formulas in numpy in 80-bit floats; the jackknife deletes one user at a time.
"""
import argparse, json, os
import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats

LD = np.longdouble
HERE = os.path.dirname(os.path.abspath(__file__))
DEFINITIONS = {
    "mean": "statsmodels OLS of y on a constant, cov_type cluster by user (factor G/(G-1)); geometric: the same on ln y, "
            "value exp(b), error exp(b) se; share: the same on a 0/1 variable.",
    "ratio": "sum y / sum x; variance G/(G-1) sum_g (sum_i (y - R x) / sum x)^2, which statsmodels WLS gives for y/x with weights x.",
    "quantile": "numpy.quantile (type 7); ends: numpy.quantile at p -/+ t se, se the clustered error of the share at or below the "
                "quantile, t of G-1 degrees of freedom; error (high - low) / (2 t).",
    "steps, trend": "differences of neighbouring geometric means' logarithms, and their least-squares slope on the level; "
                    "covariance sum over users of the influence with each level's own factor sqrt(G/(G-1)).",
    "jackknife": "delete one user: sqrt((G-1)/G sum (theta(-g) - theta)^2).",
}


def cluster_mean(y, users):
    fit = sm.OLS(y, np.ones(len(y))).fit(cov_type="cluster", cov_kwds={"groups": pd.factorize(users)[0]})
    return float(fit.params[0]), float(fit.bse[0])


def influence(phi, users):
    code, _ = pd.factorize(users)
    total = np.zeros(code.max() + 1, dtype=LD)
    np.add.at(total, code, phi)
    return total, len(total)


def number(value, phi, users, names):
    """value and influence by user name with the factor of its own users"""
    total, g = influence(phi, users)
    factor = np.sqrt(LD(g) / LD(g - 1))
    return LD(value), dict(zip(pd.unique(users), total * factor)), g


def combine(coefs, numbers):
    value = sum(c * n[0] for c, n in zip(coefs, numbers))
    all_ = {}
    for c, n in zip(coefs, numbers):
        for user, phi in n[1].items():
            all_[user] = all_.get(user, LD(0)) + c * phi
    return value, np.sqrt(sum(phi * phi for phi in all_.values())), min(n[2] for n in numbers)


def jackknife(statistic, users):
    names = pd.unique(users)
    whole = statistic(np.ones(len(users), bool))
    parts = np.array([statistic(users != name) for name in names])
    g = len(names)
    return float(np.sqrt((g - 1) / g * np.sum((parts - whole) ** 2)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default=os.path.join(HERE, "..", "data"))
    parser.add_argument("--out", default=os.path.join(HERE, "describe.json"))
    args = parser.parse_args()
    data = pd.read_csv(os.path.join(args.data, "sessions.csv"))
    data["y"] = data.actions / data.prompts
    out = {"definitions": DEFINITIONS, "levels": [], "modes": {}}
    logs = []
    for level in range(1, 6):
        part = data[data.expertise == level]
        users = part.user_id.to_numpy()
        y = part.y.to_numpy()
        mean, se = cluster_mean(y, users)
        # a session without an action has no logarithm
        positive = part[part.y > 0]
        log_mean, log_se = cluster_mean(np.log(positive.y.to_numpy()), positive.user_id.to_numpy())
        ly = np.log(positive.y.to_numpy().astype(LD))
        logs.append(number(ly.mean(), (ly - ly.mean()) / len(ly), positive.user_id.to_numpy(), None))
        # the ratio of sums
        a, p = part.actions.to_numpy(float), part.prompts.to_numpy(float)
        wls = sm.WLS(a / p, np.ones(len(p)), weights=p).fit(cov_type="cluster", cov_kwds={"groups": pd.factorize(users)[0]})
        row = {"level": level, "rows": len(part), "users": len(set(users)), "positive": len(positive),
               "mean": [mean, se], "log_mean": [log_mean, log_se],
               "geometric": [float(np.exp(log_mean)), float(np.exp(log_mean) * log_se)],
               "ratio": [float(wls.params[0]), float(wls.bse[0])], "quantiles": []}
        g = len(set(users))
        t = stats.t.ppf(0.975, g - 1)
        for prob in (0.05, 0.25, 0.5, 0.75, 0.95):
            q = np.quantile(y, prob)
            share, share_se = cluster_mean((y <= q).astype(float), users)
            low, high = (np.quantile(y, min(max(prob + s * t * share_se, 0), 1)) for s in (-1, 1))
            row["quantiles"].append([prob, float(q), float((high - low) / (2 * t)), float(low), float(high)])
        out["levels"].append(row)
    steps = [combine([-1, 1], logs[i:i + 2]) for i in range(4)]
    score = np.arange(1, 6) - 3
    slope = combine(list(score / LD(10)), logs)

    def tested(found):
        value, se, g = found
        return [float(value), float(se), float(2 * stats.t.sf(abs(float(value / se)), g - 1)), g - 1]
    out["steps"] = [tested(step) for step in steps]
    out["trend"] = tested(slope)
    users = data.user_id.to_numpy()
    for mode in sorted(data.work_mode.unique()):
        out["modes"][mode] = list(cluster_mean((data.work_mode == mode).to_numpy(float), users))
    # the jackknife on the first 1,500 rows
    part = data.head(1500)
    users, y = part.user_id.to_numpy(), part.y.to_numpy()
    positive = y > 0
    is_fix = (part.work_mode == "Fix").to_numpy(float)
    out["jackknife"] = {
        "mean": jackknife(lambda keep: y[keep].mean(), users),
        "geometric": jackknife(lambda keep: np.exp(np.log(y[keep & positive]).mean()), users),
        "ratio": jackknife(lambda keep: part.actions.to_numpy()[keep].sum() / part.prompts.to_numpy()[keep].sum(), users),
        "share": jackknife(lambda keep: is_fix[keep].mean(), users),
    }
    with open(args.out, "w") as file:
        json.dump(out, file, indent=1)


main()
