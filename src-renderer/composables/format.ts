/** @file Numbers in words a person reads at a glance: durations, sizes, counts, percentages, clock times. */

/** "45 s", "3 min 20 s", "2 h 5 min"; "less than a second" below one. Null gives "unknown". */
export function duration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return 'unknown';
  if (seconds < 1) return 'less than a second';
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return s % 60 === 0 ? `${s / 60} min` : `${Math.floor(s / 60)} min ${s % 60} s`;
  const minutes = Math.round(s / 60);
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** "45 s left"; nothing where it is not known. */
export function timeLeft(seconds: number | null): string {
  return seconds === null ? '' : `${duration(seconds)} left`;
}

/** Media time as m:ss.mmm (h:mm:ss.mmm above an hour). */
export function clock(seconds: number): string {
  const ms = Math.max(0, Math.round(seconds * 1000));
  const h = Math.floor(ms / 3_600_000);
  const m = Math.floor(ms / 60_000) % 60;
  const s = String(Math.floor(ms / 1000) % 60).padStart(2, '0');
  const rest = String(ms % 1000).padStart(3, '0');
  return h > 0 ? `${h}:${String(m).padStart(2, '0')}:${s}.${rest}` : `${m}:${s}.${rest}`;
}

/** Binary size with three significant digits: "1.42 GB" style with decimal units as file managers show. */
export function bytes(count: number | null): string {
  if (count === null) return 'unknown';
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : Number(value.toPrecision(3))} ${units[unit]}`;
}

/** "1,234,567". */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** "9,999", "100K": where there is no room for more than four figures. Put the whole number in a title. */
export function shortCount(value: number): string {
  return value < 10_000 ? count(value) : value.toLocaleString('en-US', { notation: 'compact' });
}

/** "1 pair", "3 pairs". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A proportion as "71.4 %". */
export function percent(value: number, digits = 1): string {
  return `${(value * 100).toFixed(digits)} %`;
}

/** A metric with four significant digits, exponent form when very small or large. */
export function metric(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size < 1e-3 || size >= 1e5 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

/** "just now", "5 min ago", "3 h ago", then the date. */
export function ago(timestamp: number, now = Date.now()): string {
  const s = Math.round((now - timestamp) / 1000);
  if (s < 45) return 'just now';
  if (s < 3600) return `${Math.max(1, Math.round(s / 60))} min ago`;
  if (s < 86_400) return `${Math.round(s / 3600)} h ago`;
  return new Date(timestamp).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
}
