// Many readings in few numbers.

/** The value below which this share of the readings lies. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * share)];
}

export const median = (values) => quantile(values, 0.5);

/** How readings lie, for people. */
export function spread(values, unit = "ms") {
  const at = (share) => quantile(values, share).toFixed(1);
  return `p5 ${at(0.05)}, p50 ${at(0.5)}, p95 ${at(0.95)}, worst ${at(1)} ${unit} of ${values.length}`;
}

/** How much later something is than the moment in a mark that holds the time in ms (see `clock` in devices.js). */
export function since({ frame }, at_ms) {
  const later_ms = (((at_ms - frame) % 65_536) + 65_536) % 65_536;
  return later_ms < 60_000 ? later_ms : later_ms - 65_536;
}
