// What each colour looks like without its colour: one pattern per source and sink, for all charts.

import {now} from '../data.ts';

/** Class of a source or, with `to_`, of a sink. */
export const colour = (name: string): string => {
  const id = name.replace(/^to_/, '');
  const known = ['solar', 'wind', 'generator', 'grid', 'home', 'loss', 'standby', 'unexplained', 'unknown', 'battery'].includes(id);
  const battery = !known && (now.value?.roles.batteries.includes(id) ?? false);
  return name.startsWith('to_') ? (known ? `to-${id}` : battery ? 'to-battery' : 'to-load') : known ? id : 'battery';
};

/** Strokes over the colour, in a tile of 8; what is not named is plain. */
const MARKS: Readonly<Record<string, string>> = {
  wind: 'M0 2h8M0 6h8',
  generator: 'M0 0h8M0 0v8',
  battery: 'M2 2h.1M6 6h.1',
  grid: 'M-2 6l4 4M0 0l8 8M6-2l4 4',
  unknown: 'M4 4h.1',
  'to-battery': 'M-2 2l4-4M0 8l8-8M6 10l4-4',
  'to-grid': 'M4 0v8',
  'to-load': 'M0 4h8',
};

/** The definitions; once in each chart that fills with `patternOf`. */
export function Patterns() {
  return (
    <defs>
      {Object.entries(MARKS).map(([name, path]) => (
        <pattern key={name} id={`p-${name}`} width="8" height="8" patternUnits="userSpaceOnUse">
          <rect width="8" height="8" class={`fill ${name}`} />
          <path d={path} class={`mark ${name === 'battery' || name === 'unknown' ? 'round' : ''}`} />
        </pattern>
      ))}
      <pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect width="2" height="5" class="hatch" />
      </pattern>
      <pattern id="gap" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect width="1" height="6" class="gapline" />
      </pattern>
    </defs>
  );
}

/** Value of `fill` for a class, undefined where the style sheet's plain colour is meant. */
export const patternOf = (name: string): string | undefined => (name in MARKS ? `url(#p-${name})` : undefined);

/** A small sample for legends. */
export function Swatch({name}: {readonly name: string}) {
  const kind = colour(name);
  return (
    <svg class="swatch" viewBox="0 0 16 16" aria-hidden="true">
      <rect width="16" height="16" rx="4" class={`fill ${kind}`} />
      {MARKS[kind] && (
        <path d={MARKS[kind]} transform="scale(2)" class={`mark ${kind === 'battery' || kind === 'unknown' ? 'round' : ''}`} />
      )}
    </svg>
  );
}
