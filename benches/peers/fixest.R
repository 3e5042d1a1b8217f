# The same job in fixest: Rscript fixest.R DATA.csv REPEATS THREADS. REPEATS 0: fit each set once; else the median after a warm-up.
args <- commandArgs(TRUE)
start <- proc.time()[["elapsed"]]
suppressMessages({library(fixest); library(data.table)})
repeats <- as.integer(args[2]); threads <- as.integer(args[3])
setFixest_nthreads(threads); setDTthreads(threads); setFixest_notes(FALSE)
# Integer codes: the quickest form for fixest; in whole-process runs this counts as reading.
d <- fread(args[1], stringsAsFactors = TRUE)
for (v in names(d)) if (is.factor(d[[v]])) set(d, j = v, value = as.integer(d[[v]]))
read <- proc.time()[["elapsed"]] - start
job <- list(
  additive_ols = function() feols(c(verified, judged, partial, abandoned) ~ i(expertise, ref = 1) |
    mode + value_band + month + subject + occ_software, d, split = ~panel, cluster = ~user, lean = TRUE),
  interacted_ols = function() feols(c(verified, judged, partial, abandoned) ~ i(expertise, ref = 1) |
    mode^value_band^month^subject^occ, d, split = ~panel, cluster = ~user, lean = TRUE),
  additive_logit = function() feglm(c(verified, judged, partial, abandoned) ~ i(expertise, ref = 1) |
    mode + value_band + month + subject + occ_software, d, family = "logit", split = ~panel, cluster = ~user, lean = TRUE))
seconds <- sapply(job, function(f) {
  times <- sapply(0:repeats, function(i) { t0 <- proc.time()[["elapsed"]]; f(); proc.time()[["elapsed"]] - t0 })
  if (repeats > 0) median(times[-1]) else times[1]
})
cat(sprintf('{"version": "%s", "read": %.4f, "sets": {%s}}\n', packageVersion("fixest"), read,
            paste(sprintf('"%s": %.4f', names(seconds), seconds), collapse = ", ")))
