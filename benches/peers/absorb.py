"""Huge fixed effects: Metier against pyfixest and fixest on one regression at a time, with a table of ratios.

usage: python absorb.py --metier PATH [--rows N,N] [--designs NAME,...] [--jobs NAME,...] [--absorb NAME,...] [--reference FILE.csv] ...

See README.md for the designs, the jobs and what is measured.
"""
import argparse, csv, datetime, json, math, os, platform, signal, statistics, subprocess, sys, tempfile, threading, time
from run import HERE, ROOT, have_fixest

SESSIONS_ROWS = 400_000
PANELS = ["simple", "difficult", "akm"]
EFFECTS = {"2y": "indiv_id + year", "2f": "indiv_id + firm_id", "3": "indiv_id + firm_id + year"}
OUTCOME = {"ols": "y", "logit": "binary_y", "poisson": "count_y"}
# name -> (family, formula, cluster); "panel" jobs run on every panel design, the others on the sessions
PANEL_JOBS = {family + effects: (family, f"{OUTCOME[family]} ~ x1 | {EFFECTS[effects]}", "indiv_id")
              for family, effects in [("ols", "2y"), ("ols", "2f"), ("ols", "3"), ("logit", "3"), ("poisson", "3")]}
SESSION_JOBS = {"user_additive": ("ols", "verified ~ i(expertise, ref = 1) | user + mode + value_band + month + subject", "user"),
                "user_cell": ("ols", "verified ~ i(expertise, ref = 1) | user + mode^value_band^month^subject^occ", "user")}
COLUMNS = ["date", "cpu", "cores", "threads", "design", "rows", "job", "tool", "version", "status", "n_obs", "iterations", "seconds",
           "seconds_min", "seconds_max", "ratio", "peak_mib", "coef", "std_error", "coef_difference", "std_error_difference"]


# --- data -------------------------------------------------------------------------------------------------------------------
def firms(design, rng, individuals, years):
    """Firm of each row, rows ordered by individual and year, and the number of firms."""
    import numpy as np
    n = individuals * years
    if design != "akm":
        count = max(1, round(individuals / 23))  # 23 individuals a firm
        return (rng.integers(0, count, n) if design == "simple" else np.arange(n) % count), count
    # Workers start anywhere; a year later 15 % have moved: 90 % of them inside their market of 50 firms, 9.8 % to the market
    # above or below, 0.2 % anywhere.
    count, market = max(n // 60, 50), 50
    firm = np.empty((individuals, years), dtype=np.int64)
    firm[:, 0] = rng.integers(0, count, individuals)
    for year in range(1, years):
        now = firm[:, year - 1]
        moves, kind, side = rng.random(individuals) < 0.15, rng.random(individuals), rng.random(individuals) < 0.5
        target = now // market + np.where(kind < 0.9, 0, np.where(side, 1, -1))
        new = np.clip(target * market + rng.integers(0, market, individuals), 0, count - 1)
        new = np.where(kind < 0.998, new, rng.integers(0, count, individuals))
        firm[:, year] = np.where(moves, new, now)
    return firm.ravel(), count


def generate(design, rows, path, csv_path):
    """The panel designs. "simple" and "difficult" are those of the benchmark that fixest's author publishes (L. Berge)."""
    import numpy as np, pyarrow as pa, pyarrow.csv, pyarrow.parquet as pq
    rng = np.random.default_rng([2026, PANELS.index(design)])
    years = 6 if design == "akm" else 10
    individuals = rows // years
    n = individuals * years
    firm, n_firms = firms(design, rng, individuals, years)
    indiv, year = np.repeat(np.arange(individuals), years), np.tile(np.arange(years), individuals)
    x1 = rng.normal(size=n)
    x2 = x1 * x1
    mu = x1 + 0.05 * x2
    for code, count in ((firm, n_firms), (indiv, individuals), (year, years)):
        mu += rng.normal(size=count)[code]
    y = mu + rng.normal(size=n)
    ids = lambda code: (code + 1).astype(np.int32)
    table = pa.table({"indiv_id": ids(indiv), "firm_id": ids(firm), "year": ids(year), "x1": x1, "x2": x2, "y": y,
                      "binary_y": (y > 0).astype(np.int8), "count_y": rng.poisson(np.exp(np.clip(0.5 * mu, -20, 8))).astype(np.int32)})
    if csv_path and not os.path.exists(csv_path):
        pa.csv.write_csv(table, csv_path + ".part")
        os.replace(csv_path + ".part", csv_path)
    pq.write_table(table, path + ".part", compression="zstd")
    os.replace(path + ".part", path)


def table_of(cache, design, rows, with_csv):
    """Path of the Parquet file of a design, drawn on first use, with a CSV beside it for R."""
    name = f"sessions_{rows}" if design == "sessions" else f"absorb_{design}_{rows}"
    path = os.path.join(cache, name + ".parquet")
    csv_path = os.path.join(cache, name + ".csv") if with_csv else None
    if not os.path.exists(path) or (csv_path and not os.path.exists(csv_path)):
        print(f"drawing {design}, {rows:,} rows ...", flush=True)
        call = f"run.generate({rows}, " if design == "sessions" else f"absorb.generate({design!r}, {rows}, "
        # In a child, so that the parent stays small: a child's peak counts the memory of the fork it came from.
        subprocess.run([sys.executable, "-c", f"import run, absorb; {call}{path!r}, {csv_path!r})"], check=True, cwd=HERE)
    return path


# --- the pyfixest worker, run in a process of its own -------------------------------------------------------------------------
def pyfixest_worker(backend, data, family, formula, cluster):
    """Reads, fits once to warm up, fits once on the clock, and prints what was found."""
    import importlib.metadata, re, warnings
    import pyarrow.parquet as pq, pyfixest as pf
    warnings.simplefilter("ignore")
    names = [name for name in pq.read_schema(data).names if re.search(rf"\b{name}\b", formula + " " + cluster)]
    table = pq.read_table(data, columns=names).to_pandas()
    for name in names:  # integer codes: the quickest form for pyfixest, outside the clock
        if table[name].dtype.kind not in "iuf":
            table[name] = table[name].astype("category").cat.codes.astype("int32")
    if hasattr(pf, "MapDemeaner"):
        how = dict(demeaner=pf.MapDemeaner(backend="rust") if backend == "rust" else pf.LsmrDemeaner(backend="within"))
    else:
        how = dict(demeaner_backend=backend)
    how.update(vcov={"CRV1": cluster}, copy_data=False, store_data=False, lean=True)
    fit = {"ols": lambda: pf.feols(formula, table, **how), "poisson": lambda: pf.fepois(formula, table, **how),
           "logit": lambda: pf.feglm(formula, table, family="logit", **how)}[family]
    fit()
    start = time.perf_counter()
    m = fit()
    seconds = time.perf_counter() - start
    print(json.dumps({"version": importlib.metadata.version("pyfixest"), "seconds": seconds, "n_obs": int(m._N),
                      "coef": m.coef().tolist(), "std_error": m.se().tolist()}))


# --- measuring processes ------------------------------------------------------------------------------------------------------
def launch(command, threads, timeout, stdout):
    """(status, peak MiB) of a whole process, kept to `threads` cores where the system can and ended after `timeout` seconds."""
    env = dict(os.environ, **{k: str(threads) for k in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                                                        "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")})

    def limit():
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])

    with open(stdout, "w") as out, open(stdout + ".log", "w") as log:
        process = subprocess.Popen(command, stdout=out, stderr=log, env=env, preexec_fn=limit, cwd=ROOT)
        late = threading.Event()
        timer = threading.Timer(timeout, lambda: (late.set(), os.kill(process.pid, signal.SIGKILL)))
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    peak = usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)  # macOS counts bytes, Linux KiB
    if late.is_set() and process.returncode:
        return f"stopped after {timeout:g} s", peak
    if process.returncode:
        last = [line.strip() for line in open(stdout + ".log") if line.strip()]
        error = next((line for line in last if line.startswith("error:")), last[-1] if last else str(process.returncode))
        return "failed: " + error[:200], peak
    return "ok", peak


def read_metier(path):
    """One fit from metier's JSON; seconds are all its `timings` but reading."""
    with open(path) as f:
        document = json.load(f)
    fit = document["models"][0]
    return {"version": document["metier_version"], "n_obs": fit["n_obs"], "iterations": fit["fit"]["iterations"],
            "seconds": sum(t["seconds"] for t in document["timings"] if t["stage"] != "read"),
            "coef": [c["estimate"] for c in fit["coefficients"]], "std_error": [c["std_error"] for c in fit["coefficients"]]}


def read_worker(path):
    """The last line of a peer's output."""
    with open(path) as f:
        return json.loads(f.read().strip().splitlines()[-1])


def commands(a, tool, data, job, scratch):
    """The command of a tool, and how its result is read."""
    family, formula, cluster = job
    out = os.path.join(scratch, "out")
    if tool.startswith("metier"):
        command = [os.path.abspath(a.metier), "fit", formula, "--data", data, "--cluster", cluster, "--family", family, "--codebook", "off",
                   "--threads", str(a.threads), "--format", "json", "--output", out + ".json", "--quiet"]
        return command + (["--absorb", tool.split()[1]] if " " in tool else []), lambda: read_metier(out + ".json")
    if tool == "fixest":
        command = ["Rscript", os.path.join(HERE, "absorb.R"), data[:-8] + ".csv", family, formula, cluster, str(a.threads)]
    else:
        command = [sys.executable, os.path.join(HERE, "absorb.py"), "--worker", tool.split()[1], data, family, formula, cluster]
    return command, lambda: read_worker(out)


def measure(a, tools, data, job, scratch):
    """Records by tool: tools take turns, so that a busy machine slows all alike; one that fails or is stopped is not called again."""
    runs, status, peaks = {t: [] for t in tools}, {t: "ok" for t in tools}, {t: [] for t in tools}
    for _ in range(a.repeats):
        for tool in tools:
            if status[tool] != "ok":
                continue
            command, read = commands(a, tool, data, job, scratch)
            status[tool], peak = launch(command, a.threads, a.timeout, os.path.join(scratch, "out"))
            peaks[tool].append(peak)
            if status[tool] == "ok":
                runs[tool].append(read())
            print(f"  {tool}: " + (f"{runs[tool][-1]['seconds']:.3f} s, {peak:.0f} MiB" if status[tool] == "ok" else status[tool]), flush=True)
    records = {}
    for tool in tools:
        seconds = [r["seconds"] for r in runs[tool]]
        last = runs[tool][-1] if seconds else {}
        records[tool] = {"status": status[tool], "peak_mib": round(statistics.median(peaks[tool]), 1), **last}
        if seconds:
            records[tool].update(seconds=statistics.median(seconds), seconds_min=min(seconds), seconds_max=max(seconds))
    return records


def compare(records):
    """Adds each tool's ratio to Metier and the largest relative differences from its estimates."""
    ours = records.get("metier", {})
    for record in records.values():
        if ours.get("seconds") and record.get("seconds"):
            record["ratio"] = record["seconds"] / ours["seconds"]
        for key in ("coef", "std_error"):
            if record is not ours and record.get(key) and ours.get(key) and len(record[key]) == len(ours[key]):
                gaps = [abs(b / a - 1) if a and b is not None else math.nan for a, b in zip(ours[key], record[key])]
                record[key + "_difference"] = max(gaps)


def read_reference(path):
    """Figures from elsewhere: {(job, rows, design): {tool: seconds}} from columns job,n,design,tool,seconds."""
    figures = {}
    with open(path, newline="") as f:
        for row in csv.DictReader(f):
            figures.setdefault((row["job"], int(float(row["n"])), row["design"]), {})[row["tool"]] = float(row["seconds"])
    return figures


# --- output -------------------------------------------------------------------------------------------------------------------
def machine():
    try:
        with open("/proc/cpuinfo") as f:
            model = next(line.split(":", 1)[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    return model, os.cpu_count()


def write_csv(path, rows):
    with open(path, "w", newline="") as f:
        writer = csv.DictWriter(f, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        for row in rows:
            lists = {k: ";".join(map(repr, row[k])) for k in ("coef", "std_error") if isinstance(row.get(k), list)}
            writer.writerow({**row, **lists})


def short(value):
    """Three digits, or all before the point."""
    return "" if value is None else f"{value:.0f}" if value >= 99.95 else f"{value:#.3g}" if value >= 0.001 else f"{value:.5f}"


def write_markdown(path, a, rows):
    tools = list(dict.fromkeys(r["tool"] for r in rows))
    jobs = list(dict.fromkeys((r["design"], r["rows"], r["job"]) for r in rows))
    by = {(r["design"], r["rows"], r["job"], r["tool"]): r for r in rows}
    peers = [t for t in tools if t != "metier"]
    versions = {r["tool"]: r["version"] for r in rows if r.get("version")}
    model, cores = machine()
    lines = [f"{datetime.date.today().isoformat()}; {model}, {cores} cores; {a.threads} threads a program, medians of {a.repeats} alternating runs after a warm-up.",
             "Seconds in process, without reading; in brackets: times Metier's. " + ", ".join(f"{t} {v}" for t, v in versions.items()) + ".", "",
             "| design | rows | job | " + " | ".join(tools) + " |", "|---|---:|---|" + "---:|" * len(tools)]
    for design, n, job in jobs:
        cells = []
        for tool in tools:
            r = by.get((design, n, job, tool), {})
            ratio = f" ({short(r['ratio'])}×)" if r.get("ratio") and tool != "metier" else ""
            cells.append(short(r["seconds"]) + ratio if r.get("seconds") else r.get("status", "–").split(":")[0])
        lines.append(f"| {design} | {n:,} | {job} | " + " | ".join(cells) + " |")
    measured = [t for t in tools if any(r.get("peak_mib") for r in rows if r["tool"] == t)]
    others = [t for t in measured if t != "metier"]
    lines += ["", "Rows used, iterations, peak memory of the process (reading included), and the largest relative difference from Metier's coefficients / standard errors.", "",
              "| design | rows | job | n | iterations | " + " | ".join(f"{t}, MiB" for t in measured) + " | " + " | ".join(f"{t}, differences" for t in others) + " |",
              "|---|---:|---|---:|---:|" + "---:|" * (len(measured) + len(others))]
    for design, n, job in jobs:
        get = lambda tool: by.get((design, n, job, tool), {})
        gap = lambda r: f"{r['coef_difference']:.0e} / {r['std_error_difference']:.0e}" if "coef_difference" in r else "–"
        other_n = lambda r: f", n {r['n_obs']}" if r.get("n_obs") and get("metier").get("n_obs") not in (None, r["n_obs"]) else ""
        lines.append(f"| {design} | {n:,} | {job} | {get('metier').get('n_obs', '–')} | {get('metier').get('iterations', '–')} | "
                     + " | ".join(short(get(t).get("peak_mib")) for t in measured) + " | " + " | ".join(gap(get(t)) + other_n(get(t)) for t in others) + " |")
    failed = [f"- {r['design']} {r['rows']:,} {r['job']}, {r['tool']}: {r['status']}" for r in rows if r.get("status") not in ("ok", "reference")]
    if failed:
        lines += ["", "Not measured:", "", *failed]
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n")


def importable(name):
    return subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True).returncode == 0


def arguments():
    a = argparse.ArgumentParser()
    listed = lambda text: [part for part in text.split(",") if part]
    a.add_argument("--metier", help="path of the metier program, e.g. target/release/metier")
    a.add_argument("--rows", default=[1_000_000], type=lambda s: [int(float(v)) for v in listed(s)], help="sizes of the panels, e.g. 1e5,1e6,1e7")
    a.add_argument("--designs", default=PANELS + ["sessions"], type=listed, help="of simple, difficult, akm, sessions")
    a.add_argument("--jobs", default=list(PANEL_JOBS) + list(SESSION_JOBS), type=listed, help="of " + ", ".join([*PANEL_JOBS, *SESSION_JOBS]))
    a.add_argument("--sessions-rows", type=lambda s: int(float(s)), default=SESSIONS_ROWS)
    a.add_argument("--absorb", default=[], type=listed, help="methods of Metier to run besides its own choice, e.g. cells,schur,cg,map")
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--repeats", type=int, default=3, help="timed runs, each in a process of its own")
    a.add_argument("--timeout", type=float, default=600, help="seconds for one process: reading, warm-up and timed run")
    a.add_argument("--skip", default=[], type=listed, help="of fixest, pyfixest, pyfixest rust, pyfixest within")
    a.add_argument("--reference", help="CSV with columns job,n,design,tool,seconds: figures from elsewhere, shown in columns of their own")
    a.add_argument("--cache", default=os.path.join(ROOT, "target", "bench-data"))
    a.add_argument("--out", default=os.path.join(ROOT, "target", "peers", "absorb"), help="path without extension; .md and .csv are written")
    a.add_argument("--worker", nargs=5, help=argparse.SUPPRESS)
    a = a.parse_args()
    known = {"--designs": (a.designs, PANELS + ["sessions"]), "--jobs": (a.jobs, [*PANEL_JOBS, *SESSION_JOBS])}
    for flag, (given, names) in known.items():
        if unknown := [name for name in given if name not in names]:
            sys.exit(f"{flag}: {', '.join(unknown)} is not one of {', '.join(names)}")
    return a


def main():
    a = arguments()
    if a.worker:
        return pyfixest_worker(*a.worker)
    tools = ["metier"] + [f"metier {how}" for how in a.absorb] if a.metier else []
    if "pyfixest" not in a.skip and importable("pyfixest"):
        tools += ["pyfixest rust", "pyfixest within"]
    if "fixest" not in a.skip and have_fixest():
        tools.append("fixest")
    tools = [t for t in tools if t not in a.skip]
    if not tools:
        sys.exit("nothing to run: give --metier, or install pyfixest or fixest")
    reference = read_reference(a.reference) if a.reference else {}
    for folder in (a.cache, os.path.dirname(os.path.abspath(a.out))):
        os.makedirs(folder, exist_ok=True)
    model, cores = machine()
    head = {"date": datetime.date.today().isoformat(), "cpu": model, "cores": cores, "threads": a.threads}
    plan = [(rows, design, PANEL_JOBS) for rows in a.rows for design in PANELS if design in a.designs]
    plan += [(a.sessions_rows, "sessions", SESSION_JOBS)] if "sessions" in a.designs else []
    done = []
    with tempfile.TemporaryDirectory(prefix="absorb-") as scratch:
        for rows, design, jobs in plan:
            wanted = {name: job for name, job in jobs.items() if name in a.jobs}
            data = table_of(os.path.abspath(a.cache), design, rows, "fixest" in tools) if wanted else None
            for name, job in wanted.items():
                print(f"{design}, {rows:,} rows, {name}", flush=True)
                records = measure(a, tools, data, job, scratch)
                for tool, seconds in reference.get((name, rows, design), {}).items():
                    records[f"{tool} (reference)"] = {"status": "reference", "seconds": seconds}
                compare(records)
                done += [{**head, "design": design, "rows": rows, "job": name, "tool": tool, **r} for tool, r in records.items()]
                # after every job, so that a long run may be broken off
                write_csv(a.out + ".csv", done)
                write_markdown(a.out + ".md", a, done)
    print("\n" + open(a.out + ".md").read())


if __name__ == "__main__":
    main()
