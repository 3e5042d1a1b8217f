"""Thirty specifications drawn from a grid, each estimated alone: pyfixest for least squares, statsmodels for the logit.

python curve.py --data ../data/sessions.csv --out curve.json
"""

import argparse
import itertools
import json
import random
import warnings

import numpy as np
import pandas as pd
import pyfixest as pf
import statsmodels.api as sm

warnings.filterwarnings("ignore")
OUTCOMES = ["verified", "partial"]
SAMPLES = {"all": None, "late": 'month >= "2026-01"', "expensive": "task_value >= 200"}
CONTROLS = {"mode": "work_mode", "month": "month", "band": "band"}
STATES = ["out", "additive", "cell"]


def effects(states):
    additive = [CONTROLS[c] for c, s in states.items() if s == "additive"]
    cell = [CONTROLS[c] for c, s in states.items() if s == "cell"]
    if len(cell) == 1:
        return None
    return additive, cell


def least_squares(data, outcome, coding, additive, cell):
    parts = additive + (["^".join(cell)] if cell else [])
    right = "i(expertise, ref = 1)" if coding == "levels" else "expertise"
    formula = f"{outcome} ~ {right}" + (" | " + " + ".join(parts) if parts else "")
    fit = pf.feols(formula, data, vcov={"CRV1": "user_id"}, fixef_rm="singleton", fixef_tol=1e-12)
    name = [c for c in fit._coefnames if "expertise" in c][-1]
    at = fit._coefnames.index(name)
    return float(fit._beta_hat[at]), float(fit._se[at]), int(fit._N)


def logit(data, outcome, coding, additive):
    x = pd.DataFrame({"const": np.ones(len(data))}, index=data.index)
    if coding == "levels":
        for level in sorted(data.expertise.unique())[1:]:
            x[f"e{level}"] = (data.expertise == level).astype(float)
    else:
        x["e"] = data.expertise.astype(float)
    focal = x.columns[-1]
    for name in additive:
        x = x.join(pd.get_dummies(data[name].astype(str), prefix=name, drop_first=True).astype(float))
    fit = sm.GLM(data[outcome], x, family=sm.families.Binomial()).fit(tol=1e-14, maxiter=200)
    scores = x.to_numpy() * (data[outcome] - fit.fittedvalues).to_numpy()[:, None]
    mu = fit.fittedvalues.to_numpy()
    bread = np.linalg.inv((x.to_numpy() * (mu * (1 - mu))[:, None]).T @ x.to_numpy())
    groups = pd.DataFrame(scores).groupby(data.user_id.to_numpy()).sum().to_numpy()
    g, n, k = len(groups), len(data), x.shape[1]
    factor = g / (g - 1) * (n - 1) / (n - k)
    v = factor * bread @ (groups.T @ groups) @ bread
    at = list(x.columns).index(focal)
    return float(fit.params[focal]), float(np.sqrt(v[at, at])), n


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    data = pd.read_csv(arguments.data)
    data["band"] = pd.cut(data.task_value, [-np.inf, 200, 1000, 5000, np.inf], right=False).astype(str)
    grid = []
    for outcome, sample, coding, estimator in itertools.product(
        OUTCOMES, SAMPLES, ["levels", "linear"], ["lpm", "logit"]
    ):
        for states in itertools.product(STATES, repeat=3):
            found = effects(dict(zip(CONTROLS, states)))
            if found is None or (estimator == "logit" and found[1]):
                continue
            grid.append((outcome, sample, coding, estimator, *found))
    random.seed(20261121)
    chosen = random.sample(grid, 30)
    cases = []
    for outcome, sample, coding, estimator, additive, cell in chosen:
        part = data if SAMPLES[sample] is None else data.query(SAMPLES[sample])
        part = part.dropna(subset=[outcome, "expertise"]).reset_index(drop=True)
        run = least_squares if estimator == "lpm" else logit
        arguments_of = (part, outcome, coding, additive) + ((cell,) if estimator == "lpm" else ())
        estimate, error, rows = run(*arguments_of)
        cases.append(
            {"outcome": outcome, "where": SAMPLES[sample], "coding": coding, "estimator": estimator,
             "effects": additive + (["^".join(cell)] if cell else []), "estimate": estimate, "std_error": error,
             "rows": rows}
        )
    text = json.dumps({"grid": len(grid), "cases": cases}, indent=1)
    open(arguments.out, "w").write(text + "\n")


main()
