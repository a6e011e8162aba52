"use strict";

// A page to explore derivations. All that it shows of a point is computed here, in exact rational arithmetic, from the
// formulas in the page's data: maxima of affine forms, and regions as unions of polyhedra.

// --- Exact numbers: {n, d}, numerator and denominator as BigInt, d > 0, without a common divisor. ---

function ratio(n, d) {
  let [a, b] = [n < 0n ? -n : n, d < 0n ? -d : d];
  while (b) [a, b] = [b, a % b];
  const by = d < 0n ? -a : a;
  return { n: n / by, d: d / by };
}

const NUMBER = /^([+-]?)(\d{1,30})(?:\/(\d{1,30})|\.(\d{1,30}))?$/;

// The number that P, P/Q or a finite decimal writes; null for any other text.
function number(text) {
  const found = NUMBER.exec(text.trim().replace("−", "-"));
  if (!found || (found[3] && BigInt(found[3]) === 0n)) return null;
  const [, sign, whole, below, after] = found;
  const top = BigInt(sign + whole + (after || ""));
  return ratio(top, after ? 10n ** BigInt(after.length) : BigInt(below || 1));
}

const ZERO = ratio(0n, 1n);
const plus = (x, y) => ratio(x.n * y.d + y.n * x.d, x.d * y.d);
const times = (x, y) => ratio(x.n * y.n, x.d * y.d);
const minus = (x, y) => plus(x, { n: -y.n, d: y.d });
const sign = (x) => (x.n > 0n) - (x.n < 0n);
const compared = (x, y) => sign(minus(x, y));
const plain = (x) => (x.d === 1n ? `${x.n}` : `${x.n}/${x.d}`);
const float = (x) => Number(x.n) / Number(x.d);

// --- What the data says at a point, {name: number}. ---

// The value of an affine form, a list of names with their factors; that of "1" is the constant.
function valueOf(form, point) {
  return form.reduce((sum, [name, factor]) => plus(sum, name === "1" ? factor : times(factor, point[name])), ZERO);
}

// The largest of some pieces, null (minus infinity) for none, and the pieces that attain it.
function maximum(pieces, point) {
  const values = pieces.map((piece) => valueOf(piece.form, point));
  const value = values.reduce((most, each) => (most && compared(most, each) >= 0 ? most : each), null);
  return { value, values, active: values.map((each) => compared(each, value) === 0) };
}

// A size: what bounds it from above, and whether its exponent is known to be that.
function sizeAt(size, point) {
  const upper = maximum(size.upper, point);
  if (!size.lower) return { ...upper, exact: true };
  const lower = maximum(size.lower, point).value;
  return { ...upper, lower, exact: lower !== null && upper.value !== null && compared(lower, upper.value) === 0 };
}

// How a constraint stands: whether it holds, whether it binds (its edge is reached), and by how much it is missed.
function standing(constraint, point) {
  const value = valueOf(constraint.form, point);
  const at = sign(value);
  const holds = constraint.relation === ">" ? at > 0 : constraint.relation === "=" ? at === 0 : at >= 0;
  return { constraint, value, holds, binds: at === 0 };
}

// The member of a region that holds a point, or else the one that lacks the fewest constraints; null of an empty one.
function nearest(region, point) {
  let best = null;
  for (const member of region.members) {
    const standings = member.constraints.map((each) => standing(each, point));
    const lacking = standings.filter((each) => !each.holds).length;
    if (best === null || lacking < best.lacking) best = { standings, lacking };
  }
  return best;
}

const isIn = (region, point) => region.members.some((member) => isInMember(member, point));
const isInMember = (member, point) => member.constraints.every((each) => standing(each, point).holds);

// What is known of a condition at a point: holds, fails, unknown, or outside of the domain.
function verdict(side, condition, point) {
  if (!isInMember(side.domain, point)) return "outside";
  if (isIn(condition.region, point)) return "holds";
  if (condition.status !== "unknown") return "fails";
  return condition.possible && !isIn(condition.possible, point) ? "fails" : "unknown";
}

// The first quantity and step, among those of the table, that keep a condition from holding: one whose exponent is
// surely above 0, else one that has to reach 0 and surely does not at the last step, else one that is only bounded.
function breach(side, condition, point) {
  const last = side.steps.at(-1);
  const found = side.steps.flatMap(({ t, sizes }) =>
    condition.bounded.map((name) => ({ name, t, size: sizeAt(sizes[name], point), asked: "at most 0" })));
  const reached = condition.reached.map((name) =>
    ({ name, t: last.t, size: sizeAt(last.sizes[name], point), asked: "0 from some step on" }));
  const isSurelyAbove = ({ size }) => isAbove(size.exact ? size.value : size.lower);
  return found.find(isSurelyAbove)
    || reached.find(({ size }) => size.value === null || sign(size.value) < 0)
    || reached.find(isSurelyAbove)
    || [...found, ...reached].find(({ size }) => isAbove(size.value));
}

// The step from which all that has to become n^0 is so at a point: that of the whole region, or an earlier one.
function onset(side, condition, point) {
  const isReached = ({ sizes }) => condition.reached.every((name) => {
    const size = sizeAt(sizes[name], point);
    return size.exact && size.value !== null && sign(size.value) === 0;
  });
  return side.steps.reduceRight(
    (since, step) => (step.t === since - 1 && isReached(step) ? step.t : since), condition.onset);
}

const isAbove = (value) => value !== null && sign(value) > 0;

// --- The page. ---

const DATA = JSON.parse(document.getElementById("data").textContent, (key, value) =>
  key === "form" && Array.isArray(value) ? value.map(([name, factor]) => [name, number(factor)]) : value);
const SVG = "http://www.w3.org/2000/svg";
const GRID = 24n; // keys and drags go by 1/24: halves, thirds, quarters and eighths are on the grid
const NEAR = 12; // pixels within which a drag is caught by a corner
const MOST_LAYERS = 3; // layers that a table shows together before one of them is chosen
const DRAWN = "Regions are drawn in one or two free exponents; fix others with --at NAME=P/Q.";
const PARTS = "It was decided on parts of the domain; --at tells the exponents at a point.";
const OTHERWISE = "? marks an exponent that may be otherwise here: it is told as if the same part of each map led "
  + "everywhere; --at tells it at a point.";
const WORDS = { holds: "holds", fails: "does not hold", unknown: "unknown", outside: "outside" };

const point = Object.fromEntries(DATA.free.map((each) => [each.name, number(each.start)]));
const chosen = DATA.sides.map((side) => ({ name: side.conditions[0].bounded.at(-1), t: side.steps.length }));
const updates = []; // what has to be shown anew when the point moves

const pretty = (text) =>
  text.replace(/<=/g, "≤").replace(/>=/g, "≥").replace(/-/g, "−").replace(/(\d)\*/g, "$1").replace(/−oo/g, "−∞");
const shown = (x) => (x === null ? "−∞" : pretty(plain(x)));
const spaced = (name) => name.replace(/_/g, " ");

function element(tag, attributes = {}, ...children) {
  const [name, drawing] = tag.split(":").reverse();
  const made = drawing ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

// The symbol of a quantity; it comes from the engine as MathML.
function symbol(side, name) {
  const column = side.columns.find((each) => each.name === name);
  const [base, layer] = name.split("[");
  const made = element("span", { class: "symbol" });
  made.innerHTML = (column || side.columns.find((each) => each.name === base)).symbol;
  if (!column) made.append(` in layer ${layer.slice(0, -1)}`);
  return made;
}

function move(values) {
  for (const { name, low, high } of DATA.free) {
    if (!Object.hasOwn(values, name)) continue;
    const [least, most] = [number(low), number(high)];
    const value = values[name];
    point[name] = compared(value, least) < 0 ? least : compared(value, most) > 0 ? most : value;
  }
  for (const update of updates) update();
}

// Sliders on the grid, and an exact number beside each, which need not be on it, nor between the slider's ends.
function controls() {
  return DATA.free.map(({ name, low, high }) => {
    const [least, most] = [number(low), number(high)];
    const onGrid = (x) => Math.round(float(x) * Number(GRID));
    const slider = element("input", {
      type: "range", min: onGrid(least), max: onGrid(most), step: 1, "aria-label": name,
      oninput: () => move({ [name]: ratio(BigInt(slider.value), GRID) }),
    });
    const exact = element("input", {
      type: "text", inputmode: "text", spellcheck: "false", autocomplete: "off", "aria-label": `${name}, exactly`,
      title: "an exact number: P, P/Q or a decimal",
      onchange: () => {
        const value = number(exact.value);
        exact.setAttribute("aria-invalid", String(value === null));
        if (value !== null) {
          point[name] = value;
          move({});
        }
      },
    });
    updates.push(() => {
      slider.value = onGrid(point[name]);
      slider.setAttribute("aria-valuetext", plain(point[name]));
      exact.value = plain(point[name]);
      exact.setAttribute("aria-invalid", "false");
    });
    return element("label", { class: "control" }, element("span", { class: "name" }, name), slider, exact);
  });
}

// A button that goes to a point.
function chip(side, text, at) {
  const values = Object.fromEntries(Object.entries(at).map(([name, value]) => [name, number(value)]));
  const button = element("button", { type: "button", class: "chip", onclick: () => move(values) }, text);
  updates.push(() => {
    const here = Object.entries(values).every(([name, value]) => compared(point[name], value) === 0);
    button.setAttribute("aria-pressed", String(here));
  });
  return button;
}

// Places to go to: published schemes, then the corners of regions.
function places(side) {
  const corners = new Map();
  for (const { region } of side.window ? side.conditions : []) {
    for (const place of region.vertices) corners.set(place.join(", "), place);
  }
  const chips = side.points.map(({ name, at }) => chip(side, name, at));
  for (const [text, place] of corners) {
    const at = Object.fromEntries(side.free.map((name, index) => [name, place[index]]));
    chips.push(chip(side, pretty(place.length > 1 ? `(${text})` : `${side.free[0]} = ${text}`), at));
  }
  return chips.length ? element("p", { class: "chips" }, element("span", {}, "go to"), ...chips) : null;
}

// --- The drawing: the regions in one or two free exponents, and the point in them. ---

function drawing(side) {
  if (!side.window) return null;
  const plane = side.free.length === 2 ? planeOf(side) : lineOf(side);
  const { picture, where, place, rest } = plane;
  const handle = element("svg:g", { class: "handle", tabindex: "0", role: "application" },
    ...rest, element("svg:circle", { class: "reach", r: 24 }), element("svg:circle", { class: "dot", r: 8 }));
  picture.append(handle);
  const dot = handle.querySelectorAll("circle");
  const go = (event) => move(caught(side, plane, event));
  let isHeld = false;
  picture.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    isHeld = event.pointerType === "mouse" || handle.contains(event.target) || side.free.length === 1;
    if (isHeld) {
      picture.setPointerCapture(event.pointerId);
      go(event);
      handle.focus({ preventScroll: true });
      event.preventDefault();
    }
  });
  picture.addEventListener("pointermove", (event) => isHeld && go(event));
  for (const end of ["pointerup", "pointercancel"]) picture.addEventListener(end, () => (isHeld = false));
  picture.addEventListener("click", (event) => !handle.contains(event.target) && go(event)); // a tap beside the point
  // A finger on the point drags it, beside it it scrolls: touch-action does not reach the inside of a drawing.
  handle.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
  handle.addEventListener("keydown", (event) => {
    const ways = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] };
    if (!(event.key in ways)) return;
    const [axis, way] = ways[event.key];
    const name = side.free[Math.min(axis, side.free.length - 1)];
    move({ [name]: plus(point[name], ratio(BigInt(way), event.shiftKey ? 4n : GRID)) });
    event.preventDefault();
  });
  updates.push(() => {
    const [x, y] = where(side.free.map((name) => float(point[name])));
    for (const each of dot) {
      each.setAttribute("cx", x);
      each.setAttribute("cy", y);
    }
    place(x, y);
    const said = side.free.map((name) => `${name} = ${plain(point[name])}`).join(", ");
    handle.setAttribute("aria-label", `${said}; arrow keys move the point`);
  });
  return element("figure", {}, picture);
}

// The point under a pointer: a corner that is near, else the nearest point of the grid.
function caught(side, { picture, where, at }, event) {
  const box = picture.getBoundingClientRect();
  const zoom = picture.viewBox.baseVal.width / box.width;
  const [x, y] = [(event.clientX - box.left) * zoom, (event.clientY - box.top) * zoom];
  for (const place of side.conditions.flatMap(({ region }) => region.vertices)) {
    const [u, v] = onPaper(where)(place);
    if (Math.hypot(u - x, side.free.length > 1 ? v - y : 0) < NEAR) {
      return Object.fromEntries(side.free.map((name, index) => [name, number(place[index])]));
    }
  }
  const found = at(x, y);
  return Object.fromEntries(side.free.map((name, index) =>
    [name, ratio(BigInt(Math.round(found[index] * Number(GRID))), GRID)]));
}

// The lines and numbers of an axis, whole numbers strong and halves faint.
function* ticks(low, high) {
  for (let half = 2 * low; half <= 2 * high; half += 1) yield { value: half / 2, isWhole: half % 2 === 0 };
}

// A place of the data, its coordinates as texts, on paper.
const onPaper = (where) => (place) => where(place.map((each) => float(number(each))));

// Two free exponents: the regions as areas with their edges, what has no area as a thick line or a ring.
function planeOf(side) {
  const [width, height, left, below, top] = [480, 440, 44, 44, 8];
  const [right, bottom] = [width - top, height - below];
  const { low, high } = side.window;
  const across = (right - left) / (high[0] - low[0]);
  const up = (bottom - top) / (high[1] - low[1]);
  const where = ([x, y]) => [left + (x - low[0]) * across, bottom - (y - low[1]) * up];
  const at = (x, y) => [low[0] + (x - left) / across, low[1] + (bottom - y) / up];
  const put = onPaper(where);
  const picture = element("svg:svg", { viewBox: `0 0 ${width} ${height}`, class: "plane" });
  for (const { value, isWhole } of ticks(low[0], high[0])) {
    const [x] = where([value, 0]);
    picture.append(gridLine(isWhole, { x1: x, x2: x, y1: top, y2: bottom }));
    if (isWhole) picture.append(label(pretty(`${value}`), x, bottom + 18, "middle"));
  }
  for (const { value, isWhole } of ticks(low[1], high[1])) {
    const [, y] = where([0, value]);
    picture.append(gridLine(isWhole, { x1: left, x2: right, y1: y, y2: y }));
    if (isWhole) picture.append(label(pretty(`${value}`), left - 8, y + 4, "end"));
  }
  picture.append(label(side.free[0], (left + right) / 2, height - 6, "middle axis"));
  picture.append(label(side.free[1], 14, bottom / 2, "middle axis", `rotate(-90 14 ${bottom / 2})`));
  for (const { members, kind } of drawn(side)) {
    for (const member of members) picture.append(...shapes(member, put, kind));
  }
  for (const [cx, cy] of side.conditions.flatMap(({ region }) => region.vertices).map(put)) {
    picture.append(element("svg:circle", { class: "corner", cx, cy, r: 3 }));
  }
  for (const { name, at: values } of side.points) {
    const [x, y] = put(side.free.map((each) => values[each]));
    picture.append(element("svg:path", { class: "star", d: star(x, y) }), label(name, x - 12, y - 12, "end"));
  }
  return { picture, where, at, rest: [], place: () => {} };
}

// What is drawn, in order: of each condition where it may hold, if that is all that is known, and where it surely does.
function drawn(side) {
  return side.conditions.flatMap(({ possible, region }, index) => [
    { index, members: possible ? possible.members : [], kind: `c${index} maybe` },
    { index, members: region.members, kind: `c${index}` },
  ]);
}

const gridLine = (isWhole, ends) => element("svg:line", { class: isWhole ? "grid" : "grid half", ...ends });

function shapes(member, put, kind) {
  const corners = member.corners.map(put);
  const path = (places) => "M" + places.map((place) => place.join(" ")).join("L");
  if (corners.length === 1) {
    return [element("svg:circle", { class: `line ${kind}`, cx: corners[0][0], cy: corners[0][1], r: 9 })];
  }
  if (corners.length === 2) return [element("svg:path", { class: `line ${kind}`, d: path(corners) })];
  const edges = member.edges.map(({ open, ends }) =>
    element("svg:path", { class: `edge ${kind}${open ? " open" : ""}`, d: path(ends.map(put)) }));
  return [element("svg:path", { class: `area ${kind}`, d: path(corners) + "Z" }), ...edges];
}

// One free exponent: a bar for each condition over the axis; a dot is an end that belongs to it, a ring one that does
// not.
function lineOf(side) {
  const [width, left, right, bar] = [480, 152, 20, 24];
  const height = bar * side.conditions.length + 56;
  const [low, high] = [side.window.low[0], side.window.high[0]];
  const across = (width - left - right) / (high - low);
  const where = ([x]) => [left + (x - low) * across, height - 44];
  const at = (x) => [low + (x - left) / across];
  const put = onPaper(where);
  const picture = element("svg:svg", { viewBox: `0 0 ${width} ${height}`, class: "strip" });
  for (const { value, isWhole } of ticks(low, high)) {
    const [x, y] = where([value]);
    picture.append(gridLine(isWhole, { x1: x, x2: x, y1: 4, y2: y }));
    if (isWhole) picture.append(label(pretty(`${value}`), x, y + 20, "middle"));
  }
  picture.append(label(side.free[0], (left + width - right) / 2, height - 4, "middle axis"));
  const middle = (index) => 4 + bar * (index + 0.5);
  side.conditions.forEach(({ name }, index) => {
    picture.append(label(spaced(name), left - 12, middle(index) + 4, "end"));
  });
  for (const { index, members, kind } of drawn(side)) {
    const y = middle(index);
    const mark = (cx, open) => element("svg:circle", { class: `${open ? "hole" : "dot"} ${kind}`, cx, cy: y, r: 5 });
    for (const { corners, edges } of members) {
      const [x1, x2] = corners.map((place) => put(place)[0]);
      if (x2 === undefined) picture.append(mark(x1, false));
      else picture.append(element("svg:line", { class: `bar ${kind}`, x1, x2, y1: y, y2: y }),
        ...edges.map(({ open, ends }) => mark(put(ends[0])[0], open)));
    }
  }
  const line = element("svg:line", { class: "needle", y1: 0 });
  const place = (x, y) => {
    for (const [name, value] of [["x1", x], ["x2", x], ["y2", y]]) line.setAttribute(name, value);
  };
  return { picture, where, at, rest: [line], place };
}

function label(text, x, y, kind, transform = null) {
  return element("svg:text", { class: kind, x, y, transform }, text);
}

function star(x, y) {
  const ray = (index) => {
    const [length, angle] = [index % 2 ? 3 : 8, (Math.PI * index) / 5 - Math.PI / 2];
    return `${x + length * Math.cos(angle)} ${y + length * Math.sin(angle)}`;
  };
  return `M${Array.from({ length: 10 }, (_, index) => ray(index)).join("L")}Z`;
}

// --- What holds at the point, and why. ---

function conditions(side, index) {
  const cards = side.conditions.map((condition, place) => {
    const badge = element("strong", { class: "badge" });
    const list = element("ul", { class: "constraints" });
    const why = element("p", { class: "quiet" });
    const proof = element("a", { href: `#${side.anchor}${spaced(condition.name).replace(/ /g, "-")}` }, "proof");
    const swatch = element("span", { class: `swatch c${place}` });
    const heading = element("h3", {}, swatch, spaced(condition.name), " ", badge, " ", proof);
    const card = element("div", { class: "condition", "data-condition": condition.name }, heading, list, why);
    updates.push(() => {
      const found = verdict(side, condition, point);
      card.dataset.verdict = found;
      const hasOnset = found === "holds" && condition.reached.length && condition.onset;
      badge.textContent = WORDS[found] + (hasOnset ? ` from step ${onset(side, condition, point)} on` : "");
      list.replaceChildren(...constraints(side, condition.region, found));
      why.replaceChildren(...reasons(side, index, condition, found));
    });
    return card;
  });
  return element("div", { class: "conditions" }, ...cards);
}

// The constraints of the region, without those of the domain, each with how it stands here.
function constraints(side, region, found) {
  const here = found === "outside" ? null : nearest(region, point);
  const known = side.domain.constraints.map((each) => each.text);
  const own = here ? here.standings.filter(({ constraint }) => !known.includes(constraint.text)) : [];
  return own.map(({ constraint, value, holds, binds }) => {
    const missed = pretty(plain(sign(value) < 0 ? minus(ZERO, value) : value));
    const how = holds ? (binds ? "binds" : `${missed} to spare`) : binds ? "not on its edge" : `missed by ${missed}`;
    const state = holds ? (binds ? "binds" : "met") : "missed";
    return element("li", { class: state }, element("code", {}, pretty(constraint.text)), ` ${how}`);
  });
}

// Why a condition holds or not, in words.
function reasons(side, index, condition, found) {
  if (found === "outside") return [`The point is not in the domain: ${pretty(side.domain.text)}.`];
  if (found === "unknown") return [`Unknown: ${pretty(condition.reason)}.`];
  if (found === "holds") return condition.region.text === "always" ? ["It holds everywhere."] : [];
  const never = condition.region.members.length || condition.possible ? "" : "It holds nowhere. ";
  if (side.otherwise) return [never, PARTS];
  const broken = breach(side, condition, point);
  if (!broken) {
    return [`${never}No step up to ${side.steps.at(-1).t} breaks it; what later ones do is in the proof.`];
  }
  const { name, t, size, asked } = broken;
  const link = element("button", { type: "button", class: "link", onclick: () => explain(index, name, t) }, "why?");
  const isAtLeast = !size.exact && isAbove(size.lower);
  const how = size.exact ? `has the exponent ${shown(size.value)}`
    : `has an exponent of at ${isAtLeast ? `least ${shown(size.lower)}` : `most ${shown(size.value)}`}`;
  const open = size.exact || isAtLeast || sign(size.value) < 0 ? ""
    : "A bound alone breaks nothing; --at tells the exponents at a point. ";
  return [never, symbol(side, name), ` ${how} at step ${t}, where ${asked} is asked. ${open}`, link];
}

// Which trained factors hardly learn: those whose own part in the output's change stays below n^0. Where that part is
// only bounded from above, they may, unless a condition that holds here says that it reaches n^0.
function learning(side) {
  const told = element("p", { class: "learning" });
  const trained = side.factors.filter((each) => each.trained);
  const frozen = side.factors.filter((each) => !each.trained);
  const steps = side.settled ? "at every step" : `in the first ${side.steps.length} steps`;
  const atSomeStep = (factor, reaches) =>
    side.steps.some((step) => reaches(sizeAt(step.sizes[factor.contribution], point)));
  const isLevel = (value) => value !== null && sign(value) >= 0;
  const list = (factors) => factors.map((each) => each.name).join(", ");
  updates.push(() => {
    const hardly = trained.filter((each) => !side.otherwise && !atSomeStep(each, ({ value }) => isLevel(value)));
    const proved = side.conditions.flatMap((each) => (verdict(side, each, point) === "holds" ? each.reached : []));
    const surely = trained.filter((each) => proved.includes(each.contribution)
      || (!side.otherwise && atSomeStep(each, (size) => isLevel(size.exact ? size.value : size.lower))));
    const open = trained.filter((each) => !hardly.includes(each) && !surely.includes(each));
    told.dataset.undertrained = list(hardly);
    told.replaceChildren();
    if (!isInMember(side.domain, point)) return;
    if (!side.factors.length) told.append("How far single parameters move the output by themselves is not asked here.");
    const verb = surely.length > 1 ? "move" : "moves";
    if (surely.length) told.append(`${list(surely)} ${verb} the output by order one or more at some step. `);
    if (hardly.length) {
      told.append(element("strong", {}, `Undertrained: ${list(hardly)}.`), " ",
        ...hardly.flatMap((each, place) => [place ? ", " : "", symbol(side, each.contribution)]),
        ` stay${hardly.length > 1 ? "" : "s"} below order one ${steps}. `);
    }
    const why = side.otherwise ? "; --at tells it at a point" : ", whose part is only bounded from above";
    if (open.length) told.append(`Not known to learn: ${list(open)}${why}. `);
    if (frozen.length) told.append(`Not trained: ${list(frozen)}.`);
  });
  return told;
}

// --- The table of exponents by step. ---

function table(side, index) {
  const inLayers = side.layers.length > 0;
  const head = element("tr", {}, element("th", { scope: "col" }, "t"),
    inLayers ? element("th", { scope: "col" }, "layer") : null,
    ...side.columns.map(({ name }) => element("th", { scope: "col", "data-column": name }, symbol(side, name))));
  const body = element("tbody");
  for (const step of side.steps) {
    for (const layer of inLayers ? side.layers : [""]) body.append(row(side, index, step, layer));
  }
  const note = side.cut ? `Later steps are not known: ${side.cut}.`
    : side.settled ? `From step ${side.settled} on nothing changes.`
    : "Later steps may differ; the conditions speak of every number of steps.";
  const hint = "Press an exponent for its formula and its proof.";
  const otherwise = side.otherwise ? element("p", {}, OTHERWISE) : null;
  return element("div", { class: "exponents" }, otherwise, inLayers ? layerChoice(side, body) : null,
    element("div", { class: "wide" }, element("table", {}, element("thead", {}, head), body)),
    element("p", { class: "quiet" }, `${note} ${hint}`));
}

function row(side, index, step, layer) {
  const cells = side.columns.map(({ name }) => {
    const quantity = layer ? `${name}[${layer}]` : name;
    const size = step.sizes[quantity];
    if (!size) return element("td", {}, "");
    const button = element("button", { type: "button", onclick: () => explain(index, quantity, step.t) });
    const cell = element("td", { "data-t": step.t, "data-quantity": quantity }, button);
    updates.push(() => {
      if (!isInMember(side.domain, point)) {
        button.textContent = "";
        return;
      }
      const { value, exact } = sizeAt(size, point);
      button.textContent = (exact || !size.lower ? "" : "≤ ") + shown(value) + (side.otherwise ? " ?" : "");
      button.setAttribute("aria-pressed", String(chosen[index].name === quantity && chosen[index].t === step.t));
      cell.className = value === null ? "zero" : ["falls", "level", "grows"][sign(value) + 1];
    });
    return cell;
  });
  return element("tr", { "data-layer": layer }, element("th", { scope: "row" }, `${step.t}`),
    layer ? element("th", { scope: "row" }, layer) : null, ...cells);
}

function layerChoice(side, body) {
  const choice = element("select", { onchange: () => show(choice.value) },
    element("option", { value: "all" }, "all layers"),
    ...side.layers.map((layer) => element("option", { value: layer }, `layer ${layer}`)));
  const show = (layer) => {
    for (const each of body.rows) each.hidden = layer !== "all" && each.dataset.layer !== layer;
  };
  choice.value = side.layers.length > MOST_LAYERS ? side.layers.at(-1) : "all";
  show(choice.value);
  return element("label", { class: "choice" }, "Show ", choice);
}

// --- Why an exponent is what it is: its formula, and the line of the derivation that concludes it. ---

function explanation(side, index) {
  const box = element("div", { class: "why", "aria-live": "polite" });
  updates.push(() => {
    if (!isInMember(side.domain, point)) {
      box.replaceChildren();
      return;
    }
    const { name, t } = chosen[index];
    const size = side.steps[t - 1].sizes[name];
    const { value, values, active, exact } = sizeAt(size, point);
    const line = size.line && document.getElementById(side.anchor + size.line);
    box.replaceChildren(
      element("h3", {}, "The exponent of ", symbol(side, name),
        ` at step ${t}: ${exact ? "" : "at most "}${shown(value)}${side.otherwise ? " ?" : ""}`),
      element("p", {}, size.upper.length > 1 ? "It is the largest of" : "It is", ...size.upper.map((piece, place) =>
        element("span", { class: active[place] ? "piece active" : "piece" },
          element("code", {}, pretty(piece.text)), /[a-z]/i.test(piece.text) ? ` = ${shown(values[place])}` : "")),
      size.upper.length ? "" : " minus infinity, for it is exactly 0: each of its terms has a factor that is 0."),
      line ? element("div", { class: "wide" }, element("table", { class: "quoted" }, quoted(line))) : "");
  });
  return box;
}

function quoted(line) {
  const copy = line.cloneNode(true);
  copy.removeAttribute("id");
  return element("tbody", {}, copy);
}

function explain(index, name, t) {
  chosen[index] = { name, t };
  move({});
  document.querySelectorAll(".why")[index].scrollIntoView({ block: "nearest" });
}

// --- All together. ---

function sideOf(side, index) {
  const isPair = DATA.sides.length > 1 && !DATA.depths.length;
  return element("section", { class: "side" }, isPair ? element("h2", {}, side.title) : null,
    element("div", { class: side.window ? "upper" : "upper bare" },
      element("div", {}, drawing(side), places(side)),
      element("div", {}, conditions(side, index), learning(side),
        side.free.length > 2 ? element("p", { class: "quiet" }, DRAWN) : null)),
    element("h2", {}, "Exponents by step"), table(side, index), explanation(side, index),
    element("div", {}, ...side.caveats.map((text) => element("p", { class: "quiet" }, `Caveat: ${text}.`))));
}

// Of a stack at several depths the deepest is shown first.
function depthChoice(sections) {
  const choice = element("select", { id: "depth", onchange: () => show() },
    ...DATA.depths.map((depth, index) => element("option", { value: index }, `${depth}`)));
  const show = () => sections.forEach((each, index) => (each.hidden = index !== Number(choice.value)));
  choice.value = DATA.depths.length - 1;
  show();
  return element("label", { class: "choice" }, "Depth of the stack ", choice);
}

// A link to a line of a derivation opens what it stands in, also where the page has no address of its own.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  const target = link && document.getElementById(link.getAttribute("href").slice(1));
  if (!target) return;
  for (let each = target.closest("details"); each; each = each.parentElement.closest("details")) each.open = true;
  for (const each of document.querySelectorAll(".target")) each.classList.remove("target");
  target.classList.add("target");
  target.scrollIntoView({ block: "center" });
  event.preventDefault();
});

const sections = DATA.sides.map(sideOf);
document.getElementById("controls").append(...controls(), ...(DATA.depths.length ? [depthChoice(sections)] : []));
document.getElementById("sides").append(...sections);
move({});
