// "Did you mean …?": the known word nearest to a misspelt one.

/** The candidate with the fewest edits, or null where none is near enough to be meant (a third of the word's length, at least 2). */
export function nearest(word: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let bestEdits = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const edits = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (edits < bestEdits) [best, bestEdits] = [candidate, edits];
  }
  return best;
}

/** Candidates that have all of the word in them, whatever stands between its letters and digits: `sdm630` or `SDM 630` in `eastron-sdm630`. */
export function holding(word: string, candidates: readonly string[]): readonly string[] {
  const bare = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]/g, '');
  return bare(word).length < SHORTEST_PART ? [] : candidates.filter(candidate => bare(candidate).includes(bare(word)));
}

/** The time zone that is meant by a word: the city alone is enough. */
export function nearestZone(word: string): string | null {
  const zones = Intl.supportedValuesOf('timeZone');
  return zones.find(zone => zone.toLowerCase().endsWith(`/${word.toLowerCase().replaceAll(' ', '_')}`)) ?? nearest(word, zones);
}

/** Fewer letters than that are in everything. */
const SHORTEST_PART = 3;

/** Edits between two words; two neighbours swapped are one edit (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let row = Array.from({length: b.length + 1}, (_, i) => i);
  let before: number[] = [];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] ?? 0) + 1 : Infinity;
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replaced, swapped));
    }
    [before, row] = [row, next];
  }
  return row[b.length] ?? 0;
}
