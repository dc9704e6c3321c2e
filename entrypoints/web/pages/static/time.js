/** Times as people read them, and the time that is left. */

const LANGUAGE = document.documentElement.lang;
const SHORT = new Intl.DateTimeFormat(LANGUAGE, {
  month: "long", day: "numeric", hour: "numeric", minute: "2-digit", timeZoneName: "short",
});
const LONG = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "long", timeStyle: "long" });

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const ANNOUNCED_MINUTES = [1, 2, 5, 10];

/** Day, minute and zone, where this browser is. */
export const shortTime = (instant) => SHORT.format(instant);

/** The same with the year and the seconds. */
export const longTime = (instant) => LONG.format(instant);

/** "29 min 05 s", or "12 s" in the last minute. */
export function duration(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / SECOND_MS));
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds} s`;
  return `${minutes} min ${String(seconds % 60).padStart(2, "0")} s`;
}

/**
 * Counts `milliseconds` down and returns a function that stops it.
 *
 * `onTick(left)` comes at once and then each second; `onMinutesLeft(minutes)` only a few times, for
 * a screen reader to say; `onEnd()` once.
 */
export function countDown(milliseconds, { onTick, onMinutesLeft, onEnd }) {
  const end = Date.now() + milliseconds;
  let before = milliseconds;
  const timer = setInterval(() => {
    const left = end - Date.now();
    onTick(left);
    const reached = ANNOUNCED_MINUTES.find((minutes) => left <= minutes * MINUTE_MS);
    if (reached !== undefined && before > reached * MINUTE_MS && left > 0) onMinutesLeft(reached);
    before = left;
    if (left <= 0) {
      clearInterval(timer);
      onEnd();
    }
  }, SECOND_MS);
  onTick(milliseconds);
  return () => clearInterval(timer);
}
