"""Distribution tails and quantiles to 20 digits with mpmath -> distributions.json.

usage: python distributions.py [--out FILE]

Tails come from the regularised incomplete beta and gamma functions at 55 digits; quantiles from bisection-safeguarded Newton
steps on the log tail, each checked by evaluating its tail again. Arguments that are not exact in binary are the nearest doubles.
"""
import argparse, json, os
from mpmath import mp, mpf, erfc, gammainc, log, exp, sqrt, pi, loggamma, nstr

mp.dps = 55
DF = [1, 2, 3, 4.5, 5, 9, 10, 29, 30, 100, 299, 1000, 1e4, 3e4, 1e5, 232350, 234750, 1e6, 1e7, 1e8]
T = [0, 1e-8, 0.1, 0.5, 1, 1.959963984540054, 2.5, 5, 10, 37, 100]
P = [0.5, 0.25, 0.1, 0.05, 0.025, 0.005, 1e-6, 1e-9, 1e-15, 1e-100, 1e-300]
CHI_DF = [1, 2, 3, 4, 5, 10, 29, 30, 100, 1000, 1e4]
CHI_X = [1e-10, 0.01, 0.5, 1, 3.841458820694124, 5, 10, 50, 100, 1000]
F_DF1 = [1, 2, 3, 4, 6, 10]
F_DF2 = [3, 9, 30, 47, 499, 5813, 234750]
F_X = [1e-6, 0.35, 1, 2.5, 4.22, 10.12, 37.49, 200]


def beta_tail(x, xc, a, b):
    """I_x(a, b) for x below the mean: the classical continued fraction (modified Lentz), which converges fast on that side even
    for a = 5e7. Its terms alternate, but the fraction itself does not cancel."""
    tiny, eps = mpf(10) ** -300, mpf(10) ** (5 - mp.dps)
    c, d = mpf(1), 1 - (a + b) * x / (a + 1)
    d = 1 / (d if d else tiny)
    h, m = d, 0
    while True:
        m += 1
        for num in (m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))):
            d = 1 + num * d
            c = 1 + num / c
            d, c = 1 / (d if d else tiny), c if c else tiny
            h *= d * c
        if abs(d * c - 1) < eps:
            break
        assert m < 500_000
    return exp(a * log(x) + b * log(xc) + loggamma(a + b) - loggamma(a) - loggamma(b)) / a * h


def ibeta(x, xc, a, b):
    """I_x(a, b), xc = 1 - x given apart so that it is not rounded. Uses the side where the fraction converges fast."""
    if x == 0:
        return mpf(0)
    if xc == 0:
        return mpf(1)
    return beta_tail(x, xc, a, b) if x < (a + 1) / (a + b + 2) else 1 - beta_tail(xc, x, b, a)


def t_tail(t, df):
    t, df = mpf(t), mpf(df)
    if t == 0:
        return mpf(1) / 2
    s = df + t * t
    return ibeta(df / s, t * t / s, df / 2, mpf(1) / 2) / 2


def t_log_density(t, df):
    t, df = mpf(t), mpf(df)
    return loggamma((df + 1) / 2) - loggamma(df / 2) - log(df * pi) / 2 - (df + 1) / 2 * log(1 + t * t / df)


def normal_tail(x):
    return erfc(mpf(x) / sqrt(mpf(2))) / 2


def chi2_tail(x, df):
    x, a = mpf(x) / 2, mpf(df) / 2
    return gammainc(a, x, regularized=True)


def f_tail(x, d1, d2):
    x, d1, d2 = mpf(x), mpf(d1), mpf(d2)
    s = d1 * x + d2
    return ibeta(d2 / s, d1 * x / s, d2 / 2, d1 / 2)


def invert(tail, log_density, p, low, high):
    """x with tail(x) = p, on the log scale, in a bracket. Newton on log tail as a function of x, halving where it leaves the bracket."""
    p = mpf(p)
    while tail(high) > p:
        low, high = high, high * 4 + 1
    x = (low + high) / 2
    for _ in range(400):
        value = tail(x)
        if value > p:
            low = x
        else:
            high = x
        step = (log(value) - log(p)) * value / exp(log_density(x))
        new = x + step
        if not (low < new < high):
            new = (low + high) / 2 if low == 0 or high / max(low, mpf(10) ** -40) < 4 else sqrt(low * high)
        if abs(new - x) <= abs(new) * mpf(10) ** -32:
            x = new
            break
        x = new
    assert abs(tail(x) / p - 1) < mpf(10) ** -26, (x, p)
    return x


def digits(v):
    return nstr(v, 20, strip_zeros=False) if v else "0"


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "distributions.json"))
    a = a.parse_args()
    out = {"about": {"script": "distributions.py", "values": "decimal strings, 20 significant digits; p and quantiles refer to the UPPER tail; values below 2.2e-308 underflow in doubles",
                     "rows": "t_tail: [t, df, p]; t_quantile: [p, df, t]; normal_tail: [x, p]; normal_quantile: [p, x]; chi2_tail: [x, df, p]; "
                             "chi2_quantile: [p, df, x]; f_tail: [x, df1, df2, p]; f_quantile: [p, df1, df2, x]"}}
    normal_density = lambda x: -x * x / 2 - log(2 * pi) / 2
    out["t_tail"] = [[t, df, digits(t_tail(t, df))] for df in DF for t in T]
    out["normal_tail"] = [[x, digits(normal_tail(x))] for x in T[:-1] + [38.4, -1, -5, -10]]
    out["normal_quantile"] = [[p, digits(invert(normal_tail, normal_density, p, mpf(0), mpf(40)) if p != 0.5 else mpf(0))] for p in P]
    out["t_quantile"] = []
    for df in DF:
        for p in P:
            # Bracket: Student's quantile lies above the normal one; a power law bounds it for few degrees of freedom.
            q = mpf(0) if p == 0.5 else invert(lambda t: t_tail(t, df), lambda t: t_log_density(t, df), p, mpf(0), mpf(8))
            out["t_quantile"].append([p, df, digits(q)])
        print("t", df, flush=True)
    out["chi2_tail"] = [[x, df, digits(v)] for df in CHI_DF for x in CHI_X if (v := chi2_tail(x, df)) > mpf(10) ** -307]
    chi_density = lambda x, df: (mpf(df) / 2 - 1) * log(x) - x / 2 - mpf(df) / 2 * log(mpf(2)) - loggamma(mpf(df) / 2)
    out["chi2_quantile"] = [[p, df, digits(invert(lambda x: chi2_tail(x, df), lambda x: chi_density(x, df), p, mpf(0), mpf(df) + 10))]
                            for df in CHI_DF for p in [0.95, 0.5, 0.1, 0.05, 0.01, 1e-6, 1e-15]]
    print("chi2", flush=True)

    def f_density(x, d1, d2):
        d1, d2 = mpf(d1), mpf(d2)
        return (loggamma((d1 + d2) / 2) - loggamma(d1 / 2) - loggamma(d2 / 2) + d1 / 2 * log(d1 / d2) + (d1 / 2 - 1) * log(x)
                - (d1 + d2) / 2 * log(1 + d1 * x / d2))
    out["f_tail"] = [[x, d1, d2, digits(f_tail(x, d1, d2))] for d1 in F_DF1 for d2 in F_DF2 for x in F_X]
    # as far out as doubles go, and with more restrictions and clusters than the grids above
    out["chi2_far_tail"] = [[x, df, digits(v)] for df in [1, 2, 4, 15, 200] for x in [300, 700, 920, 1300, 1400] if mpf(10) ** -300 < (v := chi2_tail(x, df))]
    out["f_far_tail"] = [[x, d1, d2, digits(v)] for d1 in [2, 3, 5, 25, 200] for d2 in [1, 2, 5.5, 12, 999, 232350, 1e8]
                         for x in [0.2, 0.9, 0.999, 1.001, 1.1, 6, 40, 230, 1000, 1e30] if mpf(10) ** -300 < (v := f_tail(x, d1, d2))]
    out["f_quantile"] = [[p, d1, d2, digits(invert(lambda x: f_tail(x, d1, d2), lambda x: f_density(x, d1, d2), p, mpf(0), mpf(4)))]
                         for d1 in F_DF1 for d2 in F_DF2 for p in [0.5, 0.05, 1e-6]]
    with open(a.out, "w") as f:
        f.write("{\n" + ",\n".join(f'  "{k}": ' + (json.dumps(v) if isinstance(v, dict) else "[\n    " + ",\n    ".join(json.dumps(r) for r in v) + "\n  ]")
                                   for k, v in out.items()) + "\n}\n")


if __name__ == "__main__":
    main()
