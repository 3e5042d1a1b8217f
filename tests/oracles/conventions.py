"""Standard errors, degrees of freedom and p-values of the same regressions by several programs.

usage: conventions.py [--data ../data] [--linearmodels PYTHON] > conventions.json
Runs pyfixest and statsmodels here, linearmodels in the interpreter given (if it is elsewhere), sandwich and clubSandwich
through conventions.R. Each program is asked for its defaults; what is asked beyond them stands in the key.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import pandas as pd

HERE = os.path.dirname(os.path.abspath(__file__))
MROZ = "inlf ~ nwifeinc + educ + exper + expersq + age + kidslt6 + kidsge6"
# data, formula without effects, effects, clusters, family
CASES = {
    "petersen_firm": ("petersen.csv", "y ~ x", [], ["firm"], "ols"),
    "petersen_year": ("petersen.csv", "y ~ x", [], ["year"], "ols"),
    "petersen_two_way": ("petersen.csv", "y ~ x", [], ["firm", "year"], "ols"),
    "petersen_firm_fe": ("petersen.csv", "y ~ x", ["firm"], ["firm"], "ols"),
    "petersen_year_fe": ("petersen.csv", "y ~ x", ["year"], ["firm"], "ols"),
    "petersen_fe_two_way": ("petersen.csv", "y ~ x", ["firm", "year"], ["firm", "year"], "ols"),
    "fatalities": ("fatalities.csv", "frate ~ beertax", ["state", "year"], ["state"], "ols"),
    "grunfeld_firm": ("grunfeld.csv", "inv ~ value + capital", ["firm"], ["firm"], "ols"),
    "grunfeld_two_way": ("grunfeld.csv", "inv ~ value + capital", ["firm", "year"], ["firm", "year"], "ols"),
    "grunfeld_year": ("grunfeld.csv", "inv ~ value + capital", ["firm"], ["year"], "ols"),
    "mroz_logit": ("mroz.csv", MROZ, [], ["educ"], "logit"),
    "mroz_lpm": ("mroz.csv", MROZ, [], ["educ"], "ols"),
    "grunfeld_hc1": ("grunfeld.csv", "inv ~ value + capital", ["firm"], None, "ols"),
    "mroz_logit_hc1": ("mroz.csv", MROZ, [], None, "logit"),
    # not positive: a negative variance, and positive variances with a negative eigenvalue
    "mtcars_negative": ("mtcars.csv", "mpg ~ wt + hp", [], ["cyl", "carb"], "ols"),
    "mtcars_indefinite": ("mtcars.csv", "mpg ~ wt + hp", [], ["gear", "carb"], "ols"),
}


def terms(formula, effects):
    rhs = [t.strip() for t in formula.split("~")[1].split("+")]
    return rhs if effects else ["Intercept"] + rhs


def report(se, p, df, keep):
    number = lambda x: None if x is None or not np.isfinite(x) else float(x)
    return {"se": {k: number(se[k]) for k in keep}, "p": {k: number(p[k]) for k in keep}, "df": number(df)}


def pyfixest(case, data):
    import pyfixest as pf

    _, formula, effects, cluster, family = case
    keep = terms(formula, effects)
    text = formula + (" | " + " + ".join(effects) if effects else "")
    vcov = {"CRV1": "+".join(cluster)} if cluster else "hetero"
    out = {}
    for name, kw in {
        "pyfixest": {},
        "pyfixest(g=each)": {"G_df": "conventional"},
        "pyfixest(effects=full)": {"k_fixef": "full"},
        "pyfixest(effects=none)": {"k_fixef": "none"},
        "pyfixest(g=none)": {"G_adj": False},
        "pyfixest(k=none)": {"k_adj": False},
    }.items():
        opts = {"ssc": pf.ssc(**kw), "fixef_rm": "none"}
        if family == "logit":
            m = pf.feglm(text, data, family="logit", vcov=vcov, iwls_tol=1e-13, **opts)
        else:
            m = pf.feols(text, data, vcov=vcov, fixef_tol=1e-13, fixef_maxiter=1_000_000, **opts)
        df = None if family == "logit" else getattr(m, "_df_t", np.nan)
        if df is not None:
            df = np.min(df)
        out[name] = report(m.se(), m.pvalue(), df, keep)
    return out


def statsmodels(case, data):
    import statsmodels.formula.api as smf

    _, formula, effects, cluster, family = case
    keep = terms(formula, effects)
    text = formula + "".join(f" + C({e})" for e in effects)
    d = data.copy()
    kwds = {}
    if cluster:
        codes = np.column_stack([pd.factorize(d[c])[0] for c in cluster])
        kwds = {"cov_type": "cluster", "cov_kwds": {"groups": codes if len(cluster) > 1 else codes[:, 0]}}
    else:
        kwds = {"cov_type": "HC1"}
    m = smf.logit(text, d).fit(disp=0, method="newton", maxiter=200, tol=1e-15, **kwds) if family == "logit" else smf.ols(text, d).fit(**kwds)
    with np.errstate(invalid="ignore"):
        out = {"statsmodels": report(m.bse, m.pvalues, None, keep)}
    return out


def linearmodels_here(cases, folder):
    from linearmodels.panel import PanelOLS

    out = {}
    for name, case in cases.items():
        data_name, formula, effects, cluster, family = case
        if family != "ols":
            continue
        d = pd.read_csv(os.path.join(folder, data_name))
        ids = effects if len(effects) == 2 else ["firm", "year"] if "firm" in d and "year" in d else None
        if ids is None:
            continue
        for c in set(ids + (cluster or [])):
            d["code_" + c] = pd.factorize(d[c])[0]
        rhs = [t.strip() for t in formula.split("~")[1].split("+")]
        x = d[rhs].copy()
        if not effects:
            x.insert(0, "Intercept", 1.0)
        index = pd.MultiIndex.from_arrays([d[ids[0]], pd.factorize(d[ids[1]], sort=True)[0]])
        x.index = index
        y = d[formula.split("~")[0].strip()].copy()
        y.index = index
        entity, time = ids[0] in effects, ids[1] in effects
        model = PanelOLS(y, x, entity_effects=entity, time_effects=time)
        keep = terms(formula, effects)
        res = {}
        for key, kw in {"linearmodels": {}, "linearmodels(debiased=False)": {"debiased": False},
                        "linearmodels(group_debias)": {"group_debias": True}}.items():
            if cluster:
                codes = pd.DataFrame({c: d["code_" + c].to_numpy() for c in cluster}, index=index)
                r = model.fit(cov_type="clustered", clusters=codes, **kw)
            elif "group_debias" in kw:
                continue
            else:
                r = model.fit(cov_type="robust", **kw)
            debiased = kw.get("debiased", True)
            with np.errstate(invalid="ignore"):
                res[key] = report(r.std_errors, r.pvalues, r.df_resid if debiased else None, keep)
        out[name] = res
    return out


def main():
    warnings.simplefilter("ignore")
    a = argparse.ArgumentParser()
    a.add_argument("--data", default=os.path.join(HERE, "..", "data"))
    a.add_argument("--linearmodels", help="interpreter that has linearmodels, or `here`")
    a.add_argument("--only-linearmodels", action="store_true")
    a = a.parse_args()
    if a.only_linearmodels:
        import linearmodels

        print(json.dumps({"version": linearmodels.__version__, "cases": linearmodels_here(CASES, a.data)}))
        return
    out = {}
    for name, case in CASES.items():
        data = pd.read_csv(os.path.join(a.data, case[0]))
        keep = terms(case[1], case[2])
        out[name] = {"data": case[0], "formula": case[1], "effects": case[2], "cluster": case[3], "family": case[4],
                     "programs": {}}
        programs = out[name]["programs"]
        for run in (pyfixest, statsmodels):
            try:
                programs.update(run(case, data))
            except Exception as error:  # a program that cannot fit a case has no entry
                print(f"{name}: {run.__name__}: {error!r}", file=sys.stderr)
    import pyfixest as pf
    import statsmodels as sm

    versions = {"pyfixest": pf.__version__, "statsmodels": sm.__version__}
    if a.linearmodels:
        command = [a.linearmodels, os.path.abspath(__file__), "--only-linearmodels", "--data", a.data]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        versions["linearmodels"] = found["version"]
        for name, programs in found["cases"].items():
            out[name]["programs"].update(programs)
    asked = {n: {**{k: c[k] for k in ("data", "formula", "effects", "cluster", "family")},
                 "terms": [t.replace("Intercept", "(Intercept)") for t in terms(c["formula"], c["effects"])]} for n, c in out.items()}
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as f:
        json.dump(asked, f)
    text = subprocess.run(["Rscript", os.path.join(HERE, "conventions.R"), a.data, f.name], capture_output=True, text=True, check=True).stdout
    os.unlink(f.name)
    for name, programs in json.loads(text).items():
        if programs:
            out[name]["programs"].update(programs)
    for case in out.values():
        for one in case["programs"].values():
            for part in ("se", "p") if isinstance(one, dict) else ():
                if isinstance(one.get(part), dict):
                    one[part] = {k.replace("(Intercept)", "Intercept"): v for k, v in one[part].items()}
    json.dump({"about": versions, "cases": out}, sys.stdout, indent=1)
    print()


main()
