"use strict";
// One page over the routes under /v1. Everything that comes from the data is set as text, never as markup.

const SHOWN = 6; // groups with a colour of their own; the rest is "other"
const COVERED = ["tenant", "team", "project", "feature", "job_id", "job_type", "model", "provider"];
const $ = (id) => document.getElementById(id);
const controls = ["period", "pivot", "cost", "where", "token"];
let plot = null;
let asked = 0;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// ── asking ──────────────────────────────────────────────────────────────────────────────────

class Refused extends Error {}

async function answer(path, options = {}) {
  const headers = { accept: "application/json", ...options.headers };
  const token = $("token").value.trim();
  if (token) headers.authorization = `Bearer ${token}`;
  const response = await fetch(path, { ...options, headers });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(body.detail || `the server answered with ${response.status}`);
  return body;
}

function chosen() {
  const [period, pivot, cost, where] = controls.slice(0, 4).map((id) => $(id).value.trim());
  return { period, pivot, cost, where, measure: cost === "reported" ? "reported_cost" : "cost" };
}

const query = (choice, plan) => answer("/v1/query", {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({
    ...plan,
    cost: choice.cost,
    ...(choice.period && { since: choice.period }),
    where: [choice.where, ...(plan.where || [])].filter(Boolean),
  }),
});

function report(choice, path, parameters) {
  const pairs = new URLSearchParams({ ...parameters, cost: choice.cost });
  if (choice.period) pairs.set("since", choice.period);
  if (choice.where) pairs.set("where", choice.where);
  return answer(`${path}?${pairs}`);
}

// ── showing numbers ─────────────────────────────────────────────────────────────────────────

const zoned = { timeZone: "UTC" };
const day = new Intl.DateTimeFormat("en", { ...zoned, day: "numeric", month: "short", year: "numeric" });
const month = new Intl.DateTimeFormat("en", { ...zoned, month: "short", year: "numeric" });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const dollars = (digits) => new Intl.NumberFormat("en", {
  style: "currency", currency: "USD", minimumFractionDigits: digits, maximumFractionDigits: digits,
});
const cents = dollars(2);
const fine = dollars(4);
const NONE = "–";

const money = (value) => {
  if (value === null || value === undefined) return NONE;
  return Math.abs(value) < 1 && Number(value) !== 0 ? fine.format(value) : cents.format(value);
};
const count = (value) => (value === null || value === undefined ? NONE : whole.format(value));
const compact = (value) => (value === null || value === undefined ? NONE : short.format(value));
const percent = (value) => (value === null || value === undefined ? NONE : `${(Number(value) * 100).toFixed(1)} %`);
const label = (value) => (value === null || value === undefined ? "unattributed" : String(value));

function table(target, columns, rows) {
  const cell = (name, column, text) => element(name, { className: column.text ? "text" : "", textContent: text, title: column.text ? text : "" });
  const head = element("tr", {}, ...columns.map((column) => cell("th", column, column.title)));
  const lines = rows.map((row) => element("tr", {}, ...columns.map((column) => cell("td", column, column.show(row[column.name])))));
  const empty = element("p", { className: "none", textContent: "Nothing in this period." });
  target.replaceChildren(rows.length ? element("table", {}, element("thead", {}, head), element("tbody", {}, ...lines)) : empty);
}

function bar(name, value, most, text, aside) {
  return element("div", { className: "step" },
    element("span", { className: "name", textContent: name, title: name }),
    element("progress", { max: Math.max(most, 1), value }),
    element("span", { className: "count" }, text, element("span", { textContent: aside ? ` ${aside}` : "" })));
}

// ── the panels ──────────────────────────────────────────────────────────────────────────────

async function figures(choice) {
  const measures = [choice.measure, "requests", "total_tokens", "jobs", "success_rate", "roi", "cost_per_success", "errors"];
  const unknown = choice.cost === "reported" ? "reported_unknown" : "unpriced";
  const { rows: [row] } = await query(choice, { measures: [...measures, unknown] });
  const missing = Number(row[unknown]);
  const lacks = choice.cost === "reported" ? "without a reported cost" : "with something unpriced";
  const shown = [
    ["Spend", money(row[choice.measure]), missing ? `${compact(missing)} requests ${lacks}` : "everything priced", missing > 0],
    ["Requests", compact(row.requests), `${compact(row.errors)} errors`],
    ["Tokens", compact(row.total_tokens), ""],
    ["Jobs", compact(row.jobs), `${percent(row.success_rate)} successful`],
    ["ROI", row.roi === null ? NONE : `${Number(row.roi).toFixed(2)}×`, "value against cost of jobs"],
    ["Cost per success", money(row.cost_per_success), ""],
  ];
  $("figures").replaceChildren(...shown.map(([name, value, aside, warn]) => element("dl", { className: "figure" },
    element("dt", { textContent: name }), element("dd", { textContent: value }),
    element("div", { className: warn ? "aside warn" : "aside", textContent: aside }))));
}

async function spend(choice) {
  const groups = await query(choice, { measures: [choice.measure, "requests", "jobs"], by: [choice.pivot], order: [`-${choice.measure}`], limit: 12 });
  const shown = [
    { name: choice.pivot, title: choice.pivot.replace("_", " "), show: label, text: true },
    { name: choice.measure, title: "spend", show: money },
    { name: "requests", title: "requests", show: compact },
    { name: "jobs", title: "jobs", show: compact },
  ];
  document.querySelector(".pivot").textContent = `by ${choice.pivot.replace("_", " ")}`;
  table($("groups"), shown, groups.rows.slice(0, 8));
  $("facts").textContent = [
    `LSN ${groups.lsn}`,
    groups.price_book_version && `price book ${groups.price_book_version}`,
    `times in ${groups.zone}`,
    groups.groups > 8 && `${groups.groups} groups in all`,
  ].filter(Boolean).join(" · ");
  await overTime(choice, groups.rows.slice(0, SHOWN).map((row) => row[choice.pivot]));
}

async function overTime(choice, named) {
  const every = choice.period && Number.parseInt(choice.period, 10) <= 90 ? "day" : "month";
  $("bucket").textContent = `per ${every}`;
  const { rows } = await query(choice, { measures: [choice.measure], by: [every, choice.pivot] });
  const times = steps(every, rows.map((row) => Date.parse(row[every]) / 1000));
  const places = new Map(times.map((time, at) => [time, at]));
  const sums = Array.from({ length: named.length + 1 }, () => new Array(times.length).fill(0));
  for (const row of rows) {
    const place = named.indexOf(row[choice.pivot]);
    sums[place < 0 ? named.length : place][places.get(Date.parse(row[every]) / 1000)] += Number(row[choice.measure] ?? 0);
  }
  const series = named.map((name, at) => ({ name: label(name), colour: at, values: sums[at] }));
  if (sums[named.length].some((value) => value !== 0)) series.push({ name: "other", colour: 6, values: sums[named.length] });
  draw(times, series, every);
}

/** Every bucket from the first to the last, for a bucket without spend is a zero and no gap. */
function steps(every, found) {
  if (!found.length) return [];
  const [last, all] = [Math.max(...found), []];
  for (let at = new Date(Math.min(...found) * 1000); at / 1000 <= last;) {
    all.push(at / 1000);
    at = every === "day" ? new Date(at.getTime() + 86_400_000) : new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1));
  }
  return all;
}

function draw(times, series, every) {
  const [target, colour] = [$("chart"), (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()];
  plot?.destroy();
  plot = null;
  target.replaceChildren();
  $("legend").replaceChildren(...series.map(({ name, colour: at }) => element("li", {},
    element("span", { className: `swatch s${at}` }), name)));
  if (!times.length) {
    target.append(element("p", { className: "none", textContent: "Nothing in this period." }));
    return;
  }
  // Stacked: the sum of all is drawn first, and each smaller sum over it.
  const sums = [];
  series.forEach(({ values }, at) => sums.push(values.map((value, time) => value + (at ? sums[at - 1][time] : 0))));
  const tip = element("div", { className: "tip", hidden: true });
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  const bars = uPlot.paths.bars({ size: [0.72, 64], radius: 0 });
  plot = new uPlot({
    width: target.clientWidth,
    height: 260,
    tzDate: (time) => uPlot.tzDate(new Date(time * 1000), "UTC"),
    padding: [8, 8, 0, 0],
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    legend: { show: false },
    scales: { x: { time: true, range: (_, from, to) => (from === to ? [from - 86_400, to + 86_400] : [from - (to - from) / times.length, to + (to - from) / times.length]) },
      y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] } },
    axes: [{ ...axis, size: 30, grid: { show: false }, splits: () => marks(times), values: (_, splits) => splits.map((at) => (every === "day" ? day.format(at * 1000).replace(/, \d+$/, "") : month.format(at * 1000))) },
      { ...axis, size: 64, values: (_, splits) => splits.map((value) => `$${short.format(value)}`) }],
    series: [{}, ...series.map(({ name, colour: at }) => ({ label: name, paths: bars, fill: colour(`--c${at}`), stroke: colour(`--c${at}`), width: 0, points: { show: false } })).reverse()],
    hooks: { setCursor: [(self) => hover(self, tip, times, series, every)] },
  }, [times, ...sums.slice().reverse()], target);
  plot.over.append(tip);
}

/** The buckets that are named below the chart: no more than there is room for. */
function marks(times) {
  const step = Math.ceil(times.length / Math.max(2, Math.floor($("chart").clientWidth / 90)));
  return times.filter((_, at) => at % step === 0);
}

function hover(self, tip, times, series, every) {
  const at = self.cursor.idx;
  tip.hidden = at === null || at === undefined || self.cursor.left < 0;
  if (tip.hidden) return;
  const line = (name, value, swatch) => element("div", {},
    element("span", {}, swatch === undefined ? "" : element("span", { className: `swatch s${swatch}` }), name),
    element("b", { textContent: money(value) }));
  const total = series.reduce((sum, { values }) => sum + values[at], 0);
  const named = (every === "day" ? day : month).format(times[at] * 1000);
  const parts = series.filter(({ values }) => values[at] !== 0).map(({ name, values, colour }) => line(name, values[at], colour));
  tip.replaceChildren(line(named, total), ...parts);
  const left = self.valToPos(times[at], "x");
  const room = self.over.clientWidth - tip.offsetWidth;
  tip.style.left = `${Math.max(0, Math.min(left + 14 > room ? left - tip.offsetWidth - 14 : left + 14, room))}px`;
}

async function funnel(choice) {
  const [{ rows: [row] }, { rows: types }] = await Promise.all([report(choice, "/v1/funnel", {}), report(choice, "/v1/funnel", { by: "job_type", order: "-jobs" })]);
  const jobs = Number(row.jobs);
  const steps = [["all jobs", row.jobs, ""], ["with outcome", jobs - Number(row.pending), ""], ["successful", row.successful, percent(row.success_rate)], ["converted", row.converted, percent(row.conversion_rate)]];
  $("funnel").replaceChildren(...steps.map(([name, value, aside]) => bar(name, Number(value), jobs, count(value), aside)));
  const kinds = types.filter((type) => Number(type.jobs) > 0).slice(0, 5);
  $("conversion").replaceChildren(...kinds.map((type) => bar(label(type.job_type), Number(type.conversion_rate ?? 0), 1, percent(type.conversion_rate), "")));
}

async function roi(choice) {
  const { rows } = await report(choice, "/v1/roi", { by: "job_type", order: "-job_cost" });
  table($("roi"), [
    { name: "job_type", title: "job type", show: label, text: true },
    { name: "jobs", title: "jobs", show: compact },
    { name: "job_cost", title: "cost", show: money },
    { name: "value", title: "value", show: money },
    { name: "roi", title: "ROI", show: (value) => (value === null ? NONE : `${Number(value).toFixed(2)}×`) },
    { name: "cost_per_success", title: "per success", show: money },
  ], rows.filter((row) => Number(row.jobs) > 0).slice(0, 8));
}

async function coverage(choice) {
  const requests = async (where) => Number((await query(choice, { measures: ["requests"], where })).rows[0].requests);
  const [all, ...missing] = await Promise.all([requests([]), ...COVERED.map((field) => requests([`${field} is null`]))]);
  const share = (lacking) => (all ? (all - lacking) / all : 0);
  $("coverage").replaceChildren(...COVERED.map((field, at) => bar(field, share(missing[at]), 1, all ? percent(share(missing[at])) : NONE, "")));
}

async function jobs(choice) {
  const { rows } = await report(choice, "/v1/jobs", { limit: "10", order: `-${choice.measure}` });
  table($("jobs"), [
    { name: "job_id", title: "job", show: label, text: true },
    { name: "job_type", title: "type", show: label, text: true },
    { name: choice.measure, title: "cost", show: money },
    { name: "requests", title: "requests", show: count },
    { name: "errors", title: "errors", show: count },
    { name: "total_tokens", title: "tokens", show: compact },
    { name: "first_at", title: "started", show: (at) => (at ? day.format(Date.parse(at)) : NONE) },
    { name: "outcome_status", title: "outcome", show: label, text: true },
    { name: "outcome_value", title: "value", show: money },
  ], rows);
}

// ── the page ────────────────────────────────────────────────────────────────────────────────

async function show() {
  const [turn, choice] = [++asked, chosen()];
  const results = await Promise.allSettled([figures, spend, funnel, roi, coverage, jobs].map((panel) => panel(choice)));
  if (turn !== asked) return;
  const failed = results.find(({ status }) => status === "rejected");
  $("problem").hidden = !failed;
  if (failed) $("problem").textContent = failed.reason.message;
  document.body.dataset.shown = turn;
}

for (const id of controls) {
  const kept = sessionStorage.getItem(id);
  if (kept !== null) $(id).value = kept;
  $(id).addEventListener("change", () => {
    sessionStorage.setItem(id, $(id).value);
    show();
  });
}
for (const [name, value] of new URLSearchParams(location.search)) {
  if (["period", "pivot", "cost", "where"].includes(name)) $(name).value = value;
}
$("controls").addEventListener("submit", (event) => event.preventDefault());
addEventListener("resize", () => plot?.setSize({ width: $("chart").clientWidth, height: 260 }));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
show();
