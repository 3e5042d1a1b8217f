# One regression in fixest, for absorb.py: Rscript absorb.R DATA.csv FAMILY FORMULA CLUSTER THREADS. Fits once to warm up, once on the clock.
args <- commandArgs(TRUE)
suppressMessages({library(fixest); library(data.table)})
family <- args[2]; formula <- as.formula(args[3]); cluster <- as.formula(paste0("~", args[4])); threads <- as.integer(args[5])
setFixest_nthreads(threads); setDTthreads(threads); setFixest_notes(FALSE)
# Integer codes: the quickest form for fixest, outside the clock.
d <- fread(args[1], select = unique(c(all.vars(formula), args[4])), stringsAsFactors = TRUE)
for (v in names(d)) if (is.factor(d[[v]])) set(d, j = v, value = as.integer(d[[v]]))
fit <- function() switch(family,
  ols = feols(formula, d, cluster = cluster, lean = TRUE),
  poisson = fepois(formula, d, cluster = cluster, lean = TRUE),
  logit = feglm(formula, d, family = "logit", cluster = cluster, lean = TRUE))
invisible(fit())
start <- proc.time()[["elapsed"]]
m <- fit()
seconds <- proc.time()[["elapsed"]] - start
list_of <- function(v) paste0("[", paste(sprintf("%.17g", v), collapse = ", "), "]")
iterations <- if (is.null(m$iterations)) "null" else max(unlist(m$iterations))
cat(sprintf('{"version": "%s", "seconds": %.4f, "n_obs": %.0f, "iterations": %s, "coef": %s, "std_error": %s}\n', packageVersion("fixest"),
            seconds, m$nobs, iterations, list_of(coef(m)), list_of(m$coeftable[, 2])))
