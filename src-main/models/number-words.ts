/** @file Numbers in English words and durations as text, exactly as Python's num2words and timedelta print them: prompts contain them. */

const SMALL =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  );
const TENS = 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');
const SCALES = ['', ' thousand', ' million', ' billion', ' trillion'];

/** 0..999 in words: "one hundred and one". */
function belowThousand(n: number): string {
  if (n < 20) return SMALL[n];
  if (n < 100) return TENS[Math.floor(n / 10) - 2] + (n % 10 ? `-${SMALL[n % 10]}` : '');
  const rest = n % 100;
  return `${SMALL[Math.floor(n / 100)]} hundred${rest ? ` and ${belowThousand(rest)}` : ''}`;
}

/** A whole number of at least 0 in words: "twenty-one", "one thousand and one", "one thousand, two hundred". */
export function numberInWords(n: number): string {
  if (n < 1000) return belowThousand(n);
  const groups: number[] = [];
  for (let left = n; left > 0; left = Math.floor(left / 1000)) groups.push(left % 1000);
  let words = '';
  for (let scale = groups.length - 1; scale >= 0; scale--) {
    const group = groups[scale];
    if (group === 0) continue;
    const separator = words === '' ? '' : scale === 0 && group < 100 ? ' and ' : ', ';
    words += separator + belowThousand(group) + SCALES[scale];
  }
  return words;
}

/** Whole seconds as str(timedelta(seconds=n)): "0:00:04", "1 day, 0:04:26". */
export function durationText(seconds: number): string {
  const days = Math.floor(seconds / 86400);
  const two = (n: number) => String(n).padStart(2, '0');
  const clock = `${Math.floor((seconds % 86400) / 3600)}:${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
  return days === 0 ? clock : `${days} day${days === 1 ? '' : 's'}, ${clock}`;
}

/** A time as MM:SS, truncated; minutes are not wrapped at 60 ("62:04"). */
export function stampText(seconds: number): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${two(Math.floor(seconds / 60))}:${two(Math.floor(seconds % 60))}`;
}
