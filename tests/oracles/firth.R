# Firth's penalised likelihood by R's brglm2 -> firth.json: `Rscript firth.R [DATA_DIR] [OUT]`. Needs brglm2 and jsonlite.
# Every effect is a dummy. se: inverse information. cluster: sandwich of x [(y - mu) + h (1/2 - mu)] w, h the leverage of the row,
# times G/(G-1) (n-1)/(n-K). penalised: log likelihood plus half the log determinant of the information.
suppressMessages({library(brglm2); library(jsonlite)})
args <- commandArgs(TRUE)
data_dir <- if (length(args) > 0) args[1] else "tests/data"
out_file <- if (length(args) > 1) args[2] else "tests/oracles/firth.json"
path <- function(f) file.path(data_dir, f)

one <- function(formula, data, names, cluster = NULL, weights = NULL, k = NULL) {
  data$w <- if (is.null(weights)) rep(1, nrow(data)) else weights
  m <- suppressWarnings(glm(formula, binomial, data, weights = w, method = "brglm_fit", type = "AS_mean", epsilon = 1e-8, maxit = 100))
  x <- model.matrix(m)
  b <- coef(m); x <- x[, !is.na(b), drop = FALSE]; b <- b[!is.na(b)]
  # scoring steps from zero until nothing moves; brglm2 stops earlier, and its distance is noted
  y <- model.response(model.frame(m)); if (is.matrix(y)) y <- y[, 1]
  parts <- function(b) {
    eta <- drop(x %*% b); mu <- plogis(eta); v <- data$w * mu * (1 - mu)
    info <- crossprod(x, v * x); inv <- solve(info)
    h <- rowSums((x %*% inv) * x) * v / data$w # leverage per unit of weight
    list(mu = mu, info = info, inv = inv, h = h, rows = x * (data$w * (y - mu) + h * data$w * (0.5 - mu)),
         ll = sum(data$w * (y * eta - log1p(exp(eta)))))
  }
  value <- function(p) p$ll + 0.5 * as.numeric(determinant(p$info)$modulus)
  b[] <- 0
  p <- parts(b)
  for (i in 1:1000) {
    step <- drop(p$inv %*% colSums(p$rows))
    repeat {
      next_p <- tryCatch(parts(b + step), error = function(e) NULL)
      if (max(abs(step)) < 1e-9 || (!is.null(next_p) && is.finite(value(next_p)) && value(next_p) >= value(p) - 1e-10)) break
      step <- step / 2
    }
    b <- b + step
    p <- next_p
    if (max(abs(step)) < 1e-14) break
  }
  p <- parts(b)
  out <- list(n = nrow(x), names = names, coef = unname(b[names]), se = unname(sqrt(diag(p$inv))[names]),
              penalised = p$ll + 0.5 * as.numeric(determinant(p$info)$modulus), log_likelihood = p$ll,
              gap_to_brglm2 = max(abs(b[names] - coef(m)[names]) / abs(b[names])))
  if (!is.null(cluster)) {
    G <- length(unique(cluster)); n <- nrow(x); K <- if (is.null(k)) ncol(x) else k
    sums <- rowsum(p$rows, cluster)
    V <- p$inv %*% crossprod(sums) %*% p$inv * G / (G - 1) * (n - 1) / (n - K)
    dimnames(V) <- list(names(b), names(b))
    out <- c(out, list(G = G, K = K, cluster = unname(sqrt(diag(V))[names])))
  }
  out
}

endometrial <- read.csv(path("endometrial.csv"))
s <- head(read.csv(path("sessions.csv"), stringsAsFactors = FALSE), 1200)
s <- s[!is.na(s$expertise), ]
s$e <- factor(s$expertise)
s$band <- findInterval(s$task_value, c(200, 1000, 5000))
s$cell <- interaction(s$work_mode, s$month, drop = TRUE)
levels_of <- function(f) nlevels(factor(f))
terms <- c("e2", "e3", "e4", "e5", "log(prompts)")
result <- list(
  endometrial = one(HG ~ NV + PI + EH, endometrial, c("(Intercept)", "NV", "PI", "EH")),
  additive = one(verified ~ e + log(prompts) + factor(work_mode) + factor(month), s, terms, s$user_id),
  cells = one(verified ~ e + log(prompts) + cell, s, terms, s$user_id),
  weighted = one(verified ~ e + log(prompts) + factor(work_mode), s, terms, s$user_id, s$weight)
)
result$about <- list(R = R.version.string, brglm2 = as.character(packageVersion("brglm2")))
write(toJSON(result, digits = I(17), auto_unbox = TRUE, pretty = TRUE), out_file)
for (name in c("endometrial", "additive", "cells", "weighted")) cat(name, result[[name]]$n, result[[name]]$gap_to_brglm2, "\n")
