# CR2 with Bell-McCaffrey degrees of freedom and CR3 by clubSandwich, HC2 and HC3 by sandwich, effects as dummies.
# usage: Rscript variance.R [DATA_DIR] > variance.json     (half a minute)
suppressMessages({library(sandwich); library(clubSandwich); library(jsonlite)})
args <- commandArgs(TRUE)
folder <- if (length(args)) args[1] else "../data"
read <- function(name) read.csv(file.path(folder, name))
options(digits = 17)
out <- list(about = list(
  R = as.character(getRversion()), clubSandwich = as.character(packageVersion("clubSandwich")),
  sandwich = as.character(packageVersion("sandwich")),
  note = paste("cr2 and df: vcovCR(type = CR2) and its Satterthwaite degrees of freedom; weighted models take target = 1/w.",
    "cr3: vcovCR(type = CR3), which has no factor; times (G - 1)/G it is the jackknife about the estimate.",
    "hc2, hc3: vcovHC. se by term.")))

clustered <- function(formula, data, cluster, terms, weights = NULL, nested = FALSE) {
  data$w <- if (is.null(weights)) 1 else data[[weights]]
  m <- if (is.null(weights)) lm(formula, data) else lm(formula, data, weights = w)
  g <- data[[cluster]]
  v2 <- if (is.null(weights)) vcovCR(m, g, "CR2") else vcovCR(m, g, "CR2", target = 1 / data$w)
  # CR3 there has no pseudo-inverse: an effect nested in the clusters makes its matrices singular
  v3 <- if (nested) v2 * NA else vcovCR(m, g, "CR3")
  t <- coef_test(m, v2, test = "Satterthwaite", coefs = terms)
  list(G = length(unique(g)), terms = terms, estimate = unname(coef(m)[terms]), cr2 = unname(sqrt(diag(v2))[terms]),
       df = t$df_Satt, p = t$p_Satt, cr3_raw = unname(sqrt(diag(v3))[terms]))
}
rows <- function(m, terms) list(terms = terms, estimate = unname(coef(m)[terms]),
  hc2 = unname(sqrt(diag(vcovHC(m, "HC2")))[terms]), hc3 = unname(sqrt(diag(vcovHC(m, "HC3")))[terms]))

p <- read("petersen.csv")
f <- read("fatalities.csv")
g <- read("grunfeld.csv")
w <- read("wagepan.csv")
s <- subset(read("sessions.csv")[1:400, ], !is.na(expertise))
s$log_prompts <- log(s$prompts)
z <- read("mroz.csv")
fe <- function(text) as.formula(text)

out$clustered <- list(
  petersen_firm = clustered(y ~ x, p, "firm", c("(Intercept)", "x")),
  petersen_year = clustered(y ~ x, p, "year", c("(Intercept)", "x")),
  fatalities_year_effects = clustered(frate ~ beertax + factor(year), f, "state", "beertax"),
  fatalities_state_effects = clustered(frate ~ beertax + factor(state), f, "state", "beertax", nested = TRUE),
  fatalities_two_effects = clustered(frate ~ beertax + unemp + factor(state) + factor(year), f, "state", c("beertax", "unemp"), nested = TRUE),
  grunfeld_firm = clustered(inv ~ value + capital + factor(firm), g, "firm", c("value", "capital"), nested = TRUE),
  grunfeld_two = clustered(inv ~ value + capital + factor(firm) + factor(year), g, "firm", c("value", "capital"), nested = TRUE),
  wagepan_years = clustered(lwage ~ married + union + expersq + factor(year), w, "nr", c("married", "union", "expersq")),
  sessions_weighted = clustered(verified ~ factor(expertise) + log_prompts + factor(work_mode) + factor(month), s, "user_id",
    c(paste0("factor(expertise)", 2:5), "log_prompts"), "weight"),
  sessions_month = clustered(verified ~ factor(expertise) + factor(work_mode), s, "month", paste0("factor(expertise)", 2:5)),
  sessions_month_weighted = clustered(verified ~ factor(expertise) + log_prompts + factor(work_mode), s, "month",
    c(paste0("factor(expertise)", 2:5), "log_prompts"), "weight"))
out$rows <- list(
  petersen = rows(lm(y ~ x + factor(year), p), "x"),
  fatalities = rows(lm(frate ~ beertax + factor(state) + factor(year), f), "beertax"),
  wagepan = rows(lm(lwage ~ married + union + expersq + factor(year), w), c("married", "union", "expersq")),
  sessions_weighted = rows(lm(verified ~ factor(expertise) + log_prompts + factor(work_mode), s, weights = weight),
    c(paste0("factor(expertise)", 2:5), "log_prompts")),
  mroz_logit = rows(glm(inlf ~ kidslt6 + educ + age + factor(city), binomial, z,
    control = glm.control(epsilon = 1e-14)), c("kidslt6", "educ", "age")))
cat(toJSON(out, digits = NA, auto_unbox = TRUE, pretty = TRUE), "\n")
