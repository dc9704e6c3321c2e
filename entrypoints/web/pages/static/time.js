/** Formats times and counts down. */

const LOCALE = document.documentElement.dataset.locale;
const CLOCK = new Intl.DateTimeFormat(LOCALE, {
  hour: "numeric", minute: "2-digit", timeZoneName: "short",
});
const DAY = new Intl.DateTimeFormat(LOCALE, { dateStyle: "long" });
const LONG = new Intl.DateTimeFormat(LOCALE, { dateStyle: "long", timeStyle: "long" });
const inWords = (number, unit) => new Intl.NumberFormat(
  LOCALE, { style: "unit", unit, unitDisplay: "long" },
).format(number);

const SECOND_MS = 1000;
const LATE_MS = 5 * SECOND_MS;
const SPOKEN = [
  [20 * SECOND_MS, inWords(20, "second")],
  [60 * SECOND_MS, inWords(1, "minute")],
  [5 * 60 * SECOND_MS, inWords(5, "minute")],
  [10 * 60 * SECOND_MS, inWords(10, "minute")],
];

/** Returns hour, minute and time zone, in the browser's time zone. */
export const clockTime = (instant) => CLOCK.format(instant);

/** Returns the same with the date, in the form that the server uses. */
export const moment = (instant) => `${DAY.format(instant)}, ${CLOCK.format(instant)}`;

/** Returns the same with seconds. */
export const longTime = (instant) => LONG.format(instant);

/** Returns a duration such as "29 min 05 s", or "12 s" if it is less than a minute. */
export function duration(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / SECOND_MS));
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds} s`;
  return `${minutes} min ${String(seconds % 60).padStart(2, "0")} s`;
}

/**
 * Counts `milliseconds` down and returns a function that stops it.
 *
 * It calls `onTick(left)` immediately and then every second, `onSpoken(words)` a few times for
 * screen readers, `onWarn()` once when at most `warning` milliseconds are left, and `onEnd()` once.
 */
export function countDown(milliseconds, { warning, onTick, onSpoken, onWarn, onEnd }) {
  const end = Date.now() + milliseconds;
  let before = milliseconds;
  let warned = false;
  const tick = () => {
    const left = end - Date.now();
    onTick(left);
    if (left <= 0) {
      clearInterval(timer);
      onEnd();
      return;
    }
    if (left <= warning && !warned) {
      warned = true;
      onWarn();
    }
    // Announce a threshold only if it was just passed, as a computer may wake up long after it.
    // The warning dialog needs no announcement of its own.
    const reached = SPOKEN.find(([threshold]) => left <= threshold && threshold < left + LATE_MS);
    if (reached !== undefined && before > reached[0] && reached[0] !== warning) {
      onSpoken(reached[1]);
    }
    before = left;
  };
  const timer = setInterval(tick, SECOND_MS);
  onTick(milliseconds);
  return () => clearInterval(timer);
}
