# Conditional logit by R's survival -> clogit.json: `Rscript clogit.R [DATA_DIR] [OUT]`. Needs survival and jsonlite.
# infert: R's own data set. strata: drawn here from a fixed seed and written out, 60 strata of 2 to 40 rows with regressors in
# classes and continuous; se is the inverse information. cluster: by brute force, E[y | sum] of every row from a recursion of
# elementary symmetric functions, centred x as in `definitions`, where strata lie in clusters, cut through them, or both.
suppressMessages({library(survival); library(jsonlite)})
args <- commandArgs(TRUE)
data_dir <- if (length(args) > 0) args[1] else "tests/data"
out_file <- if (length(args) > 1) args[2] else "tests/oracles/clogit.json"
tight <- coxph.control(eps = 1e-14, iter.max = 200, toler.chol = 1e-14)

infert <- read.csv(file.path(data_dir, "infert.csv"))
m <- clogit(case ~ spontaneous + induced + strata(stratum), infert, method = "exact", control = tight)
out <- list(infert = list(names = names(coef(m)), coef = unname(coef(m)), se = unname(sqrt(diag(vcov(m)))), log_likelihood = m$loglik[2], null = m$loglik[1]))

# e_k(w) for k = 0..m
esf <- function(w, m) {
  e <- c(1, rep(0, m))
  for (x in w) e <- e + x * c(0, e[-length(e)])
  e
}
set.seed(20240611)
sizes <- c(2:40, sample(2:12, 21, TRUE))
d <- do.call(rbind, lapply(seq_along(sizes), function(s) {
  n <- sizes[s]
  a <- round(rnorm(1), 3)
  x <- round(rnorm(n), 3)
  z <- sample(0:2, n, TRUE)
  data.frame(stratum = s, user = paste0("u", sample(1:25, n, TRUE)), x = x, z = z, y = as.numeric(runif(n) < plogis(a + 0.7 * x - 0.4 * z)))
}))
one <- function(d) {
  m <- clogit(y ~ x + factor(z) + strata(stratum), d, method = "exact", control = tight)
  b <- coef(m)
  X <- cbind(d$x, d$z == 1, d$z == 2)
  inv <- vcov(m)
  rows <- matrix(0, nrow(d), 3)
  informative <- rep(FALSE, nrow(d))
  for (s in unique(d$stratum)) {
    i <- which(d$stratum == s)
    k <- sum(d$y[i])
    if (k == 0 || k == length(i)) next
    informative[i] <- TRUE
    w <- exp(drop(X[i, , drop = FALSE] %*% b)); w <- w / exp(mean(log(w)))
    all <- esf(w, k)[k + 1]
    pi <- sapply(seq_along(i), function(j) w[j] * esf(w[-j], k - 1)[k] / all)
    v <- pi * (1 - pi)
    centre <- colSums(v * X[i, , drop = FALSE]) / sum(v)
    rows[i, ] <- (d$y[i] - pi) * sweep(X[i, , drop = FALSE], 2, centre)
  }
  n <- sum(informative); G <- length(unique(d$user[informative]))
  meat <- crossprod(rowsum(rows, d$user))
  V <- inv %*% meat %*% inv * G / (G - 1) * (n - 1) / (n - 3)
  hc <- inv %*% crossprod(rows) %*% inv * n / (n - 3)
  list(coef = unname(b), se = unname(sqrt(diag(inv))), log_likelihood = m$loglik[2], null = m$loglik[1], n = n, G = G,
       strata = length(unique(d$stratum[informative])), cluster = sqrt(diag(V)), hc = sqrt(diag(hc)))
}
out$strata <- c(list(data = as.list(d)), one(d))
classes <- d; classes$x <- round(classes$x)
out$classes <- one(classes)
out$definitions <- list(
  cluster = "G/(G-1) (n-1)/(n-p) I^-1 [sum_g s_g s_g'] I^-1, s_i = (y - E[y | sum]) (x - c), c the mean of x in the stratum weighted by E (1 - E); n rows and G users in strata with both outcomes",
  hc = "n/(n-p) I^-1 [sum_i s_i s_i'] I^-1", classes = "the same data with x rounded to whole numbers")
out$about <- list(R = R.version.string, survival = as.character(packageVersion("survival")))
write(toJSON(out, digits = I(17), auto_unbox = TRUE), out_file)
print(out$infert$coef, digits = 15); print(out$strata$coef, digits = 15)
