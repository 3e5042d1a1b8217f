"""Effects of pyfixest on Petersen's panel: y ~ x | firm + year and y ~ x | year, OLS.

pyfixest sets other levels to zero than we do, so differences of levels of one effect and the sum of a row are compared.
Run from the root of the repository: python tests/oracles/effects.py > tests/oracles/effects.json
"""

import json

import pandas as pd
import pyfixest as pf

data = pd.read_csv("tests/data/petersen.csv")
data.columns = [name.replace('"', "") for name in data.columns]
firm = "firm" if "firm" in data else "firmid"
data = data.astype({firm: str, "year": str})

cases = []
for effects in ([firm, "year"], ["year"]):
    fit = pf.feols(f"y ~ x | {' + '.join(effects)}", data, fixef_tol=1e-12)
    levels = fit.fixef(atol=1e-14, btol=1e-14)
    for effect, name in zip(effects, levels):
        own = {str(level): float(value) for level, value in levels[name].items()}
        shown = sorted(own, key=lambda level: int(float(level)))[:12]
        base = own[shown[0]]
        cases.append(
            {
                "effects": effects,
                "effect": effect,
                "base": shown[0],
                "differences": {level: own[level] - base for level in shown[1:]},
                "coefficient": float(fit.coef()["x"]),
            }
        )

print(json.dumps({"program": f"pyfixest {pf.__version__}", "cases": cases}, indent=1))
