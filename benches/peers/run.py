"""Metier against pyfixest and fixest on one job: 36 regressions of a sessions table, clustered by user.

usage: python run.py [--metier PATH] [--rows N] [--threads N] [--repeats N] [--cache DIR] [--out FILE] [--skip pyfixest,fixest]

See README.md for what is measured and how.
"""
import argparse, importlib.metadata, json, os, platform, shutil, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))
SETS = ["additive_ols", "interacted_ols", "additive_logit"]  # 3 panels x 4 outcomes = 12 fits each
OUTCOMES = ["verified", "judged", "partial", "abandoned"]
FE = {"additive_ols": "mode + value_band + month + subject + occ_software",
      "interacted_ols": "mode^value_band^month^subject^occ",
      "additive_logit": "mode + value_band + month + subject + occ_software"}
LABELS = ["user", "mode", "value_band", "month", "subject", "occ", "panel"]  # text columns


# --- data -------------------------------------------------------------------------------------------------------------------
def generate(rows, path, csv_path):
    """Made-up sessions: heavy-tailed users, uneven labels, outcomes that depend on everything. Seeded, so the same everywhere."""
    import numpy as np, pyarrow as pa, pyarrow.csv, pyarrow.parquet as pq
    rng = np.random.default_rng(36)
    users = max(1, round(rows * 0.5875))  # 235,000 users at 400,000 rows

    def zipf(size, count, power):
        p = 1.0 / np.arange(1, count + 1) ** power
        return rng.choice(count, size=size, p=p / p.sum())

    # One session for every user, the rest by a capped Pareto popularity: most users have one, a few have hundreds.
    popularity = np.minimum((1 - rng.random(users)) ** (-1 / 1.1), 3000)
    user = np.concatenate([np.arange(users), rng.choice(users, size=rows - users, p=popularity / popularity.sum())])
    rng.shuffle(user)
    skill, own_effect = rng.normal(size=users), rng.normal(scale=0.6, size=users)
    user_occ, home = zipf(users, 24, 0.9), zipf(users, 30, 0.9)  # occupation 0 = software; a favourite subject

    occ = user_occ[user]
    month = np.minimum((7 * rng.random(rows) ** 0.85).astype(int), 6)
    subject = np.where(rng.random(rows) < 0.7, home[user], zipf(rows, 30, 0.9))
    mode = (zipf(rows, 9, 0.8) + subject % 3) % 9
    band = np.clip(np.floor(4.5 + 1.8 * rng.normal(size=rows) + 0.4 * skill[user]), 0, 9).astype(int)
    latent = 0.9 * skill[user] + 0.7 * rng.normal(size=rows) + 0.03 * month + 0.15 * (occ == 0)
    expertise = 1 + np.searchsorted([-1.2, -0.3, 0.5, 1.4], latent)
    panel = rng.choice(3, size=rows, p=[0.5, 0.3, 0.2])
    index = (rng.normal(scale=0.4, size=9)[mode] + rng.normal(scale=0.3, size=30)[subject] + rng.normal(scale=0.25, size=24)[occ]
             - 0.08 * (band - 4.5) + 0.04 * month + np.array([0, 0, 0.12, 0.26, 0.41, 0.47])[expertise] + own_effect[user])

    def outcome(shift, scale):
        return (rng.random(rows) < 1 / (1 + np.exp(-(shift + scale * index)))).astype(np.int8)

    def text(codes, labels):
        return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(labels)).cast(pa.string())

    table = pa.table({
        "user": text(user, [f"user-{i:09d}" for i in range(users)]),
        "expertise": expertise.astype(np.int8),
        "mode": text(mode, [f"mode_{i}" for i in range(9)]),
        "value_band": text(band, [f"band_{i:02d}" for i in range(10)]),
        "month": text(month, [f"2026-{i:02d}" for i in range(1, 8)]),
        "subject": text(subject, [f"subject_{i:02d}" for i in range(30)]),
        "occ": text(occ, ["software"] + [f"occupation_{i:02d}" for i in range(1, 23)] + ["unclassified"]),
        "occ_software": (occ == 0).astype(np.int8),
        "panel": text(panel, ["panel_a", "panel_b", "panel_c"]),
        "verified": outcome(-0.6, 1.0), "judged": outcome(0.9, 0.7), "partial": outcome(-1.4, -0.5), "abandoned": outcome(-3.2, -0.9),
    })
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if csv_path:
        pa.csv.write_csv(table, csv_path + ".part")
        os.replace(csv_path + ".part", csv_path)
    pq.write_table(table, path + ".part", compression="zstd")
    os.replace(path + ".part", path)


# --- the pyfixest worker, run in a process of its own -------------------------------------------------------------------------
def pyfixest_worker(data, repeats, estimates):
    """repeats = 0: read, fit each set once. repeats > 0: after one warm-up a set, report the median of so many runs."""
    start = time.perf_counter()
    import warnings
    import pandas as pd, pyarrow.parquet as pq, pyfixest as pf
    warnings.simplefilter("ignore")
    table = pq.read_table(data, read_dictionary=LABELS).to_pandas()
    panel_names = list(table.panel.cat.categories)
    for column in LABELS:  # integer codes: the quickest form for pyfixest; in process runs this counts as reading
        table[column] = table[column].cat.codes.astype("int32")
    read = time.perf_counter() - start

    panels = [table[table.panel == code] for code in range(3)]
    options = dict(vcov={"CRV1": "user"}, copy_data=False, store_data=False, lean=True)

    def job(name):
        # pyfixest's quickest form of each set: one call for the additive OLS, where it shares work between outcomes; fit by fit
        # for the others, where one call was measured to be slower.
        right = f"~ i(expertise, ref=1) | {FE[name]}"
        if name == "additive_ols":
            return list(pf.feols(f"{' + '.join(OUTCOMES)} {right}", table, split="panel", **options).all_fitted_models.values())
        if name == "interacted_ols":
            return [pf.feols(f"{y} {right}", panel, **options) for panel in panels for y in OUTCOMES]
        return [pf.feglm(f"{y} {right}", panel, family="logit", **options) for panel in panels for y in OUTCOMES]

    report = {"version": importlib.metadata.version("pyfixest"), "read": read, "sets": {}}
    shown = {}
    for name in SETS:
        times = []
        for run in range(repeats + 1):
            t0 = time.perf_counter()
            fits = job(name)
            times.append(time.perf_counter() - t0)
        report["sets"][name] = statistics.median(times[1:]) if repeats else times[0]
        if estimates:
            shown[name] = [{"panel": panel_names[i // len(OUTCOMES)], "outcome": OUTCOMES[i % len(OUTCOMES)], "n": int(m._N),
                            "coef": m.coef().to_dict(), "se": m.se().to_dict()} for i, m in enumerate(fits)]
    if estimates:
        with open(estimates, "w") as f:
            json.dump(shown, f, indent=1)
    print(json.dumps(report))


# --- measuring processes ------------------------------------------------------------------------------------------------------
def run(command, threads, stdout):
    """(seconds, peak MiB, CPU seconds) of a whole process, kept to `threads` cores where the system can."""
    env = dict(os.environ, **{k: str(threads) for k in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                                                        "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")})

    def limit():
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])

    t0 = time.perf_counter()
    with open(stdout, "w") as out, open(stdout + ".log", "w") as log:
        process = subprocess.Popen(command, stdout=out, stderr=log, env=env, preexec_fn=limit, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - t0
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed ({process.returncode}):\n" + open(stdout + ".log").read()[-3000:])
    peak = usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)  # macOS counts bytes, Linux KiB
    return seconds, peak, usage.ru_utime + usage.ru_stime


def read_metier_timings(path):
    """In-process seconds by set from the `timings` of metier's JSON, a list of {"stage": "fit additive_ols", "seconds": s}."""
    with open(path) as f:
        document = json.load(f)
    timings = {t["stage"]: t["seconds"] for t in document.get("timings", [])}
    return {"version": document.get("metier_version"), "read": timings.get("read"),
            "sets": {name: timings.get("fit " + name) for name in SETS}}


def have_fixest():
    if not shutil.which("Rscript"):
        return False
    check = 'quit(status = !(requireNamespace("fixest", quietly = TRUE) && requireNamespace("data.table", quietly = TRUE)))'
    return subprocess.run(["Rscript", "-e", check], capture_output=True).returncode == 0


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--metier", help="path of the metier program, e.g. target/release/metier")
    a.add_argument("--rows", type=lambda s: int(float(s)), default=400_000)
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--repeats", type=int, default=3, help="timed runs, after one warm-up")
    a.add_argument("--cache", default=os.path.join(ROOT, "target", "bench-data"))
    a.add_argument("--out", help="markdown file; default: print only")
    a.add_argument("--skip", default="", help="peers to leave out, comma-separated")
    a.add_argument("--worker", choices=["pyfixest"], help=argparse.SUPPRESS)
    a.add_argument("--data", help=argparse.SUPPRESS)
    a.add_argument("--estimates", help=argparse.SUPPRESS)
    a = a.parse_args()
    if a.worker:
        return pyfixest_worker(a.data, a.repeats, a.estimates)

    os.makedirs(a.cache, exist_ok=True)
    data = os.path.abspath(os.path.join(a.cache, f"sessions_{a.rows}.parquet"))
    skip = a.skip.split(",")
    with_fixest = "fixest" not in skip and have_fixest()
    csv_path = data[:-8] + ".csv" if with_fixest else None  # R reads Parquet only with extra packages
    if not os.path.exists(data) or (csv_path and not os.path.exists(csv_path)):
        print(f"drawing {a.rows:,} rows ...", flush=True)
        # In a child, so that the parent stays small: a child's peak counts the memory of the fork it came from.
        subprocess.run([sys.executable, "-c", f"import run; run.generate({a.rows}, {data!r}, {csv_path!r})"], check=True, cwd=HERE)

    scratch = tempfile.mkdtemp(prefix="bench-")
    at = lambda name: os.path.join(scratch, name)
    worker = lambda repeats: [sys.executable, os.path.join(HERE, "run.py"), "--worker", "pyfixest", "--data", data, "--repeats", str(repeats)]
    fixest = lambda repeats: ["Rscript", os.path.join(HERE, "fixest.R"), csv_path, str(repeats), str(a.threads)]
    process = {}  # whole-process commands
    if a.metier:
        models = [part for name in SETS for part in ("--model", os.path.join(HERE, name + ".toml"))]
        process["metier"] = [os.path.abspath(a.metier), "fit", "--data", data, *models, "--format", "json", "--output", at("metier.json"), "--quiet"]
    if "pyfixest" not in skip:
        process["pyfixest"] = worker(0)
    if with_fixest:
        process["fixest"] = fixest(0)
    if not process:
        sys.exit("nothing to run: give --metier, or install pyfixest or fixest")

    whole, inside, versions = {t: [] for t in process}, {t: {} for t in process}, {}
    ours = []
    for repeat in range(a.repeats + 1):  # alternating, so that a busy machine hits all alike; the first round is the warm-up
        for tool, command in process.items():
            result = run(command, a.threads, at(tool + ".out"))
            print(f"round {repeat} {tool}: {result[0]:.2f} s, {result[1]:.0f} MiB, CPU {result[2]:.2f} s", flush=True)
            if repeat:
                whole[tool].append(result)
                if tool == "metier":
                    ours.append(read_metier_timings(at("metier.json")))
    for tool in process:
        if tool == "metier":
            versions[tool] = ours[-1]["version"] or ""
            for name in SETS:
                values = [o["sets"][name] for o in ours]
                inside[tool][name] = statistics.median(values) if None not in values else None
            continue
        command = worker(a.repeats) + ["--estimates", os.path.join(a.cache, f"pyfixest_{a.rows}.json")] if tool == "pyfixest" else fixest(a.repeats)
        run(command, a.threads, at(tool + ".in"))
        with open(at(tool + ".in")) as f:
            report = json.loads(f.read().strip().splitlines()[-1])
        versions[tool], inside[tool] = report["version"], report["sets"]
        print(f"{tool} in process: {report['sets']}", flush=True)

    # The table. A ratio is the peer's figure divided by ours.
    tools = list(process)
    peers = [t for t in tools if t != "metier"]
    cell = lambda v, form: "–" if v is None else format(v, form)

    def line(title, values, form):
        ratios = [cell(values[p] / values["metier"] if values.get("metier") and values.get(p) is not None else None, ".1f")
                  for p in peers] if a.metier else []
        return "| " + " | ".join([title] + [cell(values.get(t), form) for t in tools] + ratios) + " |"

    middle = lambda tool, i: statistics.median(r[i] for r in whole[tool])
    head = ["job"] + [f"{t} {versions[t]}".strip() for t in tools] + ([f"{p} / metier" for p in peers] if a.metier else [])
    text = {"additive_ols": "12 OLS, five additive effects, s", "interacted_ols": "12 OLS, one interacted effect, s",
            "additive_logit": "12 logit, five additive effects, s"}
    lines = [f"{a.rows:,} rows, {a.threads} threads, medians of {a.repeats} after a warm-up; {platform.machine()} {platform.system()}, "
             f"Python {platform.python_version()}", "", "| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    lines += [line(text[name], {t: inside[t].get(name) for t in tools}, ".3f") for name in SETS]
    lines += [line("whole process, reading to 36 fits, s", {t: middle(t, 0) for t in tools}, ".2f"),
              line("CPU time of it, s", {t: middle(t, 2) for t in tools}, ".2f"),
              line("peak memory of it, MiB", {t: middle(t, 1) for t in tools}, ".0f")]
    table = "\n".join(lines)
    print("\n" + table)
    if a.out:
        with open(a.out, "w") as f:
            f.write(table + "\n")
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
