"""NIST's Statistical Reference Datasets: certified values, checked in exact arithmetic, and the digits other programs get.

    python3 nist.py          writes nist.json

The certified values of the analyses of variance, Norris and Longley are those in the headers of NIST's files; those of the
other regressions are quoted from NIST's pages below. Every regression is solved again in rational arithmetic from the data,
and the script stops unless all certified digits agree, which proves data and values at once.

LRE is the log relative error -log10 |x - c| / |c|, or -log10 |x| where c is zero (McCullough 1998), capped at 15 digits,
the precision of the certified values; the smallest over the coefficients (standard errors). "attainable" is the LRE of the
exact solution for the doubles nearest to the data: a program has more only by luck.
"""
import csv, json, math, os, shutil, subprocess
from decimal import Decimal, getcontext
from fractions import Fraction

getcontext().prec = 50
HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "data")
ONE = ["1.00000000000000"] * 6
ZERO = ["0"] * 6

# set: degree of the polynomial (0: no intercept; -1: several regressors), coefficients, errors, residual SD, R2, F
CERTIFIED = {
    "Norris": (1, ["-0.262323073774029", "1.00211681802045"], ["0.232818234301152", "0.429796848199937E-03"],
               "0.884796396144373", "0.999993745883712", "5436385.54079785"),
    "Pontius": (2, ["0.673565789473684E-03", "0.732059160401003E-06", "-0.316081871345029E-14"],
                ["0.107938612033077E-03", "0.157817399981659E-09", "0.486652849992036E-16"],
                "0.205177424076185E-03", "0.999999900178537", "185330865.995752"),
    "NoInt1": (0, ["2.07438016528926"], ["0.165289256198347E-01"], "3.56753034006338", "0.999365492298663", "15750.2500000000"),
    "NoInt2": (0, ["0.727272727272727"], ["0.420827318078432E-01"], "0.369274472937998", "0.993348115299335", "298.666666666667"),
    "Filip": (10, ["-1467.48961422980", "-2772.17959193342", "-2316.37108160893", "-1127.97394098372", "-354.478233703349",
                   "-75.1242017393757", "-10.8753180355343", "-1.06221498588947", "-0.670191154593408E-01",
                   "-0.246781078275479E-02", "-0.402962525080404E-04"],
              ["298.084530995537", "559.779865474950", "466.477572127796", "227.204274477751", "71.6478660875927",
               "15.2897178747400", "2.23691159816033", "0.221624321934227", "0.142363763154724E-01", "0.535617408889821E-03",
               "0.896632837373868E-05"], "0.334801051324544E-02", "0.996727416185620", "2162.43954511489"),
    "Longley": (-1, ["-3482258.63459582", "15.0618722713733", "-0.358191792925910E-01", "-2.02022980381683", "-1.03322686717359",
                     "-0.511041056535807E-01", "1829.15146461355"],
                ["890420.383607373", "84.9149257747669", "0.334910077722432E-01", "0.488399681651699", "0.214274163161675",
                 "0.226073200069370", "455.478499142212"], "304.854073561965", "0.995479004577296", "330.285339234588"),
    "Wampler1": (5, ONE, ZERO, "0", "1.00000000000000", None),
    "Wampler2": (5, ["1.00000000000000", "0.100000000000000", "0.100000000000000E-01", "0.100000000000000E-02",
                     "0.100000000000000E-03", "0.100000000000000E-04"], ZERO, "0", "1.00000000000000", None),
    "Wampler3": (5, ONE, ["2152.32624678170", "2363.55173469681", "779.343524331583", "101.475507550350", "5.64566512170752",
                          "0.112324854679312"], "2360.14502379268", "0.999995559025820", "675524.458240122"),
    "Wampler4": (5, ONE, ["215232.624678170", "236355.173469681", "77934.3524331583", "10147.5507550350", "564.566512170752",
                          "11.2324854679312"], "236014.502379268", "0.957478440825662", "67.5524458240122"),
    "Wampler5": (5, ONE, ["21523262.4678170", "23635517.3469681", "7793435.24331583", "1014755.07550350", "56456.6512170752",
                          "1123.24854679312"], "23601450.2379268", "0.224668921574940E-02", "6.75524458240122E-03"),
}
# Simon and LeSage's generated analyses of variance: treatments of 21, 201 or 2001 rows about a constant; the first row of a
# treatment is its mean, the others alternate a tenth below and above
PATTERN = [4, 3, 5, 3, 5, 3, 5, 3, 5]
SMLS = {"SmLs0%d" % (3 * size + rows + 1): (constant, replicates)
        for size, constant in enumerate((1, 10 ** 6, 10 ** 12)) for rows, replicates in enumerate((21, 201, 2001))}
# F and R2 from the headers of NIST's files; the residual SD is 0.1 in all
SMLS_CERTIFIED = {21: ("21.0000000000000", "0.482758620689655"), 201: ("201.000000000000", "0.471830985915493"),
                  2001: ("2001.00000000000", "0.470712773465067")}
LONGLEY = {"GNP.deflator": 1, "GNP": 1000, "Unemployed": 10, "Armed.Forces": 10, "Population": 1000, "Year": 1}


def regression(name):
    """Regressor names, columns (with the constant, if any) and outcome as fractions."""
    degree = CERTIFIED[name][0]
    if name == "Longley":
        rows = list(csv.DictReader(open(os.path.join(DATA, "longley.csv"))))
        cols = [[Fraction(r[k]) * u for r in rows] for k, u in LONGLEY.items()]
        return [[Fraction(1)] * len(rows)] + cols, [Fraction(r["Employed"]) * 1000 for r in rows]
    if name == "Norris":
        lines = open(os.path.join(DATA, "nist", "Norris.dat")).read().splitlines()[60:96]
        pairs = [line.split() for line in lines]
    else:
        pairs = [line.split(",") for line in open(os.path.join(DATA, "nist", name + ".csv")).read().split()[1:]]
    y, x = [Fraction(p[0]) for p in pairs], [Fraction(p[1]) for p in pairs]
    powers = range(degree + 1) if degree else [1]
    return [[v ** k for v in x] for k in powers], y


def root(f):
    return (Decimal(f.numerator) / Decimal(f.denominator)).sqrt()


def exact(X, y, constant):
    """Coefficients, errors, residual SD, R2 and F as fractions and 50-digit decimals."""
    k, n = len(X), len(y)
    dot = lambda a, b: sum(p * q for p, q in zip(a, b))
    m = [[dot(a, b) for b in X] + [dot(a, y)] + [Fraction(int(i == j)) for j in range(k)] for i, a in enumerate(X)]
    for i in range(k):
        p = m[i][i]
        m[i] = [v / p for v in m[i]]
        for j in range(k):
            if j != i and m[j][i]:
                f = m[j][i]
                m[j] = [a - f * b for a, b in zip(m[j], m[i])]
    b = [r[k] for r in m]
    rss = sum((v - sum(c * x[i] for c, x in zip(b, X))) ** 2 for i, v in enumerate(y))
    mean = sum(y) / n if constant else 0
    tss = sum((v - mean) ** 2 for v in y)
    s2 = rss / (n - k)
    q = k - int(constant)
    return b, [root(m[i][k + 1 + i] * s2) for i in range(k)], root(s2), 1 - rss / tss, (tss - rss) / q / s2 if s2 else None


def digits(value):
    return Decimal(value.numerator) / Decimal(value.denominator) if isinstance(value, Fraction) else value


def attainable(e, coef, se, sigma, r2, f):
    """Digits of an exact solution for the doubles nearest to the data, with powers rounded to doubles."""
    return {"coef": min(lre(digits(a), b) for a, b in zip(e[0], coef)), "se": min(lre(digits(a), b) for a, b in zip(e[1], se)),
            "sigma": lre(e[2], sigma), "r2": lre(digits(e[3]), r2), "f": lre(digits(e[4]), f) if f else None}


def agrees(value, certified):
    """Whether a value is a certified one to its last printed digit."""
    value, c = digits(value), Decimal(certified)
    if c == 0:
        return value == 0
    return abs(value - c) <= Decimal("0.51") * Decimal(10) ** (c.adjusted() - 14)


def anova(path):
    """Groups, outcomes and certified F, R2 and residual SD of a one-way analysis of variance."""
    lines = open(path).read().splitlines()
    f = next(line.split()[-1] for line in lines if line.startswith("Between"))
    r2 = next(line.split()[-1] for line in lines if "R-Squared" in line)
    at = next(i for i, line in enumerate(lines) if "Standard Deviation" in line)
    sd = lines[at].split()[-1]
    start = next(i for i, line in enumerate(lines) if line.startswith("Data:") and i > 40)
    pairs = [line.split() for line in lines[start + 1:] if len(line.split()) == 2]
    return [p[0] for p in pairs], [p[1] for p in pairs], f, r2, sd


def simon_lesage(name):
    constant, replicates = SMLS[name]
    tenths = [(t, m + (0 if r == 0 else -1 if r % 2 else 1)) for t, m in enumerate(PATTERN) for r in range(replicates)]
    f, r2 = SMLS_CERTIFIED[replicates]
    return [str(t + 1) for t, _ in tenths], ["%d.%d" % (constant, v) for _, v in tenths], f, r2, "0.100000000000000"


def check_anova(name, g, y, f, r2, sd, doubles=False):
    """Solves an analysis of variance in rational arithmetic, for the data or the doubles nearest to them."""
    y = [Fraction(float(v)) if doubles else Fraction(v) for v in y]
    groups = {}
    for k, v in zip(g, y):
        groups.setdefault(k, []).append(v)
    mean = sum(y) / len(y)
    between = sum(len(v) * (sum(v) / len(v) - mean) ** 2 for v in groups.values())
    rss = sum((a - m) ** 2 for v in groups.values() for m in [sum(v) / len(v)] for a in v)
    s2 = rss / (len(y) - len(groups))
    found = (between / (len(groups) - 1) / s2, f), (between / (between + rss), r2), (root(s2), sd)
    if not doubles:
        assert all(agrees(ours, certified) for ours, certified in found), (name, found)
    return dict(zip(("f", "r2", "sigma"), (lre(digits(ours), certified) for ours, certified in found)))


def lre(x, c):
    if not isinstance(x, Decimal):
        x = float(x)
        if not math.isfinite(x):
            return 0.0
    x, c = Decimal(x), Decimal(str(c))
    error = abs(x - c) / abs(c) if c else abs(x)
    return 15.0 if error == 0 else max(0.0, min(15.0, -float(error.log10())))


def worst(got, certified):
    if len(got) != len(certified):
        return 0.0
    return min(lre(a, b) for a, b in zip(got, certified))


def peers(sets, analyses):
    out = {}
    try:
        import numpy as np, statsmodels, statsmodels.api as sm
        rec = {}
        for name, s in sets.items():
            X, y = regression(name)
            degree = CERTIFIED[name][0]
            xs = [np.array([float(v) for v in col]) for col in X]
            if degree > 1:  # powers formed in floating point, as a user's formula forms them
                x = xs[1]
                xs = [x ** k for k in range(degree + 1)]
            fit = sm.OLS(np.array([float(v) for v in y]), np.stack(xs, axis=1)).fit()
            rec[name] = {"coef": worst(fit.params, s["coef"]), "se": worst(fit.bse, s["se"]), "sigma": lre(math.sqrt(fit.mse_resid), s["sigma"]),
                         "r2": lre(fit.rsquared, s["r2"]), "f": lre(fit.fvalue, s["f"]) if s["f"] else None}
        for name, s in analyses.items():
            g, y = np.array(s["group"]), np.array([float(v) for v in s["y"]])
            X = np.stack([np.ones(len(y))] + [(g == k).astype(float) for k in sorted(set(g))[1:]], axis=1)
            fit = sm.OLS(y, X).fit()
            rec[name] = {"f": lre(fit.fvalue, s["f"]), "r2": lre(fit.rsquared, s["r2"]), "sigma": lre(math.sqrt(fit.mse_resid), s["sigma"])}
        out["statsmodels"] = {"version": statsmodels.__version__, "digits": rec}
    except ImportError:
        pass
    if shutil.which("Rscript"):
        script = ["say <- function(name, key, v) cat(name, key, paste(sprintf('%.17g', v), collapse = ' '), '\\n')"]
        for name, s in sets.items():
            X, y = regression(name)
            degree = CERTIFIED[name][0]
            vec = lambda v: "c(" + ",".join(repr(float(a)) for a in v) + ")"
            script.append(f"y <- {vec(y)}")
            if degree == -1:
                names = [f"x{i}" for i in range(1, len(X))]
                script += [f"{k} <- {vec(col)}" for k, col in zip(names, X[1:])]
                form = " + ".join(names)
            else:
                script.append(f"x <- {vec(X[1] if degree else X[0])}")
                form = " + ".join(["x"] + [f"I(x^{k})" for k in range(2, degree + 1)]) if degree else "0 + x"
            script.append(f"m <- lm(y ~ {form}); s <- suppressWarnings(summary(m)); say('{name}', 'coef', coef(m)[!is.na(coef(m))])")
            script.append(f"say('{name}', 'se', s$coefficients[, 2]); say('{name}', 'sigma', s$sigma); say('{name}', 'r2', s$r.squared); say('{name}', 'f', s$fstatistic[1])")
            if name == "Filip":
                script.append(f"m <- lm(y ~ {form}, tol = 1e-10); s <- summary(m); say('Filip_tol', 'coef', coef(m)); say('Filip_tol', 'se', s$coefficients[, 2])")
                script.append("say('Filip_tol', 'sigma', s$sigma); say('Filip_tol', 'r2', s$r.squared); say('Filip_tol', 'f', s$fstatistic[1])")
        for name, s in analyses.items():
            script.append(f"y <- c({','.join(s['y'])}); g <- factor(c({','.join(s['group'])})); m <- lm(y ~ g); s <- summary(m)")
            script.append(f"say('{name}', 'f', s$fstatistic[1]); say('{name}', 'r2', s$r.squared); say('{name}', 'sigma', s$sigma)")
        script.append("cat('version', paste(R.version$major, R.version$minor, sep = '.'), '\\n')")
        text = subprocess.run(["Rscript", "-"], input="\n".join(script), capture_output=True, text=True, check=True).stdout
        rec, version = {}, ""
        for line in text.splitlines():
            part = line.split()
            if part[0] == "version":
                version = part[1]
                continue
            name, key, values = part[0], part[1], part[2:]
            c = {**sets, **analyses}[name.replace("_tol", "")][key]
            got = rec.setdefault(name, {})
            got[key] = None if c is None else worst(values, c) if isinstance(c, list) else lre(values[0], c)
        out["R"] = {"version": version, "digits": rec}
    return out


def main():
    sets = {}
    for name, (degree, coef, se, sigma, r2, f) in CERTIFIED.items():
        X, y = regression(name)
        e = exact(X, y, degree != 0)
        for ours, certified in list(zip(e[0], coef)) + list(zip(e[1], se)) + [(e[2], sigma), (e[3], r2)] + ([(e[4], f)] if f else []):
            assert agrees(ours, certified), (name, digits(ours), certified)
        terms = "GNP.deflator GNP Unemployed Armed.Forces Population Year".split() if degree == -1 else ["x"] + [f"I(x^{k})" for k in range(2, degree + 1)]
        sets[name] = {"formula": "y ~ " + ("0 + x" if degree == 0 else " + ".join(terms)), "coef": coef, "se": se, "sigma": sigma, "r2": r2, "f": f,
                      "n": len(y), "parameters": len(coef)}
        double = [[Fraction(float(v)) for v in column] for column in X]
        if degree > 1:
            double = [[Fraction(float(v) ** k) for v in double[1]] for k in range(degree + 1)]
        sets[name]["attainable"] = attainable(exact(double, [Fraction(float(v)) for v in y], degree != 0), coef, se, sigma, r2, f)
        if degree > 1:  # how much of the last term is left beside the others, relative to its length about the mean
            gap = exact(X[:-1], X[-1], True)
            sets[name]["last_term_left"] = float(root(1 - gap[3]))
    analyses = {}
    for name in ["SiRstv", "AtmWtAg"] + list(SMLS):
        path = os.path.join(DATA, "nist", name + ".dat")
        if name in SMLS:
            g, y, f, r2, sd = simon_lesage(name)
            if os.path.exists(path):  # NIST's own copy of some of them
                own = anova(path)
                assert (own[0], own[1]) == (g, y) and all(Decimal(a) == Decimal(b) for a, b in zip(own[2:], (f, r2, sd))), name
        else:
            g, y, f, r2, sd = anova(path)
        check_anova(name, g, y, f, r2, sd)
        analyses[name] = {"group": g, "y": y, "f": f, "r2": r2, "sigma": sd,
                          "attainable": check_anova(name, g, y, f, r2, sd, doubles=True)}
    found = peers(sets, analyses)
    for s in analyses.values():
        s["n"], s["groups"] = len(s.pop("y")), len(set(s.pop("group")))
    about = {"script": "nist.py", "lre": "smallest -log10 relative error over the numbers of a kind, at most 15"}
    with open(os.path.join(HERE, "nist.json"), "w") as out:
        json.dump({"about": about, "regressions": sets, "analyses": analyses, "peers": found}, out, indent=1)
        out.write("\n")


if __name__ == "__main__":
    main()
