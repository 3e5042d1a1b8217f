"""Reference results on more textbook data -> textbook.json.

usage: python textbook.py [--data DIR] [--out FILE]

As public.py: full dummy expansion in 80-bit floats under the rule stated there. `published` are values of books and other
software, `cross` those found once with R (plm, AER, clubSandwich's dummies) or pyfixest; the script stops if they do not agree.
"""
import argparse, json, os
import numpy as np
from brute import HERE, code, dump, plain
from public import DEFINITIONS, fit, num, read, strip


def near(what, value, expected, digits):
    """Agreement in `digits` significant digits, or to half a unit of the last printed one."""
    assert abs(float(value) - expected) <= 0.6 * 10.0 ** (np.floor(np.log10(abs(expected))) - digits + 1), (what, value, expected)


def check(case, id, coef=(), se=()):
    for name, expected, digits in coef:
        near((id, name), case["coef"][name], expected, digits)
    for kind, name, expected, digits in se:
        near((id, kind, name), case["se"][kind][name], expected, digits)
    return {id: case}


def produc(folder):
    """Munnell's production function, state effects."""
    t = read(folder, "produc.csv")
    log = lambda k: np.log(num(t[k]))
    state = code(t["state"])
    x = {"log(pcap)": log("pcap"), "log(pc)": log("pc"), "log(emp)": log("emp"), "unemp": num(t["unemp"])}
    r = {"spec": "log(gsp) ~ log(pcap) + log(pc) + log(emp) + unemp | state", **fit(log("gsp"), x, {"state": state}, clusters={"state": state})}
    return check(r, "produc", [("log(pcap)", -.02614965359468, 10), ("log(pc)", .29200692508425, 10), ("log(emp)", .76815947259891, 10),
                               ("unemp", -.00529774125954, 10)], [("iid", "log(pcap)", .029001575465498, 10)])


def jtrain(folder):
    """Job training grants and scrap rates, firm effects and years: 54 firms with three years each."""
    t = read(folder, "jtrain.csv")
    firm, year = code(t["fcode"]), code(t["year"])
    x = {"grant": num(t["grant"]), "grant_1": num(t["grant_1"])}
    r = {"spec": "lscrap ~ grant + grant_1 | fcode + year", **fit(num(t["lscrap"]), x, {"fcode": firm, "year": year}, clusters={"fcode": firm})}
    r["published"] = {"source": "Wooldridge, Introductory Econometrics, Table 14.1: [coef, SE]", "grant": ["-.252", ".151"], "grant_1": ["-.422", ".210"]}
    return check(r, "jtrain", [("grant", -.2523148738, 10), ("grant_1", -.4215895085, 10)],
                 [("iid", "grant", .1506289944, 10), ("iid", "grant_1", .2101999644, 10), ("fcode", "grant", .1434398542, 10),
                  ("fcode", "grant_1", .2824603894, 10)])


def crime4(folder):
    """Crime in North Carolina, county effects and years."""
    t = read(folder, "crime4.csv")
    county, year = code(t["county"]), code(t["year"])
    x = {k: num(t[k]) for k in ("lprbarr", "lprbconv", "lprbpris", "lavgsen", "lpolpc")}
    r = {"spec": "lcrmrte ~ lprbarr + lprbconv + lprbpris + lavgsen + lpolpc | county + year",
         **fit(num(t["lcrmrte"]), x, {"county": county, "year": year}, clusters={"county": county})}
    return check(r, "crime4", [("lprbarr", -.3597944045, 10)], [("iid", "lprbarr", .0324191915, 9), ("county", "lprbarr", .0594677997, 9)])


def star(folder):
    """Class size and reading in kindergarten, school effects."""
    t = read(folder, "star.csv")
    school = code(t["school"])
    level = np.array([["regular", "small", "regular+aide"].index(v) for v in t["class"]])
    r = fit(num(t["read"]), {}, {"school": school}, factor=("class", level, 0), clusters={"school": school})
    names = {"class::1": "class::small", "class::2": "class::regular+aide"}
    r["coef"] = {names[k]: v for k, v in r["coef"].items()}
    r["se"] = {kind: {names[k]: v for k, v in values.items()} for kind, values in r["se"].items()}
    r["spec"] = "read ~ i(class, ref = regular) | school"
    r.pop("rates")
    return check(r, "star", [("class::small", 6.57006932862, 10)], [("school", "class::small", 1.69840953390, 11)])  # sandwich::vcovCL HC0 times the factor with K = 3


def castle(folder):
    """Castle doctrine and homicides, state effects and years; by population too, as the published analysis."""
    t = read(folder, "castle.csv")
    sid, year = code(t["sid"]), code(t["year"])
    y, post, w = num(t["l_homicide"]), num(t["post"]), num(t["popwt"])
    r = {"spec": "l_homicide ~ post | sid + year", **fit(y, {"post": post}, {"sid": sid, "year": year}, clusters={"sid": sid})}
    # weights: the same with every row multiplied by the root of its weight, dummies written out
    dummies = lambda c: (c[:, None] == np.arange(1, c.max() + 1)).astype(np.longdouble)
    z = np.concatenate([post[:, None], np.ones((len(y), 1)), dummies(sid), dummies(year)], axis=1).astype(np.longdouble)
    from brute import cross, inverse_spd
    w = w.astype(np.longdouble)
    a, _ = inverse_spd(cross(z, z * w[:, None]))
    theta = a @ (z.T @ (w * y))
    for _ in range(3):
        theta = theta + a @ (z.T @ (w * (y - z @ theta)))
    u = w * (y - z @ theta)
    psi = (z * u[:, None]) @ a[:, 0]
    sums = np.array([psi[sid == g].sum() for g in range(sid.max() + 1)])
    n, G, K = len(y), sid.max() + 1, 1 + 1 + (year.max() + 1) - 1
    se = np.sqrt(np.longdouble(G) / (G - 1) * np.longdouble(n - 1) / (n - K) * (sums ** 2).sum())
    weighted = {"spec": r["spec"] + " ; weights popwt", "n": n, "coef": {"post": theta[0]}, "se": {"sid": {"post": se}}}
    return {**check(r, "castle", [("post", .06939843, 7)], [("sid", "post", .05585964, 7)]),
            **check(weighted, "castle_weighted", [("post", .07553324, 7)], [("sid", "post", .03319361, 7)])}


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--data", default=os.path.join(HERE, "..", "data"))
    a.add_argument("--out", default=os.path.join(HERE, "textbook.json"))
    a = a.parse_args()
    cases = {}
    for make in (produc, jtrain, crime4, star, castle):
        cases.update(make(a.data))
    with open(a.out, "w") as f:
        f.write(dump(plain(strip({"about": {"script": "textbook.py", "arithmetic": "80-bit long double, printed as the nearest double"},
                                  "definitions": DEFINITIONS, "cases": cases}))) + "\n")


if __name__ == "__main__":
    main()
