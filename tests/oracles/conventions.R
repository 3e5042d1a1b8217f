# R side of conventions.py: `Rscript conventions.R DATA_DIR CASES_JSON` prints standard errors, degrees of freedom and
# p-values of sandwich and clubSandwich as JSON. Needs sandwich, clubSandwich, lmtest, jsonlite.
suppressMessages({library(sandwich); library(clubSandwich); library(lmtest); library(jsonlite)})
args <- commandArgs(TRUE)
cases <- fromJSON(args[2], simplifyVector = FALSE)
named <- function(x, keep) as.list(setNames(unname(x[keep]), keep))
out <- lapply(cases, function(case) {
  d <- read.csv(file.path(args[1], case$data))
  f <- case$formula
  for (e in case$effects) f <- paste0(f, " + factor(", e, ")")
  m <- if (case$family == "logit") glm(as.formula(f), binomial, d, epsilon = 1e-14, maxit = 100) else lm(as.formula(f), d)
  keep <- unlist(case$terms)
  clusters <- unlist(case$cluster)
  if (is.null(clusters)) return(list())
  v <- vcovCL(m, d[clusters])
  test <- suppressWarnings(coeftest(m, vcov. = v))
  one <- list(sandwich = list(se = named(sqrt(diag(v)), keep), p = named(test[, 4], keep)))
  one$sandwich_vcov <- unname(v[keep, keep, drop = FALSE])
  one$eigenvalues <- eigen(v[keep, keep, drop = FALSE])$values
  if (length(clusters) > 1) {
    # the eigenvalue rule on the coefficients that are reported
    e <- eigen(v[keep, keep, drop = FALSE], symmetric = TRUE)
    fixed <- e$vectors %*% diag(pmax(e$values, 0), length(keep)) %*% t(e$vectors)
    one$eigen_se <- setNames(as.list(sqrt(diag(fixed))), keep)
    if (length(keep) == length(coef(m))) {
      one$vcovCL_fix_se <- named(setNames(sqrt(diag(vcovCL(m, d[clusters], fix = TRUE))), names(coef(m))), keep)
    }
  } else if (case$family == "ols") {
    for (type in c("CR1", "CR1p", "CR1S")) one[[type]] <- list(se = named(sqrt(diag(as.matrix(vcovCR(m, d[[clusters]], type)))), keep))
  }
  one
})
cat(toJSON(out, digits = NA, auto_unbox = TRUE, na = "null"), "\n")
