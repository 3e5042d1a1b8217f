"""Reference results on public data -> public.json.

usage: python public.py [--data DIR] [--out FILE]

Needs numpy. pandas + statsmodels + pyfixest + linearmodels and Rscript (oracles.R) are used to compare where they are installed;
`compared` in the JSON lists the largest relative deviation from each. The numbers themselves come from full dummy expansion in
80-bit floats, as in brute.py, under one stated rule (see `definitions`), not from those packages.
"""
import argparse, csv, json, math, os, shutil, subprocess, warnings
from fractions import Fraction
import numpy as np
from brute import HERE, LD, code, cross, dump, inverse_spd, outer, plain

DEFINITIONS = {
    "K": "Columns of x (+ intercept when there is no fixed effect) + sum of levels - (families - 1); a family nested in the cluster "
         "variable (every level inside one cluster) removes levels - 1. So K depends on the covariance; `factors` lists each.",
    "se.iid": "sigma^2 A^-1 with sigma^2 = RSS/(n-K); logit: plain inverse information (no factor).",
    "se.hc1": "n/(n-K) times the bare sandwich (logit too).",
    "se.<cluster>": "G/(G-1) * (n-1)/(n-K) times the bare sandwich, fixest's default (logit too).",
    "se.<a>+<b>": "V(a) + V(b) - V(a crossed b), all times Gmin/(Gmin-1) * (n-1)/(n-K), fixest's default (min). `each_own_g`: every "
                  "term with its own G/(G-1) (Stata's and sandwich's).",
    "se.<cluster>_stata": "logit: G/(G-1) times the bare sandwich. OLS: as se.<cluster> with every dummy counted in K.",
    "rates": "Mean prediction over all rows of the fit with the factor set to each level in turn. `se_fixed`: delta method, composition "
             "fixed. `se_sampled`: plus (m_i(k) - R_k)/n in the influence function. Same factor as the coefficients of that case.",
    "f_test": "Wald statistic / number of restrictions, vcov = the case's cluster vcov; compare with F(restrictions, G-1).",
}


def read(folder, name):
    with open(os.path.join(folder, name), newline="") as f:
        rows = list(csv.DictReader(f))
    return {k: [r[k] for r in rows] for k in rows[0]}


def num(column):
    return np.array([float(v) for v in column])


def fit(y, x, fe=(), factor=None, clusters=None, logit=False, stata=False):
    """x: {name: column}; fe: {name: codes}; factor: (name, levels as integers, reference); clusters: {name: codes or pair}."""
    n, fe, clusters = len(y), dict(fe), clusters or {}
    y = np.asarray(y).astype(LD)
    ones = np.ones((n, 1), dtype=LD)
    cols = {k: np.asarray(v).astype(LD) for k, v in x.items()}
    dummy = {}
    if factor:
        label, level, ref = factor
        dummy = {k: f"{label}::{k}" for k in sorted(set(level)) if k != ref}
        cols = {**{dummy[k]: (level == k).astype(LD) for k in dummy}, **cols}
    names = list(cols)
    parts = [np.stack([cols[k] for k in names], axis=1), ones]
    parts += [(c[:, None] == np.arange(1, c.max() + 1)[None, :]).astype(LD) for c in fe.values()]
    z = np.concatenate(parts, axis=1)
    if logit:
        theta = np.zeros(z.shape[1], dtype=LD)
        for _ in range(50):
            mu = 1 / (1 + np.exp(-(z @ theta)))
            a_inv, _p = inverse_spd(cross(z, (mu * (1 - mu))[:, None] * z))
            step = a_inv @ (z.T @ (y - mu))
            theta = theta + step
            if np.abs(step).max() < 1e-17 * max(1, np.abs(theta).max()):
                break
        fitted = 1 / (1 + np.exp(-(z @ theta)))
        a_inv, _p = inverse_spd(cross(z, (fitted * (1 - fitted))[:, None] * z))
    else:
        a_inv, _p = inverse_spd(cross(z, z))
        theta = a_inv @ (z.T @ y)
        for _ in range(3):  # refinement
            theta = theta + a_inv @ (z.T @ (y - z @ theta))
        fitted = z @ theta
    u = y - fitted
    shown = (([] if fe else [len(names)]) + list(range(len(names))))
    shown_names = ([] if fe else ["(Intercept)"]) + names
    psi = z * u[:, None] @ a_inv
    levels = {k: int(c.max() + 1) for k, c in fe.items()}
    k_all = len(names) + (sum(levels.values()) - (len(fe) - 1) if fe else 1)
    nested = lambda f, c: len(set(zip(fe[f], c))) == levels[f]
    out = {"n": n, "coef": dict(zip(shown_names, theta[shown])), "se": {}, "factors": {}}

    # Rates.
    rates = {}
    if factor:
        all_levels = sorted(set(level))
        m, grad = np.zeros((n, len(all_levels)), dtype=LD), np.zeros((z.shape[1], len(all_levels)), dtype=LD)
        for j, k in enumerate(all_levels):
            at = z.copy()
            for other, name in dummy.items():
                at[:, names.index(name)] = float(other == k)
            eta = at @ theta
            m[:, j] = 1 / (1 + np.exp(-eta)) if logit else eta
            grad[:, j] = at.T @ ((m[:, j] * (1 - m[:, j]) if logit else np.ones(n, dtype=LD)) / n)
        r = m.mean(axis=0)
        phi = (z * u[:, None]) @ (a_inv @ grad)
        rates = {"levels": all_levels, "rate": r, "phi_fixed": phi, "phi_sampled": phi + (m - r) / n}

    # A two-way variance of a dummy that is not reported may be negative.
    root = lambda v: np.sqrt(np.where(np.diag(v) < 0, LD("nan"), np.diag(v)))
    out["se"]["iid"] = root(a_inv if logit else a_inv * ((u @ u) / (n - k_all)))[shown]
    out["se"]["hc1"] = root(LD(n) / (n - k_all) * outer(None, psi))[shown]
    out["factors"]["iid"], out["factors"]["hc1"] = {"K": k_all}, {"K": k_all}
    if rates:
        out["rates"] = {"levels": rates["levels"], "rate": rates["rate"]}
        for comp in ("fixed", "sampled"):
            out["rates"][f"se_{comp}.hc1"] = root(LD(n) / (n - k_all) * outer(None, rates["phi_" + comp]))
    vcovs = {}
    for name, c in clusters.items():
        many = c if isinstance(c, tuple) else (c,)
        gs = [len(set(v)) for v in many]
        k = k_all - sum(levels[f] - 1 for f in fe if any(nested(f, v) for v in many))
        adj = LD(n - 1) / (n - k)
        own = [LD(g) / (g - 1) for g in gs]
        if len(many) == 1:
            terms = lambda rows: outer(c, rows)
            factor_v = own[0] * adj
        else:
            both = code(*many)
            terms = lambda rows: outer(many[0], rows) + outer(many[1], rows) - outer(both, rows)
            factor_v = max(own) * adj
            g3 = LD(both.max() + 1)
            out["se"][name + " each_own_g"] = root(adj * (own[0] * outer(many[0], psi) + own[1] * outer(many[1], psi)
                                                          - g3 / (g3 - 1) * outer(both, psi)))[shown]
        out["factors"][name] = {"K": k, "G": min(gs), "factor": factor_v}
        vcovs[name] = factor_v * terms(psi)
        out["se"][name] = root(vcovs[name])[shown]
        if stata and len(many) == 1:
            f = own[0] if logit else own[0] * LD(n - 1) / (n - k_all)
            out["se"][name + "_stata"] = root(f * terms(psi))[shown]
        if rates:
            for comp in ("fixed", "sampled"):
                v = factor_v * terms(rates["phi_" + comp])
                out["rates"][f"se_{comp}.{name}"], out["rates"][f"vcov_{comp}.{name}"] = root(v), v
    out["se"] = {k: dict(zip(shown_names, v)) for k, v in out["se"].items()}
    if logit:
        out["loglik"] = (y * np.log(fitted) + (1 - y) * np.log1p(-fitted)).sum()
    else:
        tss = ((y - y.mean()) ** 2).sum()
        out["rss"], out["r2"] = u @ u, 1 - (u @ u) / tss
        out["adj_r2"] = 1 - (u @ u) / (n - k_all) / (tss / (n - 1))
    out["_"] = {"theta": theta, "vcov": vcovs, "names": names, "fe": fe, "n_x": len(names), "a_inv": a_inv, "z": z, "mu": fitted,
                "phi": (rates.get("phi_fixed"), rates.get("phi_sampled"))}
    return out


def f_test(r, cluster, which):
    """Wald/q for a set of theta positions."""
    t, v = r["_"]["theta"][which], r["_"]["vcov"][cluster][np.ix_(which, which)]
    inv, _ = inverse_spd(v)
    return {"F": t @ inv @ t / len(which), "df1": len(which), "df2": r["factors"][cluster]["G"] - 1}


def fatalities(folder):
    t = read(folder, "fatalities_laws.csv")
    published = {  # beer tax; drinking ages 18, 19, 20; drinking age; jail or service; miles; unemployment; log income
        "c1": {"beertax": ["0.36", "0.05"]}, "c2": {"beertax": ["-0.66", "0.29"]}, "c3": {"beertax": ["-0.64", "0.36"]},
        "c4": {"beertax": ["-0.45", "0.30"], "law::18": ["0.028", "0.070"], "law::19": ["-0.018", "0.050"], "law::20": ["0.032", "0.051"],
               "punish": ["0.038", "0.103"], "miles/1000": ["0.008", "0.007"], "unemp": ["-0.063", "0.013"], "log(income)": ["1.82", "0.64"]},
        "c5": {"beertax": ["-0.69", "0.35"], "law::18": ["-0.010", "0.083"], "law::19": ["-0.076", "0.068"], "law::20": ["-0.100", "0.056"],
               "punish": ["0.085", "0.112"], "miles/1000": ["0.017", "0.011"]},
        "c6": {"beertax": ["-0.46", "0.31"], "drinkage": ["-0.002", "0.021"], "punish": ["0.039", "0.103"], "miles/1000": ["0.009", "0.007"],
               "unemp": ["-0.063", "0.013"], "log(income)": ["1.79", "0.64"]},
        "c7": {"beertax": ["-0.93", "0.34"], "law::18": ["0.037", "0.102"], "law::19": ["-0.065", "0.099"], "law::20": ["-0.113", "0.125"],
               "punish": ["0.089", "0.164"], "miles/1000": ["0.124", "0.049"], "unemp": ["-0.091", "0.021"], "log(income)": ["1.00", "0.68"]},
    }
    published_f = {"c3": {"time": ["4.22", "0.002"]}, "c4": {"time": ["10.12", "<0.001"], "laws": ["0.35", "0.786"], "economy": ["29.62", "<0.001"]},
                   "c5": {"time": ["3.48", "0.006"], "laws": ["1.41", "0.253"]}, "c6": {"time": ["10.28", "<0.001"], "economy": ["31.96", "<0.001"]},
                   "c7": {"time": ["37.49", "<0.001"], "laws": ["0.42", "0.738"], "economy": ["25.20", "<0.001"]}}
    published_r2 = dict(zip(published, ["0.091", "0.889", "0.891", "0.926", "0.893", "0.926", "0.899"]))
    out = {"source": "Stock and Watson, Introduction to Econometrics, 3rd ed. (update), Table 10.1, p. 415; read in a stored copy of the "
                     "page's text whose rows are out of order, columns assigned by the known pattern. Stars there: + 10 %, * 5 %, ** 1 %. "
                     "The book's R2 row is the adjusted R2. Column 1 carries a heteroskedasticity-robust SE (se.hc1 here), "
                     "the others clustered by state. `published` = [coefficient, SE] as printed.",
           "note": "frate ~ ... ; law = floor of drinkage (18..21, reference 21); punish = jail or service is yes; "
                   "California 1988 has neither and is dropped where punish is used (n = 335); c7 keeps 1982 and 1988 only."}
    base = ["beertax"]
    eco = ["unemp", "log(income)"]
    plan = {"c1": (base, False, [], False), "c2": (base, False, ["state"], False), "c3": (base, False, ["state", "year"], False),
            "c4": (base + ["punish", "miles/1000"] + eco, True, ["state", "year"], False),
            "c5": (base + ["punish", "miles/1000"], True, ["state", "year"], False),
            "c6": (base + ["drinkage", "punish", "miles/1000"] + eco, False, ["state", "year"], False),
            "c7": (base + ["punish", "miles/1000"] + eco, True, ["state", "year"], True)}
    cells = lambda k, at: np.array([float(t[k][i]) for i in at])
    for c, (xs, law, fes, ends) in plan.items():
        at = [i for i in range(len(t["state"])) if ("punish" not in xs or (t["jail"][i] and t["service"][i]))
              and (not ends or t["year"][i] in ("1982", "1988"))]
        x = {}
        for k in xs:
            if k == "punish":
                x[k] = np.array([float(t["jail"][i] == "yes" or t["service"][i] == "yes") for i in at])
            elif k == "miles/1000":
                x[k] = cells("miles", at) / 1000
            elif k == "log(income)":
                x[k] = np.log(cells("income", at))
            else:
                x[k] = cells(k, at)
        state, year = code([t["state"][i] for i in at]), code([t["year"][i] for i in at])
        fe = {"state": state, "year": year}
        level = np.floor(cells("drinkage", at)).astype(int)
        r = fit(cells("frate", at), x, {k: fe[k] for k in fes}, ("law", level, 21) if law else None, {"state": state}, stata=True)
        r["spec"] = "frate ~ " + " + ".join((["i(law, ref=21)"] if law else []) + xs) + (" | " + " + ".join(fes) if fes else "")
        tests, names, nx = {}, r["_"]["names"], r["_"]["n_x"]
        if "year" in fes:
            tests["time"] = f_test(r, "state", list(range(nx + 1 + 47, nx + 1 + 47 + year.max())))
        if law:
            tests["laws"] = f_test(r, "state", [names.index(f"law::{k}") for k in (18, 19, 20)])
        if "unemp" in xs:
            tests["economy"] = f_test(r, "state", [names.index(k) for k in eco])
        for k, v in tests.items():
            if k in published_f.get(c, {}):
                v["published_F"], v["published_p"] = published_f[c][k]
        r["f_test"] = tests
        r["published"], r["published_r2"] = published[c], published_r2[c]
        out[c] = r
    return out


def mroz(folder):
    t = read(folder, "mroz.csv")
    x = {k: num(t[k]) for k in "nwifeinc educ exper expersq age kidslt6 kidsge6".split()}
    spec = "inlf ~ nwifeinc + educ + exper + expersq + age + kidslt6 + kidsge6"
    educ = code(t["educ"])
    out = {"mroz_lpm": {"spec": spec, **fit(num(t["inlf"]), x, clusters={"educ": educ}, stata=True)},
           "mroz_logit": {"spec": spec, **fit(num(t["inlf"]), x, clusters={"educ": educ}, logit=True, stata=True)}}
    # Average marginal effect of kidslt6 in the logit: mean mu(1-mu) * b, delta-method SE with the inverse information.
    r = out["mroz_logit"]
    s = r["_"]
    w = s["mu"] * (1 - s["mu"])
    j = s["names"].index("kidslt6")
    b, n = s["theta"][j], len(w)
    g = b * (s["z"].T @ (w * (1 - 2 * s["mu"]))) / n
    g[j] += w.mean()
    r["average_marginal_effect"] = {"kidslt6": w.mean() * b, "se_iid": np.sqrt(g @ s["a_inv"] @ g)}
    # Adjusted rates by number of young children (0, 1, 2 or more).
    kids = np.minimum(num(t["kidslt6"]), 2).astype(int)
    x2 = {k: x[k] for k in ("nwifeinc", "exper", "expersq", "age")}
    for name, logit in (("mroz_rates_lpm", False), ("mroz_rates_logit", True)):
        out[name] = {"spec": "inlf ~ i(kids, ref=0) + nwifeinc + exper + expersq + age ; kids = min(kidslt6, 2) ; cluster educ",
                     **fit(num(t["inlf"]), x2, factor=("kids", kids, 0), clusters={"educ": educ}, logit=logit)}
    out["mroz_lpm"]["published"] = {"source": "Wooldridge, Introductory Econometrics, eq. (7.29) and Table 17.1, from memory: [coef, SE iid]",
        "nwifeinc": ["-.0034", ".0014"], "educ": [".038", ".007"], "exper": [".039", ".006"], "age": ["-.016", ".002"],
        "kidslt6": ["-.262", ".034"], "kidsge6": [".013", ".013"]}
    out["mroz_logit"]["published"] = {"source": "the same, Table 17.1 (logit), from memory",
        "nwifeinc": ["-.021", ".008"], "educ": [".221", ".043"], "exper": [".206", ".032"], "age": ["-.088", ".015"],
        "kidslt6": ["-1.443", ".204"], "kidsge6": [".060", ".075"], "loglik": "-401.77"}
    return out


def petersen(folder):
    t = read(folder, "petersen.csv")
    firm, year = code(t["firm"]), code(t["year"])
    y, x = num(t["y"]), {"x": num(t["x"])}
    all_c = {"firm": firm, "year": year, "firm+year": (firm, year)}
    out = {"petersen": {"spec": "y ~ x", **fit(y, x, clusters=all_c)},
           "petersen_firm_fe": {"spec": "y ~ x | firm", **fit(y, x, {"firm": firm}, clusters={"firm": firm}, stata=True)},
           "petersen_year_fe": {"spec": "y ~ x | year", **fit(y, x, {"year": year}, clusters={"firm": firm})},
           "petersen_logit": {"spec": "(y > 0) ~ x, logit", **fit((y > 0).astype(float), x, clusters={"firm": firm}, logit=True, stata=True)}}
    out["petersen"]["published"] = {"source": "Petersen's test data page: SE of x", "coef": "1.0348", "iid": ".0286", "hc1": ".0284",
                                    "firm": ".0506", "year": ".0334", "firm+year each_own_g": ".0536"}
    return out


def mtcars(folder):
    t = read(folder, "mtcars.csv")
    am, x = num(t["am"]).astype(int), {"hp": num(t["hp"]), "wt": num(t["wt"])}
    row = np.arange(len(am))
    out = {"mtcars_lm": {"spec": "mpg ~ i(am, ref=0) + hp + wt ; cluster cyl", **fit(num(t["mpg"]), x, factor=("am", am, 0), clusters={"cyl": code(t["cyl"])})},
           "mtcars_logit": {"spec": "vs ~ i(am, ref=0) + hp + wt, logit", **fit(num(t["vs"]), x, factor=("am", am, 0), clusters={"row": row}, logit=True)}}
    # Stata's margins, vce(unconditional): linear models scale by n/(n-k), clustered by G/(G-1) (n-1)/(n-k); logit by n/(n-1).
    out["mtcars_lm"]["published"] = {"source": "Stata margins am, vce(unconditional), as quoted in the tests of R package marginaleffects; "
                                               "its data were stored in single precision, so agreement ends at about 1e-8",
        "rate": [19.244117748653977, 21.327827876469591], "se_sampled.hc1": [1.1261627856912979, 1.3306015850782165],
        "se_sampled.cyl": [3.9317960917077559, 3.3200283031968727]}
    s = out["mtcars_logit"]
    out["mtcars_logit"]["rates"]["se_sampled.n/(n-1)"] = np.sqrt(LD(32) / 31 * (s["_"]["phi"][1] ** 2).sum(axis=0))
    del s["se"]["row"], s["factors"]["row"]
    for k in [k for k in s["rates"] if k.endswith(".row")]:
        del s["rates"][k]
    out["mtcars_logit"]["published"] = {"source": "as mtcars_lm", "rate": [0.531230955273909, 0.292614213581851],
        "se_sampled.n/(n-1)": [0.089913330206317, 0.099846347930332]}
    return out


def longley(folder):
    """NIST's certified values, and the exact rational solution of the normal equations as a check of them."""
    t = read(folder, "longley.csv")
    scale = {"GNP.deflator": 1, "GNP": 1000, "Unemployed": 10, "Armed.Forces": 10, "Population": 1000, "Year": 1, "Employed": 1000}
    col = lambda k: [Fraction(v) * scale[k] for v in t[k]]  # the file is in R's units, NIST's are integers (deflator: tenths)
    xs = ["GNP.deflator", "GNP", "Unemployed", "Armed.Forces", "Population", "Year"]
    n = len(t["Year"])
    X, y = [[Fraction(1)] * n] + [col(k) for k in xs], col("Employed")
    dot = lambda a, b: sum(p * q for p, q in zip(a, b))
    m = [[dot(a, b) for b in X] + [dot(a, y)] + [Fraction(int(i == j)) for j in range(7)] for i, a in enumerate(X)]
    for i in range(7):  # Gauss-Jordan
        p = m[i][i]
        m[i] = [v / p for v in m[i]]
        for j in range(7):
            if j != i:
                f = m[j][i]
                m[j] = [a - f * b for a, b in zip(m[j], m[i])]
    b = [r[7] for r in m]
    rss = sum((yy - sum(c * x[i] for c, x in zip(b, X))) ** 2 for i, yy in enumerate(y))
    mean = sum(y) / n
    tss = sum((v - mean) ** 2 for v in y)
    s2 = rss / (n - 7)
    root = lambda f: math.sqrt(f)  # a Fraction goes to the nearest double, then a correctly rounded root
    return {"longley": {
        "spec": "Employed ~ GNP.deflator + GNP + Unemployed + Armed.Forces + Population + Year, in NIST's units (longley.csv times `units`)",
        "units": scale, "names": ["(Intercept)"] + xs,
        "certified": {
            "coef": ["-3482258.63459582", "15.0618722713733", "-0.358191792925910E-01", "-2.02022980381683", "-1.03322686717359",
                     "-0.511041056535807E-01", "1829.15146461355"],
            "se": ["890420.383607373", "84.9149257747669", "0.334910077722432E-01", "0.488399681651699", "0.214274163161675",
                   "0.226073200069370", "455.478499142212"],
            "residual_sd": "304.854073561965", "r2": "0.995479004577296", "F": "330.285339234588", "rss": "836424.055505915"},
        "exact": {"coef": [float(v) for v in b], "se": [root(m[i][8 + i] * s2) for i in range(7)], "residual_sd": root(s2),
                  "r2": float(1 - rss / tss), "F": float((tss - rss) / 6 / s2), "rss": float(rss)}}}


def grunfeld(folder):
    t = read(folder, "grunfeld.csv")
    firm, year = code(t["firm"]), code(t["year"])
    x = {"value": num(t["value"]), "capital": num(t["capital"])}
    cl = {"firm": firm, "firm+year": (firm, year)}
    return {"grunfeld_firm": {"spec": "inv ~ value + capital | firm", **fit(num(t["inv"]), x, {"firm": firm}, clusters=cl, stata=True)},
            "grunfeld_two_way": {"spec": "inv ~ value + capital | firm + year", **fit(num(t["inv"]), x, {"firm": firm, "year": year}, clusters=cl, stata=True)}}


def wagepan(folder):
    t = read(folder, "wagepan.csv")
    nr, year = code(t["nr"]), code(t["year"])
    # 545 + 8 dummies in long double is slow: take the means out exactly instead (balanced panel, two-way means).
    def out_of(v):
        v = v.astype(LD)
        mean = lambda c: np.array([v[c == g].mean() for g in range(c.max() + 1)], dtype=LD)[c]
        return v - mean(nr) - mean(year) + v.mean()
    names = ["married", "union", "expersq"]
    z, y = np.stack([out_of(num(t[k])) for k in names], axis=1), out_of(num(t["lwage"]))
    a, _ = inverse_spd(cross(z, z))
    b = a @ (z.T @ y)
    u = y - z @ b
    n, K, Kn, G = len(y), 3 + 545 + 8 - 1, 3 + 545 + 8 - 1 - 544, 545
    psi = (z * u[:, None]) @ a
    root = lambda v: dict(zip(names, np.sqrt(np.diag(v))))
    return {"wagepan": {"spec": "lwage ~ married + union + expersq | nr + year", "n": n, "coef": dict(zip(names, b)),
                        "se": {"iid": root(a * (u @ u) / (n - K)), "hc1": root(LD(n) / (n - K) * outer(None, psi)),
                               "nr": root(LD(G) / (G - 1) * LD(n - 1) / (n - Kn) * outer(nr, psi))},
                        "factors": {"iid": {"K": K}, "hc1": {"K": K}, "nr": {"K": Kn, "G": G}},
                        "published": {"source": "Wooldridge, Introductory Econometrics, Table 14.2 (fixed effects), from memory: [coef, SE]",
                                      "married": [".047", ".018"], "union": [".080", ".019"], "expersq": ["-.0052", ".0007"]}}}


def compare(folder, cases):
    """Largest relative deviation of other packages from the numbers here, where they are installed."""
    out = {}
    gap = lambda a, b: abs(float(a) / float(b) - 1)
    try:
        import pandas as pd, pyfixest as pf
        warnings.simplefilter("ignore")
        rd = lambda f: pd.read_csv(os.path.join(folder, f))
        law = rd("fatalities_laws.csv")
        law["law"] = np.floor(law.drinkage).astype(int)
        law["punish"] = ((law.jail == "yes") | (law.service == "yes")).astype(float).where(law.jail.notna())
        law["miles1"], law["logincome"] = law.miles / 1000, np.log(law.income)
        full = "beertax + punish + miles1 + unemp + logincome | state + year"
        p, g, w, m = rd("petersen.csv"), rd("grunfeld.csv"), rd("wagepan.csv"), rd("mroz.csv")
        jobs = [("fatalities.c2", law, "frate ~ beertax | state", "state"), ("fatalities.c3", law, "frate ~ beertax | state + year", "state"),
                ("fatalities.c4", law.dropna(), "frate ~ i(law, ref=21) + " + full, "state"),
                ("petersen", p, "y ~ x", "firm"), ("petersen", p, "y ~ x", "year"), ("petersen", p, "y ~ x", "firm+year"),
                ("petersen_firm_fe", p, "y ~ x | firm", "firm"), ("petersen_year_fe", p, "y ~ x | year", "firm"),
                ("grunfeld_firm", g, "inv ~ value + capital | firm", "firm"), ("grunfeld_two_way", g, "inv ~ value + capital | firm + year", "firm"),
                ("grunfeld_two_way", g, "inv ~ value + capital | firm + year", "firm+year"),
                ("wagepan", w, "lwage ~ married + union + expersq | nr + year", "nr"),
                ("mroz_lpm", m, "inlf ~ nwifeinc + educ + exper + expersq + age + kidslt6 + kidsge6", "educ")]
        rec = {"version": pf.__version__}
        for name, d, f, cl in jobs:
            r = cases
            for part in name.split("."):
                r = r[part]
            for kind, v in ((cl, {"CRV1": cl}), ("iid", "iid"), ("hc1", "HC1")):
                fitm = pf.feols(f, d, vcov=v, fixef_rm="none", fixef_tol=1e-13)
                pick = {k: c for k, c in r["coef"].items()}
                order = list(pick)
                rec[f"{name} {kind}"] = {"coef": max(gap(a, pick[k]) for a, k in zip(fitm.coef().to_numpy(), order)),
                                         "se": max(gap(a, r["se"][kind][k]) for a, k in zip(fitm.se().to_numpy(), order))}
        out["pyfixest"] = rec
    except ImportError:
        pass
    try:
        import pandas as pd, statsmodels, statsmodels.api as sm
        m = pd.read_csv(os.path.join(folder, "mroz.csv"))
        X = sm.add_constant(m["nwifeinc educ exper expersq age kidslt6 kidsge6".split()])
        lg = sm.Logit(m.inlf, X).fit(disp=0, method="newton", tol=1e-14, maxiter=100)
        cl = sm.Logit(m.inlf, X).fit(disp=0, method="newton", tol=1e-14, maxiter=100, cov_type="cluster", cov_kwds={"groups": m.educ})
        r = cases["mroz_logit"]
        order = ["(Intercept)"] + list(X.columns[1:])
        ame = lg.get_margeff()
        j = list(X.columns[1:]).index("kidslt6")
        out["statsmodels"] = {"version": statsmodels.__version__,
            "mroz_logit": {"coef": max(gap(a, r["coef"][k]) for a, k in zip(lg.params, order)), "se iid": max(gap(a, r["se"]["iid"][k]) for a, k in zip(lg.bse, order)),
                           "se educ": max(gap(a, r["se"]["educ"][k]) for a, k in zip(cl.bse, order)),
                           "ame": gap(ame.margeff[j], r["average_marginal_effect"]["kidslt6"]), "ame se": gap(ame.margeff_se[j], r["average_marginal_effect"]["se_iid"])}}
    except ImportError:
        pass
    try:
        import pandas as pd, linearmodels
        from linearmodels.panel import PanelOLS
        g = pd.read_csv(os.path.join(folder, "grunfeld.csv")).set_index(["firm", "year"])
        f = PanelOLS(g.inv, g[["value", "capital"]], entity_effects=True, time_effects=True).fit()
        r = cases["grunfeld_two_way"]
        out["linearmodels"] = {"version": linearmodels.__version__, "grunfeld_two_way": {
            "coef": max(gap(f.params[k], r["coef"][k]) for k in r["coef"]), "se iid": max(gap(f.std_errors[k], r["se"]["iid"][k]) for k in r["coef"])}}
    except ImportError:
        pass
    if shutil.which("Rscript"):
        j = json.loads(subprocess.run(["Rscript", os.path.join(HERE, "oracles.R"), folder], capture_output=True, text=True, check=True).stdout)
        out["R"] = {"versions": j["about"]}
        name = {"Intercept": "(Intercept)", "I(miles/1000)": "miles/1000", "Imiles/1000": "miles/1000", "logincome": "log(income)",
                "law18": "law::18", "law19": "law::19", "law20": "law::20", "age": "drinkage"}
        big = lambda theirs, ours: max(gap(v, ours[name.get(k, k)]) for k, v in theirs.items())
        p, r = j["petersen"], cases["petersen"]
        out["R"]["petersen"] = {k: big(p[a], r["se"][k]) for k, a in (("iid", "iid"), ("hc1", "hc1"), ("firm", "firm"), ("year", "year"),
                                                                     ("firm+year each_own_g", "two_way_each_own_g"))}
        for c, v in j["fatalities"].items():
            o = cases["fatalities"][c]
            assert o["n"] == v["n"]
            out["R"]["fatalities." + c] = {"coef": big(v["coef"], o["coef"]), "se hc1": big({k: x for k, x in v["se_hc1"].items()}, o["se"]["hc1"]),
                                          "se state_stata": big(v["se_state_all_dummies_counted"], o["se"]["state_stata"]), "adj_r2": gap(v["adj_r2"], o["adj_r2"])}
        out["R"]["grunfeld_two_way"] = {"coef": big(j["grunfeld"]["coef"], cases["grunfeld_two_way"]["coef"]),
                                        "se iid": big(j["grunfeld"]["iid"], cases["grunfeld_two_way"]["se"]["iid"])}
        # Bias-reduced and jackknife standard errors of Petersen's data: R's own values (15 digits).
        cases["petersen"]["clubSandwich"] = {k: {name.get(q, q): x for q, x in v.items()} for k, v in p.items() if k[:2] in ("cr", "cv")}
        cases["petersen"]["clubSandwich"]["note"] = "cr2 / cr3 as clubSandwich prints them (no factor); cv3 = cr3 variance times (G-1)/G, the exact delete-one-cluster jackknife"
    return out


def strip(v):
    return {k: strip(x) for k, x in v.items() if k != "_"} if isinstance(v, dict) else v


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--data", default=os.path.join(HERE, "..", "data"))
    a.add_argument("--out", default=os.path.join(HERE, "public.json"))
    a = a.parse_args()
    cases = {"fatalities": fatalities(a.data), **mroz(a.data), **petersen(a.data), **mtcars(a.data), **longley(a.data), **grunfeld(a.data), **wagepan(a.data)}
    compared = compare(a.data, cases)
    with open(a.out, "w") as f:
        f.write(dump(plain(strip({"about": {"script": "public.py", "arithmetic": "80-bit long double, printed as the nearest double"},
                                  "definitions": DEFINITIONS, "cases": cases, "compared": compared}))) + "\n")
    print(json.dumps(plain(compared), indent=1))


if __name__ == "__main__":
    main()
