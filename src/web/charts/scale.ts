// Round numbers for an axis. Pure.

type Axis = {readonly most: number; readonly least: number; readonly ticks: readonly number[]; readonly digits: number};

/** An axis from -`down` to `up`, widened to whole steps of 1, 2 or 5; about four ticks, never fewer than two. */
export function axisOf(up: number, down: number): Axis {
  const span = Math.max(up + down, 0.01);
  const rough = span / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find(one => one * power >= rough * 0.999) ?? 10) * power;
  const above = Math.max(1, Math.ceil(up / step - 1e-9));
  const below = Math.ceil(down / step - 1e-9);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = Array.from({length: above + below + 1}, (_, index) => (index - below) * step);
  return {most: above * step, least: 0 - below * step, ticks, digits};
}
