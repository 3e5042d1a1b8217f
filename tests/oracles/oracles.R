# R side of public.py: `Rscript oracles.R DATA_DIR` prints JSON; `Rscript oracles.R DATA_DIR export` writes fatalities_laws.csv there.
# Needs sandwich, clubSandwich, plm, AER, jsonlite (Debian: r-cran-*).
suppressMessages({library(sandwich); library(clubSandwich); library(plm); library(jsonlite)})
args <- commandArgs(TRUE)
path <- function(f) file.path(args[1], f)
options(digits = 17)

if (length(args) > 1 && args[2] == "export") {
  data("Fatalities", package = "AER")
  x <- with(Fatalities, data.frame(state, year, frate = fatal / pop * 1e4, beertax, drinkage, jail, service, miles, unemp, income))
  for (v in names(x)) if (is.numeric(x[[v]])) x[[v]] <- trimws(formatC(x[[v]], digits = 17, format = "g"))
  write.csv(x, path("fatalities_laws.csv"), row.names = FALSE, quote = FALSE, na = "")
  quit()
}
se <- function(v) as.list(setNames(sqrt(diag(v)), gsub("[()]", "", rownames(v))))
out <- list(about = lapply(c(R = "base", sandwich = "sandwich", clubSandwich = "clubSandwich", plm = "plm"),
                           function(p) as.character(packageVersion(p))))

p <- read.csv(path("petersen.csv"))
m <- lm(y ~ x, p)
out$petersen <- list(coef = as.list(setNames(coef(m), c("Intercept", "x"))), iid = se(vcov(m)), hc1 = se(vcovHC(m, "HC1")),
  firm = se(vcovCL(m, ~firm)), year = se(vcovCL(m, ~year)),
  two_way_each_own_g = se(vcovCL(m, ~firm + year)),
  cr2_firm = se(vcovCR(m, p$firm, "CR2")), cr3_firm_raw = se(vcovCR(m, p$firm, "CR3")),
  cr2_year = se(vcovCR(m, p$year, "CR2")), cr3_year_raw = se(vcovCR(m, p$year, "CR3")),
  cv3_firm = se(vcovCR(m, p$firm, "CR3") * 499 / 500), cv3_year = se(vcovCR(m, p$year, "CR3") * 9 / 10))

f <- read.csv(path("fatalities_laws.csv"), na.strings = "")
f$law <- cut(f$drinkage, 18:22, include.lowest = TRUE, right = FALSE, labels = 18:21)
f$law <- relevel(f$law, "21"); f$age <- f$drinkage
f$punish <- as.numeric(f$jail == "yes" | f$service == "yes")
full <- list(c1 = frate ~ beertax, c2 = frate ~ beertax + factor(state), c3 = frate ~ beertax + factor(state) + factor(year),
  c4 = frate ~ beertax + law + punish + I(miles / 1000) + unemp + log(income) + factor(state) + factor(year),
  c5 = frate ~ beertax + law + punish + I(miles / 1000) + factor(state) + factor(year),
  c6 = frate ~ beertax + age + punish + I(miles / 1000) + unemp + log(income) + factor(state) + factor(year))
out$fatalities <- lapply(full, function(g) {
  d <- na.omit(f[, union(c("state", "year"), all.vars(g))])
  m <- lm(g, d); keep <- !grepl("factor|Inter", names(coef(m)))
  v <- vcovCL(m, d$state)
  list(n = nobs(m), coef = as.list(coef(m)[keep]), se_state_all_dummies_counted = se(v[keep, keep, drop = FALSE]), adj_r2 = summary(m)$adj.r.squared,
       se_hc1 = se(vcovHC(m, "HC1")[keep, keep, drop = FALSE]))
})

g <- pdata.frame(read.csv(path("grunfeld.csv")), index = c("firm", "year"))
m <- plm(inv ~ value + capital, g, effect = "twoways", model = "within")
out$grunfeld <- list(coef = as.list(coef(m)), iid = se(vcov(m)))
l <- lm(Employed ~ ., read.csv(path("longley.csv")))
out$longley <- list(coef = as.list(coef(l)), iid = se(vcov(l)))
cat(toJSON(out, digits = NA, auto_unbox = TRUE, pretty = TRUE), "\n")
